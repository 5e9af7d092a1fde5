"""What was made of pictures, brought into the order in which they are shown."""

from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class ShownOrder(Generic[T]):
    """Takes things in the order of their packets, and gives them in that of their places."""

    def __init__(self) -> None:
        """Begin with the first place, 0."""
        self._waiting: dict[int, T | None] = {}
        self._place = 0

    def put(self, place: int, item: T | None) -> Iterator[T]:
        """What can be shown with the next one, in order; None where that is not to be shown.

        Args:
            place: how many pictures the decoder gave out before it.
            item: what was made of it.
        """
        self._waiting[place] = item
        while self._place in self._waiting:
            shown = self._waiting.pop(self._place)
            self._place += 1
            if shown is not None:
                yield shown

    def rest(self) -> Iterator[T]:
        """What waits still, in order, where some of those before never came."""
        for _, item in sorted(self._waiting.items()):
            if item is not None:
                yield item
