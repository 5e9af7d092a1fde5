"""HostActor: a host as a process of its own."""

import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import uuid4

import ray

from ns_ray.actors.clock import WallClock
from ns_ray.actors.collected_outputs import CollectedOutputs
from ns_ray.actors.event_log import EventLog
from ns_ray.actors.host import Host
from ns_ray.actors.loop_worker import LoopWorker
from ns_ray.actors.node_files import NodeFiles
from ns_ray.actors.orders import Change, Order, Placement, Roster
from ns_ray.actors.outputs import Outputs, SharedOutputs
from ns_ray.actors.peer import Team
from ns_ray.actors.ray_crew import RayPeers
from ns_ray.actors.reading import Readers
from ns_ray.actors.reading_trace import ReadingTrace, clear_left_traces, trace_path
from ns_ray.actors.reports import AnchorCounts, Doing, HostReport, HostView
from ns_ray.actors.stored_outputs import StoredOutputs
from ns_ray.config.config import Config
from ns_ray.config.output import Output
from ns_ray.object_store import ObjectStore


class HostActor(LoopWorker):
    """See Host."""

    def __init__(self, affinity: list[int], namespace: str, name: str, config: Config) -> None:
        super().__init__(affinity)
        self._told: dict[str, Doing] = {}
        self._told_name = uuid4().hex
        clear_left_traces(namespace)
        peers = RayPeers(Team(namespace, config.retries, config.start_seconds))
        readers = Readers(ReadingTrace(trace_path(namespace, name)))
        outputs = _outputs(config.output)
        self._host = Host(name, config, peers, WallClock(), readers, outputs, self.sums, EventLog(name, config.events))
        if self.flushing is not None:
            self.flushing.levels = self._host.levels

    async def add(self, orders: Sequence[tuple[Order, Placement]], rosters: Mapping[str, Roster]) -> None:
        """See Host."""
        self.beat()
        self._host.add(orders, rosters)

    async def change(self, name: str, change: Change) -> None:
        """See Host."""
        self._host.change(name, change)

    async def move(self, name: str, placement: Placement) -> None:
        """See Host."""
        self._host.move(name, placement)

    async def halt(self, names: Sequence[str]) -> None:
        """See Host."""
        self._host.halt(names)

    async def release(self, names: Sequence[str]) -> list[str]:
        """See Host."""
        return await self._host.release(names)

    async def remove(self, names: Sequence[str]) -> None:
        """See Host."""
        self._host.remove(names)

    async def take_rosters(self, rosters: Mapping[str, Roster]) -> None:
        """See Host."""
        self._host.take_rosters(rosters)

    async def doing(self, known: str) -> tuple[str, dict[str, Doing] | None]:
        """See Host; what is told has a name, and is not told again to those who know it."""
        doing = self._host.doing()
        if doing != self._told:
            self._told, self._told_name = doing, uuid4().hex
        return self._told_name, None if known == self._told_name else doing

    async def anchor_counts(self) -> AnchorCounts:
        """See Host."""
        return self._host.anchor_counts()

    async def report(self, after: int, born: str) -> HostReport:
        """See Host."""
        return self._host.report(after, born)

    async def view(self, seconds: float) -> HostView:
        """See Host."""
        return self._host.view(seconds)

    async def prove(self, folder: Path, token: str) -> str:
        """See Host; the id of its node."""
        await self._host.prove(folder, token)
        return _node()


def _node() -> str:
    identifier: str = ray.get_runtime_context().get_node_id()
    return identifier


def _outputs(output: Output) -> Outputs:
    """Outputs on this node."""
    identifier = _node()
    name = f"{platform.node()} ({identifier[:8]})"
    match output.kind:
        case "shared":
            return SharedOutputs(name)
        case "collected":
            return CollectedOutputs(name, identifier, NodeFiles())
        case "stored":
            return StoredOutputs(name, ObjectStore(output.url), Path(output.folder), output.save_seconds)
