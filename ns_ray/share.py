"""Sharing out streams among workers of different speed."""

from collections.abc import Collection, Mapping


def least_busy(
    busy: Mapping[str, float],
    near: Collection[str] = (),
    slack: float = 0.0,
    first: Collection[str] = (),
    full: float = 1.0,
) -> str:
    """The worker that one more stream goes to; the same for the same input.

    Args:
        busy: how busy each would be with it, 1 being all of its time.
        near: those that it would rather be with.
        slack: how much busier than the least busy such a one may be.
        first: workers that are filled before the others get anything.
        full: how busy those may become by that.

    Returns:
        The least busy worker, of equals the first by name, numbers in names counting as numbers; or a near one that is
        hardly busier.

    Raises:
        ValueError: there is no worker.
    """
    early = {name: load for name, load in busy.items() if name in first and load <= full}
    open_ = early or busy
    least = min(open_.values())
    close = {name: load for name, load in open_.items() if name in near and load <= least + slack}
    return min(close or open_, key=lambda name: ((close or open_)[name], in_order(name)))


def in_order(name: str) -> tuple[str, int]:
    """A key that puts `host-2` before `host-10`."""
    kind, _, number = name.rpartition("-")
    return (kind, int(number)) if number.isdigit() else (name, 0)
