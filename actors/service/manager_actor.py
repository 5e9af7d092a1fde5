"""ManagerActor: the manager as a process of its own."""

import asyncio
from collections.abc import Mapping, Sequence

from ns_ray.actors.clock import WallClock
from ns_ray.actors.event_log import EventLog
from ns_ray.actors.loop_worker import LoopWorker
from ns_ray.actors.messages import Stream
from ns_ray.actors.orders import Change, Order, Plan
from ns_ray.actors.peer import Team
from ns_ray.actors.ray_crew import RayCrew
from ns_ray.actors.service.manager import Manager, Placed, Prepared
from ns_ray.config.config import Config
from ns_ray.video.probe import VideoInfo


class ManagerActor(LoopWorker):
    """See Manager; with the first call, it looks around and begins to look after the streams."""

    def __init__(self, affinity: list[int], namespace: str, config: Config) -> None:
        super().__init__(affinity)
        crew = RayCrew(Team(namespace, config.retries, config.start_seconds))
        self._manager = Manager(config, crew, WallClock(), self.sums, EventLog("manager-0", config.events))
        if self.flushing is not None:
            self.flushing.levels = self._manager.levels
        self._started: asyncio.Task[None] | None = None

    async def _at_work(self) -> Manager:
        self.beat()
        if self._started is None:
            self._started = asyncio.ensure_future(self._start())
        await asyncio.shield(self._started)
        return self._manager

    async def _start(self) -> None:
        await self._manager.start()
        self.beside(self._manager.go_on())

    async def probe(self, path: str, unsafe: bool) -> VideoInfo:
        """See Manager."""
        return await (await self._at_work()).probe(path, unsafe)

    async def prepare(self, streams: Sequence[Stream], plan: Plan | None) -> Prepared:
        """See Manager."""
        return await (await self._at_work()).prepare(streams, plan)

    async def add(self, orders: Sequence[Order], again: bool) -> Mapping[str, str]:
        """See Manager."""
        return await (await self._at_work()).add(orders, again=again)

    async def change(self, name: str, change: Change) -> None:
        """See Manager."""
        await (await self._at_work()).change(name, change)

    async def halt(self, names: Sequence[str]) -> None:
        """See Manager."""
        await (await self._at_work()).halt(names)

    async def remove(self, names: Sequence[str]) -> None:
        """See Manager."""
        await (await self._at_work()).remove(names)

    async def streams(self) -> Placed:
        """See Manager."""
        return (await self._at_work()).streams()
