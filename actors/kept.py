"""What actors made and left in the object store; a node that goes takes it along, and it is made again."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from ray import ObjectRef

T_co = TypeVar("T_co", covariant=True)
Results = tuple[list["ObjectRef[Any]"], Any]
"""What a call left in the object store, and what it answered."""


class Making:
    """A call of which results are kept, and how it is made again."""

    def __init__(self, results: Results, call: Callable[[], Awaitable[Results]]) -> None:
        self.refs, self.answer = results
        self._call = call
        self._turn = asyncio.Lock()

    async def repeat(self, lost: "ObjectRef[Any]") -> None:
        """Make all results again, unless that has been done since this one was lost."""
        async with self._turn:
            if lost in self.refs:
                self.refs, self.answer = await self._call()


class Kept(Generic[T_co]):
    """One result of a call, to be handed to other calls as an argument or in a list or tuple of arguments."""

    def __init__(self, making: Making, index: int) -> None:
        self._making = making
        self._index = index

    @property
    def ref(self) -> "ObjectRef[Any]":
        """Where it is now."""
        return self._making.refs[self._index]

    @property
    def answer(self) -> Any:
        """What the call answered when it was made last; it differs where the call had a deadline."""
        return self._making.answer

    async def make_again(self, lost: "ObjectRef[Any]") -> None:
        """Make it again if it is still that object; several may ask at once.

        Raises:
            NsRayError: as the call that made it.
        """
        await self._making.repeat(lost)


def keep(results: Results, call: Callable[[], Awaitable[Results]]) -> list[Kept[Any]]:
    """The results of a call, which `call` makes again."""
    making = Making(results, call)
    return [Kept(making, index) for index in range(len(making.refs))]


def as_refs(arguments: Sequence[object]) -> list[object]:
    """Arguments as Ray takes them."""
    return [_as_ref(argument) for argument in arguments]


def _as_ref(argument: object) -> object:
    if isinstance(argument, Kept):
        return argument.ref
    if isinstance(argument, list | tuple) and any(kept_in(argument)):
        return as_refs(argument)
    return argument


def kept_in(arguments: Iterable[object]) -> Iterator[Kept[Any]]:
    """All that is kept among arguments."""
    for argument in arguments:
        if isinstance(argument, Kept):
            yield argument
        elif isinstance(argument, list | tuple):
            yield from kept_in(argument)
