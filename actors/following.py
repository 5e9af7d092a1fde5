"""Streams as a client follows them, whoever dies meanwhile."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from ns_ray.actors.crew import Crew
from ns_ray.actors.orders import Change, Order
from ns_ray.actors.ray_crew import ManagerClient
from ns_ray.actors.reports import EpochReport, HostReport, StreamReport, Totals
from ns_ray.errors import ActorLostError
from ns_ray.report.results import Standing
from ns_ray.video.address import is_rereadable

_LOOK_SECONDS = 0.25
_MOST_STANDINGS = 1000
Progress = Callable[[str, int], None]
"""Told a stream's name and how many frames have been written since it was told last."""


@dataclass(slots=True)
class Followed:
    """One stream.

    Attributes:
        order: what is to be done.
        report: what became of it, as far as it has been told.
        epochs: its latest epochs, by number.
        losses: what had been written and went with a node.
    """

    order: Order
    report: StreamReport
    epochs: dict[int, EpochReport]
    losses: list[str] = field(default_factory=list)


class Following:
    """Has streams enhanced, and gathers what hosts tell of them.

    What is wanted stays here: a manager that was started again is told again.

    Attributes:
        streams: all that were added, by name.
        standings: how it stood with what streams ask for, each time that changed; the latest.
    """

    def __init__(self, manager: ManagerClient, crew: Crew, kept_epochs: int) -> None:
        """Follow nobody yet.

        Args:
            manager: begins and ends streams.
            crew: the hosts.
            kept_epochs: epochs of a stream that are kept.
        """
        self.streams: dict[str, Followed] = {}
        self.standings: deque[Standing] = deque(maxlen=_MOST_STANDINGS)
        self._manager = manager
        self._crew = crew
        self._kept = kept_epochs
        self._born = ""
        self._told: dict[str, HostReport] = {}
        self._halted: set[str] = set()
        self._adding: set[str] = set()  # of which the manager has not said whether there is room

    async def add(self, orders: Sequence[Order]) -> None:
        """Begin streams; what is refused ends as `refused`. Raises as Manager.add."""
        for order in orders:
            stream = order.stream
            report = StreamReport(stream.name, stream.info.path, "running", "", (), Totals())
            self.streams[stream.name] = Followed(order, report, {})
        names = {order.stream.name for order in orders}
        self._adding |= names
        try:
            refused = await self._manager.add(orders)
        finally:
            self._adding -= names
        for name, reason in refused.items():
            followed = self.streams[name]
            followed.report = replace(followed.report, state="refused", reason=reason)

    async def change(self, name: str, change: Change) -> None:
        """Go on with a stream otherwise; raises as Manager.change."""
        await self._manager.change(name, change)
        self.streams[name].order = self.streams[name].order.changed(change)

    async def halt(self, names: Sequence[str]) -> None:
        """End streams early."""
        self._halted |= {*names}
        await self._manager.halt(names)

    async def drop(self, names: Sequence[str]) -> None:
        """Forget streams that have ended, here and elsewhere."""
        await self._manager.remove(names)
        for name in names:
            self.streams.pop(name, None)
            self._halted.discard(name)

    async def let_go(self, name: str) -> None:
        """Have manager and host forget a stream that has ended, which is kept here: it need not be made again."""
        await self._manager.remove([name])

    def begin_again(self, name: str) -> None:
        """Follow a stream once more that had ended and whose finished file is gone: the manager has it made again."""
        followed = self.streams[name]
        followed.report = replace(followed.report, state="running", reason="", output="", output_bytes=0, node="")

    @property
    def running(self) -> list[str]:
        """Streams that have not ended."""
        return [name for name, one in self.streams.items() if one.report.state == "running"]

    async def until_ended(self, progress: Progress, stop: asyncio.Event) -> None:
        """Follow all streams to their ends; once `stop` is set, these come early."""
        while self.running:
            if stop.is_set() and set(self.running) - self._halted:
                await self.halt(self.running)
            await self.look(progress)
            if self.running:
                await _first(asyncio.sleep(_LOOK_SECONDS), stop.wait() if not self._halted else None)

    async def look(self, progress: Progress = lambda name, frames: None) -> None:
        """Ask everybody once."""
        placed = await self._manager.streams()
        if placed.born != self._born:
            await self._tell_again(set(placed.hosts))
            self._born = placed.born
        self._take_standing(placed.standing)
        hosts = {placed.hosts[name] for name in self.running if name in placed.hosts}
        self._told = {host: told for host, told in self._told.items() if host in placed.hosts.values()}
        await asyncio.gather(*(self._ask(host, progress) for host in sorted(hosts)))

    def _take_standing(self, standing: Standing) -> None:
        if standing.streams and standing != (self.standings[-1] if self.standings else None):
            self.standings.append(standing)

    async def _tell_again(self, known: set[str]) -> None:
        missing = [
            replace(self.streams[name].order, begun=True)
            for name in self.running
            if name not in known and name not in self._adding
        ]
        if missing:
            await self._manager.add(missing, again=True)
        if self._halted:
            await self._manager.halt(sorted(self._halted))

    async def _ask(self, host: str, progress: Progress) -> None:
        last = self._told.get(host)
        try:
            report = await self._crew.report(host, last.after if last else 0, last.born if last else "")
        except ActorLostError:
            self._told.pop(host, None)
            return  # the manager will find another for its streams
        self._told[host] = replace(report, streams=(), epochs=())
        for stream in report.streams:  # first, as epochs that are lost are forgotten
            self._take(stream, progress)
        for epoch in report.epochs:
            self._take_epoch(epoch)

    def _take_epoch(self, report: EpochReport) -> None:
        followed = self.streams.get(report.result.stream)
        if followed is None:
            return
        epochs, number = followed.epochs, report.result.epoch
        if len(epochs) >= self._kept and number < next(iter(epochs)):
            return  # told again by a host that was started again
        epochs[number] = report
        while len(epochs) > self._kept:
            del epochs[next(iter(epochs))]

    def _take(self, report: StreamReport, progress: Progress) -> None:
        followed = self.streams.get(report.name)
        if followed is None or followed.report.state != "running":  # how it ended has been told
            return
        more = report.totals.shown - followed.report.totals.shown
        if report.session and report.session != followed.report.session:
            self._take_loss(followed, followed.report.totals.shown - report.begun_at)
        elif more < 0:  # its host has not yet found out how far it was, or only finds the finished file
            if report.state != "running":
                followed.report = self._found_finished(report, followed.report)
            return
        followed.report = report
        if more:
            progress(report.name, more)

    def _take_loss(self, followed: Followed, frames: int) -> None:
        """A session goes on so many frames before what had been written; none where that is all there."""
        if frames <= 0:
            return
        followed.epochs.clear()  # those that are left are told again
        again = "made again" if is_rereadable(followed.order.stream.info.path) else "missing, as its source is live"
        followed.losses.append(f"{frames} frames that had been written went with a node; they are {again}")

    def _found_finished(self, report: StreamReport, before: StreamReport) -> StreamReport:
        """A stream whose host died as it had finished the file: what was told by then holds."""
        known = replace(report, totals=before.totals, notes=before.notes)
        if report.name not in self._halted or report.state != "done":
            return known
        reason = f"stream {report.name}: stopped after {before.totals.shown} frames or more"
        return replace(known, state="stopped", reason=reason)


async def _first(*works: object) -> None:
    tasks = [asyncio.ensure_future(work) for work in works if work is not None]  # type: ignore[call-overload]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
