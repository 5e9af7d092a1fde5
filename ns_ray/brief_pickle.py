"""Pickling of small frozen dataclasses that cross processes by the thousand."""

from collections.abc import Callable
from dataclasses import fields
from operator import attrgetter
from typing import Any, TypeVar

T = TypeVar("T")


def briefly_pickled(kind: type[T]) -> type[T]:
    """Make a dataclass pickle as a call of itself with the values of its fields, all of which it takes by position.

    What dataclasses with slots do by themselves looks up the fields by name each time, in Python: three times as long,
    all of it under Python's lock.
    """
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    first = attrgetter(names[0])
    values: Callable[[T], tuple[Any, ...]] = (lambda one: (first(one),)) if len(names) == 1 else attrgetter(*names)

    def reduce(self: T) -> tuple[type[T], tuple[Any, ...]]:
        return kind, values(self)

    kind.__reduce__ = reduce  # type: ignore[assignment, method-assign]
    return kind
