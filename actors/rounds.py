"""Rounds: members meet once a slot to share something out, streams at their host and hosts at the scheduler."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Generic, TypeVar

from ns_ray.actors.clock import RunClock

B = TypeVar("B")
G = TypeVar("G")


class _Round(Generic[B, G]):
    def __init__(self) -> None:
        self.brought: dict[str, B] = {}
        self.given: asyncio.Future[Mapping[str, G]] | None = None
        self.closed = asyncio.Event()
        self.closing: asyncio.Future[None] | None = None


class Rounds(Generic[B, G]):
    """Gathers what all members bring to a slot, then has something made of it for all of them at once.

    A round closes when all have come that are expected there, or, where there is a bound, when that has passed. A
    member that did not come by then is not waited for again before it has come back.
    """

    def __init__(
        self,
        share: Callable[[int, Mapping[str, B]], Awaitable[Mapping[str, G]]],
        clock: RunClock,
        closes: Callable[[int], float] | None = None,
    ) -> None:
        """Set up rounds without members.

        Args:
            share: what those get that came to a slot.
            clock: the run's.
            closes: asked when the first comes to a round: when, on that clock, it closes, whoever is not there. None
                to wait for ever.
        """
        self._expected: dict[str, int] = {}
        self._share = share
        self._clock = clock
        self._closes = closes
        self._missing: set[str] = set()
        self._rounds: dict[int, _Round[B, G]] = {}
        self._closed_before = 0

    @property
    def members(self) -> set[str]:
        """Those that are waited for."""
        return set(self._expected)

    @property
    def waiting(self) -> bool:
        """Whether somebody has come and waits for others."""
        return bool(self._rounds)

    def expect(self, name: str, number: int) -> None:
        """A member, new or not, will come to round `number`, and to none before it."""
        self._expected[name] = number
        self._close_full()

    async def join(self, number: int, name: str, brings: B) -> G | None:
        """Bring something to round `number`; what is given for it, None where the round is over."""
        self._missing.discard(name)
        if number < self._closed_before:
            return None
        meeting = self._rounds.setdefault(number, _Round())
        meeting.brought[name] = brings
        if self._closes is not None and meeting.closing is None:
            meeting.closing = asyncio.ensure_future(self._close_later(number, self._closes(number)))
        self._close_full()
        await meeting.closed.wait()
        assert meeting.given is not None
        return (await asyncio.shield(meeting.given))[name]

    def leave(self, name: str) -> None:
        """Take a member out of this and later rounds."""
        self._expected.pop(name, None)
        self._missing.discard(name)
        self._close_full()

    async def _close_later(self, number: int, when: float) -> None:
        await self._clock.sleep(when - self._clock.now())
        meeting = self._rounds[number]
        meeting.closing = None
        self._missing |= {name for name in self._awaited(number) if name not in meeting.brought}
        self._close(number)

    def _close_full(self) -> None:
        for number, meeting in sorted(self._rounds.items()):
            if all(name in meeting.brought for name in self._awaited(number)):
                self._close(number)

    def _awaited(self, number: int) -> Iterator[str]:
        return (name for name, first in self._expected.items() if first <= number and name not in self._missing)

    def _close(self, number: int) -> None:
        meeting = self._rounds.pop(number)
        if meeting.closing is not None:
            meeting.closing.cancel()
        self._closed_before = max(self._closed_before, number + 1)
        meeting.given = asyncio.ensure_future(self._give(number, meeting.brought))
        meeting.closed.set()

    async def _give(self, number: int, brought: Mapping[str, B]) -> Mapping[str, G]:
        return await self._share(number, brought)
