"""Sharing out streams among workers of different speed."""

from collections.abc import Collection, Sequence


def share_out(
    loads: Sequence[float], speeds: Sequence[float], first: Collection[int] = (), full: float = 1.0
) -> list[int]:
    """Give each load to one worker so that all are about equally busy; the same for the same input.

    Args:
        loads: what each stream asks for in a second, above 0.
        speeds: what each worker does in a second, in the same unit.
        first: workers that are filled before the others get anything.
        full: how busy those may become by that, 1 being all of their time.

    Returns:
        For each load the index of its worker: in order, the one that is then least busy, the first of equals.

    Raises:
        ValueError: no worker has a speed above 0.
    """
    able = [index for index, speed in enumerate(speeds) if speed > 0]
    if not able:
        raise ValueError("no worker has a speed above 0")
    busy = [0.0] * len(speeds)
    owners = []
    for load in loads:
        then = {index: (busy[index] + load) / speeds[index] for index in able}
        choice = [index for index in able if index in first and then[index] <= full] or able
        owner = min(choice, key=then.__getitem__)
        busy[owner] += load
        owners.append(owner)
    return owners
