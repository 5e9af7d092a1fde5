"""Sharing out streams among workers of different speed."""

from collections.abc import Sequence


def share_out(loads: Sequence[float], speeds: Sequence[float]) -> list[int]:
    """Give each load to one worker so that all are about equally busy; the same for the same input.

    Args:
        loads: what each stream asks for in a second, above 0.
        speeds: what each worker does in a second, in the same unit.

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
        owner = min(able, key=lambda index: (busy[index] + load) / speeds[index])
        busy[owner] += load
        owners.append(owner)
    return owners
