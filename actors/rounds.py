"""Rounds: the streams meet once an epoch to share out the anchors."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

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


class Rounds:
    """Gathers the frame records of all streams for each epoch, then has the anchors chosen for all of them at once."""

    def __init__(self, members: Iterable[str], choose: Choose, patience: float | None) -> None:
        """Set up the rounds of a run.

        Args:
            members: names of the streams.
            choose: chooses for those that came.
            patience: seconds that a round waits, from the first to come, for those that are late; None for ever.
        """
        self._members = set(members)
        self._choose = choose
        self._patience = patience
        self._rounds: dict[int, _Round] = {}
        self._closed_before = 0

    async def join(self, number: int, epoch: StreamEpoch) -> tuple[Choice, Span, bool]:
        """Bring a stream's records to round `number`.

        Returns:
            Its anchors, the work of choosing, and whether it came in time; if not, it gets no anchors.
        """
        if number < self._closed_before:
            choices, span = await self._choose([epoch], False)
            return choices[epoch.stream], span, False
        meeting = self._rounds.setdefault(number, _Round())
        meeting.epochs[epoch.stream] = epoch
        if len(meeting.epochs) == 1 and self._patience is not None:
            asyncio.get_running_loop().call_later(self._patience, self._close, number)
        self._close_full()
        await meeting.closed.wait()
        assert meeting.choices is not None
        choices, span = await asyncio.shield(meeting.choices)
        return choices[epoch.stream], span, True

    def leave(self, name: str) -> None:
        """Take a stream out of this and later rounds."""
        self._members.discard(name)
        self._close_full()

    def _close_full(self) -> None:
        for number, meeting in sorted(self._rounds.items()):
            if self._members <= meeting.epochs.keys():
                self._close(number)

    def _close(self, number: int) -> None:
        meeting = self._rounds.pop(number, None)
        if meeting is None:
            return
        self._closed_before = max(self._closed_before, number + 1)
        meeting.choices = asyncio.ensure_future(self._choose(list(meeting.epochs.values()), True))
        meeting.closed.set()
