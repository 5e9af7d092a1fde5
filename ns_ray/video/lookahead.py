"""Packets that can be looked at before they are taken."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Lookahead(Generic[T]):
    """Iterates items; `ahead` tells those that follow without taking them."""

    def __init__(self, items: Iterable[T]) -> None:
        self._items = iter(items)
        self._read: deque[T] = deque()

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        return self._read.popleft() if self._read else next(self._items)

    @property
    def known(self) -> T | None:
        """The next item, where it has been read; None where not."""
        return self._read[0] if self._read else None

    def ahead(self) -> Iterator[T]:
        """The items that follow, which are read as they are asked for; to be used before the next one is taken."""
        at = 0
        while True:
            if at == len(self._read):
                try:
                    self._read.append(next(self._items))
                except StopIteration:
                    return
            yield self._read[at]
            at += 1
