"""Rounds: the streams meet once an epoch to share out the anchors."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from ns_ray.anchors.epoch import Choice, StreamEpoch

Choose = Callable[[list[StreamEpoch]], Awaitable[dict[str, Choice]]]


class _Round:
    def __init__(self) -> None:
        self.epochs: dict[str, StreamEpoch] = {}
        self.choices: asyncio.Task[dict[str, Choice]] | None = None
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

    async def join(self, number: int, epoch: StreamEpoch) -> Choice | None:
        """Bring a stream's records to round `number`, and get its anchors; None where the round went without it."""
        if number < self._closed_before:
            return None
        meeting = self._rounds.setdefault(number, _Round())
        meeting.epochs[epoch.stream] = epoch
        if len(meeting.epochs) == 1 and self._patience is not None:
            asyncio.get_running_loop().call_later(self._patience, self._close, number)
        self._close_full()
        await meeting.closed.wait()
        assert meeting.choices is not None
        return (await asyncio.shield(meeting.choices)).get(epoch.stream)

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
        meeting.choices = asyncio.ensure_future(self._choose(list(meeting.epochs.values())))
        meeting.closed.set()
