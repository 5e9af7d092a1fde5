"""Rounds: the streams meet once a slot to share out the anchors."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping

from actors.clock import RunClock
from ns_ray.anchors.epoch import Choice, StreamEpoch
from ns_ray.results import Span

Choices = tuple[dict[str, Choice], Span]
Choose = Callable[[list[StreamEpoch], bool], Awaitable[Choices]]
"""Chooses for streams of one round; where the flag is false they came too late, and get no anchors."""


class _Round:
    def __init__(self) -> None:
        self.epochs: dict[str, StreamEpoch] = {}
        self.choices: asyncio.Future[Choices] | None = None
        self.closed = asyncio.Event()
        self.closing: asyncio.Future[None] | None = None


class Rounds:
    """Gathers the frame records of all streams for each slot, then has the anchors chosen for all of them at once.

    A round closes when all have come that are expected there, or, where there is a bound, when that has passed. A
    stream that did not come by then is not waited for again before it has come back.
    """

    def __init__(
        self, members: Mapping[str, int], choose: Choose, clock: RunClock, closes: Callable[[int], float] | None = None
    ) -> None:
        """Set up the rounds of a run.

        Args:
            members: names of the streams, and the first round to which each will come.
            choose: chooses for those that came.
            clock: the run's.
            closes: asked when the first comes to a round: when, on that clock, it closes, whoever is not there. None
                to wait for ever.
        """
        self._expected = dict(members)
        self._choose = choose
        self._clock = clock
        self._closes = closes
        self._missing: set[str] = set()
        self._rounds: dict[int, _Round] = {}
        self._closed_before = 0

    def expect(self, name: str, number: int) -> None:
        """A stream will come to round `number`, and to none before it: until then it has a pause."""
        self._expected[name] = number
        self._close_full()

    async def join(self, number: int, epoch: StreamEpoch) -> tuple[Choice, Span, bool]:
        """Bring a stream's records to round `number`.

        Returns:
            Its anchors, the work of choosing, and whether it came in time; if not, it gets no anchors.
        """
        self._missing.discard(epoch.stream)
        if number < self._closed_before:
            choices, span = await self._choose([epoch], False)
            return choices[epoch.stream], span, False
        meeting = self._rounds.setdefault(number, _Round())
        meeting.epochs[epoch.stream] = epoch
        if self._closes is not None and meeting.closing is None:
            meeting.closing = asyncio.ensure_future(self._close_later(number, self._closes(number)))
        self._close_full()
        await meeting.closed.wait()
        assert meeting.choices is not None
        choices, span = await asyncio.shield(meeting.choices)
        return choices[epoch.stream], span, True

    def leave(self, name: str) -> None:
        """Take a stream out of this and later rounds."""
        self._expected.pop(name, None)
        self._close_full()

    async def _close_later(self, number: int, when: float) -> None:
        await self._clock.sleep(when - self._clock.now())
        meeting = self._rounds[number]
        meeting.closing = None
        self._missing |= {name for name in self._awaited(number) if name not in meeting.epochs}
        self._close(number)

    def _close_full(self) -> None:
        for number, meeting in sorted(self._rounds.items()):
            if all(name in meeting.epochs for name in self._awaited(number)):
                self._close(number)

    def _awaited(self, number: int) -> Iterator[str]:
        return (name for name, first in self._expected.items() if first <= number and name not in self._missing)

    def _close(self, number: int) -> None:
        meeting = self._rounds.pop(number)
        if meeting.closing is not None:
            meeting.closing.cancel()
        self._closed_before = max(self._closed_before, number + 1)
        meeting.choices = asyncio.ensure_future(self._choose(list(meeting.epochs.values()), True))
        meeting.closed.set()
