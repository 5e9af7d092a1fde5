"""Streams without Ray and without waiting: hosts, scheduler, manager and client are real, what they call is made up.

Processes die when they are told to, and forget all that they knew; files stay.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from jumping import LoopClock, jump
from processes import Process, watch_lives
from videos import Video, constant

from ns_ray.actors.following import Followed, Following
from ns_ray.actors.host import Host
from ns_ray.actors.messages import (
    Anchors,
    Ask,
    DecodeJob,
    DecodeReply,
    DecoderSpeed,
    FinishReply,
    Made,
    MadeReply,
    Stream,
    WriteReply,
)
from ns_ray.actors.orders import Change, Order, Placement, Plan, Roster
from ns_ray.actors.peers import Meeting
from ns_ray.actors.reading import Readers
from ns_ray.actors.reports import AnchorCounts, Doing, HostReport
from ns_ray.actors.scheduler import Scheduler
from ns_ray.actors.service.manager import Manager, Placed, Prepared
from ns_ray.actors.work import Left, Read, Writing
from ns_ray.anchors import policies
from ns_ray.anchors.account import Rate
from ns_ray.anchors.award import Award
from ns_ray.anchors.offer import Offer
from ns_ray.codecs.records import FrameRecord
from ns_ray.config.admission import Admission
from ns_ray.config.config import Config
from ns_ray.errors import MediaError, ModelError, NsRayError, PartLostError
from ns_ray.hybrid.anchor_image import AnchorImage
from ns_ray.hybrid.writer import HybridFormat
from ns_ray.picture.coding import PUBLISHED, Coding
from ns_ray.report.results import EngineResult, Span
from ns_ray.video.block import PacketBlock
from ns_ray.video.packets import Mark, Packet

__all__ = ["CONFIG", "SHARE", "Video", "World", "broken", "constant", "slow"]

CONFIG = Config(start_seconds=20)
SHARE = policies.Fraction(0.075)
Takes = Callable[[str, str], float]
"""Seconds that something takes for a stream; it may raise what goes wrong."""


def swiftly(what: str, stream: str) -> float:
    return {"decode": 0.05, "enhance": 0.05}.get(what, 0.002)


def broken(what: str, stream: str, after: int) -> Takes:
    """Something fails for one stream after so many times."""
    calls = 0

    def takes(called: str, name: str) -> float:
        nonlocal calls
        if called == what and name == stream:
            calls += 1
            if calls > after:
                raise MediaError("it broke")
        return swiftly(called, name)

    return takes


def slow(what: str, seconds: float, stream: str = "") -> Takes:
    """Something takes so long, for one stream or all."""

    def takes(called: str, name: str) -> float:
        return seconds if called == what and stream in ("", name) else swiftly(called, name)

    return takes


def span(stage: str, seconds: float = 0.0) -> Span:
    now = asyncio.get_running_loop().time()
    return Span(stage, now - seconds, now)


@dataclass
class Written:
    """One epoch in a file, as bytes; `note` is None until it is written whole."""

    packets: list[bytes]
    sides: list[bytes]
    anchors: list[bytes]
    note: bytes | None = None


_DROPPED = Written([], [], [], b"")


@dataclass
class Kept:
    """Frames that a decoder keeps: by group, each with its stream and the node where they are."""

    groups: list[list[tuple[str, FrameRecord]]] = field(default_factory=list)
    lost: bool = False


class Sources(Readers):
    """What is made up can be read by everybody."""

    def again(self, stream: Stream) -> bool:
        return True


class SimulatedHost(Host):
    """A host whose files and sources are the world's."""

    def __init__(self, name: str, world: "World") -> None:
        super().__init__(name, world.config, Peers(world), LoopClock(), Sources())
        self._world = world

    async def read(self, stream: Stream, mark: Mark, until: Fraction, limit: int) -> Read:
        await self._world.take("read", stream.name)
        video = self._world.videos[stream.name]
        self._world.reads[stream.name] += 1
        stop = video.until(mark.index, until, limit)
        ended = stop == video.length
        return Read(
            video.packets[mark.index : stop],
            video.beside(mark.index),
            video.records[mark.index : stop],
            Mark(stop),
            ended,
            "it breaks off" if ended and video.breaks is not None else "",
            video.notes,
            span("read"),
            video.end(stop) if stop > mark.index else Fraction(0),
            video.times[stop] if video.tells and not ended else None,
        )

    async def before(self, stream: Stream, mark: Mark) -> Sequence[Packet]:
        await self._world.take("before", stream.name)
        return self._world.videos[stream.name].before(mark.index)

    async def write(self, job: Writing) -> WriteReply:
        waiting = self.levels()["requests_waiting", "inference"]
        self._world.most_waiting = max(self._world.most_waiting, waiting)
        file = self._world.files.setdefault(job.path.name, [])
        assert job.offset <= len(file), "nothing is left out"
        assert all(one.note is not None for one in file[: job.offset]), "what is half-written is written again"
        del file[job.offset :]
        written = Written(
            [packet.data for packet in job.packets],
            [side.data for side in job.sides],
            sorted(image.data for image in job.anchors),
        )
        file.append(written)
        await self._world.take("write", job.path.name.removesuffix(".mkv.part"))
        written.note = job.note
        if not self._world.keeps and len(file) > 1:
            file[-2] = _DROPPED
        return WriteReply(len(file), span("write"))

    async def recover(self, order: Order, part: Path) -> Left:
        await self._world.take("notes", part.name.removesuffix(".mkv.part"))
        file = self._world.files.get(part.name, [])
        notes = [(i, one.note) for i, one in enumerate(file, 1) if one.note is not None]
        return Left(notes, order.stream.name in self._world.finished)

    async def hand_over(self, part: Path, offset: int) -> None:
        """All hosts have the world's files."""

    async def finish(self, part: Path, path: Path, format: HybridFormat) -> FinishReply:
        await self._world.take("finish", path.stem)
        if part.name in self._world.files:
            self._world.finished[path.stem] = self._world.files.pop(part.name)
        return FinishReply(str(path), len(self._world.finished[path.stem]), "")


class SimulatedScheduler(Scheduler):
    """The scheduler; the world knows for whom it chose."""

    def __init__(self, world: "World") -> None:
        super().__init__(LoopClock())
        self._world = world

    async def choose(self, meeting: Meeting, offer: Offer) -> Award:
        await self._world.take("choose", meeting.host)
        self._world.offered.setdefault(meeting.number, set()).update(offer.names)
        return await super().choose(meeting, offer)


class Decoder:
    """Knows how far it has come with each stream, and refuses what does not follow."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._at: dict[str, tuple[int, int]] = {}  # epoch, next packet

    async def decode(self, jobs: Sequence[DecodeJob], parts: int) -> tuple[list[Kept], list[DecodeReply]]:
        self._world.calls["decode"] += 1
        assert len({job.stream.name for job in jobs}) == len(jobs)
        kept = [Kept() for _ in range(parts)]
        replies = await asyncio.gather(*(self._job(job) for job in jobs))
        for job, reply in zip(jobs, replies, strict=True):
            for part, group in job.wanted:
                records = self._world.videos[job.stream.name].records
                sound = not reply.lost and not reply.error
                kept[part].groups.append([(job.stream.name, records[index]) for index, _ in group] if sound else [])
        for one in kept:
            one.lost = self._world.lose()
        return kept, replies

    async def _job(self, job: DecodeJob) -> DecodeReply:
        name = job.stream.name
        at = self._at.pop(name, None)
        try:
            await self._world.take("decode", name)
        except NsRayError as error:
            return DecodeReply(error=f"stream {name}: {error}")
        if not (at is not None and at[0] == job.epoch and job.history is None):
            if job.history is None:
                return DecodeReply(lost=True)
            came = [packet.video_index for block in job.history for packet in block]
            assert came == list(range(job.packets.first - len(came), job.packets.first)), "history has no gap"
            first = [packet.key for packet in (job.history or [job.packets])[0]]
            assert any(first) or len(job.history) == 16, (
                "history begins with a key frame's epoch, if that is not long ago"
            )
        else:
            assert at[1] == job.packets.first, "packets follow one another"
        self._at[name] = job.epoch + 1, job.packets.first + len(job.packets)
        count = sum(len(group) for _, group in job.wanted)
        return DecodeReply(len(job.packets), 0, count, (), False, (span("decode", 0.01),))

    async def forget(self, names: Sequence[str]) -> None:
        for name in names:
            self._at.pop(name, None)


class Enhancer:
    """Makes an image of a frame that tells the frame, and the weights it was made by."""

    def __init__(self, world: "World", ms: float) -> None:
        self._world = world
        self._ms = ms
        self._turn = asyncio.Lock()

    async def prepare(self, stream: Stream) -> EngineResult:
        await self._world.take("prepare", stream.name)
        if stream.weights in self._world.bad_weights:
            raise ModelError(f"{stream.weights} cannot be used")
        return EngineResult("made up", "cpu", self._ms)

    async def enhance(self, asks: Sequence[Ask], parts: Sequence[Kept]) -> list[Anchors]:
        self._world.calls["enhance"] += 1
        if any(part.lost for part in parts):
            raise PartLostError("frames went with their node")
        return list(await asyncio.gather(*(self._ask(ask, parts[ask.part]) for ask in asks)))

    async def _ask(self, ask: Ask, part: Kept) -> Anchors:
        late = ask.deadline is not None and asyncio.get_running_loop().time() > ask.deadline
        try:
            await self._world.take("enhance", ask.stream.name)
            if ask.stream.weights in self._world.bad_weights:
                raise ModelError(f"{ask.stream.weights} cannot be used")
        except NsRayError as error:
            return Anchors((), MadeReply((), (), error=str(error)))
        records = [] if late else [record for _, record in part.groups[ask.place] if await self._in_time(ask)]
        assert all(name == ask.stream.name for name, _ in part.groups[ask.place]), "frames of the stream itself"
        images = [
            AnchorImage(
                record.video_index,
                record.super_index,
                f"{record.name} of {ask.stream.name} by {ask.stream.weights}".encode(),
            )
            for record in records
        ]
        size = min(self._world.image_bytes, ask.coding.limit or self._world.image_bytes)
        made = tuple(Made(record, size) for record in records)
        return Anchors(tuple(images), MadeReply(made, (span("inference", 0.01),) if made else ()))

    async def _in_time(self, ask: Ask) -> bool:
        """Whether a frame is begun, which waits for its turn where anchors take time."""
        if not self._world.anchor_seconds:
            return True
        async with self._turn:
            now = asyncio.get_running_loop().time()
            if ask.deadline is not None and now >= ask.deadline:
                return False
            await asyncio.sleep(self._world.anchor_seconds)
            return True


class Managing:
    """The manager's process: with the first call, it looks around and begins to look after the streams."""

    def __init__(self, world: "World") -> None:
        self._manager = Manager(world.config, Crew(world), LoopClock())
        self._started: asyncio.Task[None] | None = None
        self._going: asyncio.Task[None] | None = None

    async def at_work(self) -> Manager:
        if self._started is None:
            self._started = asyncio.ensure_future(self._manager.start())
            self._going = asyncio.ensure_future(self._go_on(self._started))
        await asyncio.wait((self._started,))
        self._started.result()
        if self._going is not None and self._going.done():
            self._going.result()  # a manager that does not look after its streams must not go unseen
        return self._manager

    async def _go_on(self, started: "asyncio.Task[None]") -> None:
        await asyncio.wait((started,))
        await self._manager.go_on()


class Peers:
    """The other actors, for a host."""

    def __init__(self, world: "World") -> None:
        self._world = world

    async def choose(self, meeting: Meeting, offer: Offer) -> Award:
        return await self._world.scheduler.ask("choose", lambda one: one.choose(meeting, offer))

    async def leave(self, run: str, host: str) -> None:
        await self._world.scheduler.ask("leave", lambda one: _at_once(one.leave, run, host))

    async def decode(
        self, decoder: str, jobs: Sequence[DecodeJob], parts: int
    ) -> tuple[Sequence[Any], Sequence[DecodeReply]]:
        return await self._world.ask(decoder, "decode", lambda one: one.decode(jobs, parts), several=len(jobs) > 1)

    async def enhance(self, enhancer: str, asks: Sequence[Ask], parts: Sequence[Any]) -> Sequence[Anchors]:
        self._world.placed.update((ask.stream.name, enhancer) for ask in asks)
        return await self._world.ask(enhancer, "enhance", lambda one: one.enhance(asks, parts))

    async def forget(self, actor: str, names: Sequence[str]) -> None:
        await self._world.ask(actor, "forget", lambda one: one.forget(names))


class Crew:
    """All actors, for the manager and the client."""

    def __init__(self, world: "World") -> None:
        self._world = world

    async def names(self) -> Sequence[str]:
        await asyncio.sleep(self._world.latency())
        return list(self._world.processes)

    async def answers(self, name: str) -> bool:
        await asyncio.sleep(self._world.latency())
        return name in self._world.processes and self._world.processes[name].there

    async def dead(self, names: Collection[str]) -> set[str]:
        now = asyncio.get_running_loop().time()
        processes = {name: self._world.processes[name] for name in names if name in self._world.processes}
        found = {name for name, one in processes.items() if not one.there and now - one.died > self._world.notices}
        return found | (set(names) - processes.keys())

    async def first_packets(self, decoder: str, stream: Stream, count: int) -> PacketBlock:
        return PacketBlock.of(self._world.videos[stream.name].packets[:count])

    async def measure(self, decoder: str, stream: Stream, packets: PacketBlock) -> DecoderSpeed:
        return DecoderSpeed("cpu", 1000.0)

    async def prepare_decoder(self, decoder: str, stream: Stream, packets: PacketBlock) -> None:
        await asyncio.sleep(self._world.latency())

    async def prepare_enhancer(self, enhancer: str, stream: Stream) -> EngineResult:
        return await self._world.ask(enhancer, "prepare", lambda one: one.prepare(stream))

    async def measure_enhancer(
        self, enhancer: str, decoder: str, stream: Stream, packets: PacketBlock, coding: Coding
    ) -> float:
        return self._world.measured_seconds

    async def take_roster(self, run: str, roster: Roster) -> None:
        await self._world.scheduler.ask_once("take_roster", lambda one: _at_once(one.take_roster, run, roster))

    async def add(self, host: str, orders: Sequence[tuple[Order, Placement]], rosters: Mapping[str, Roster]) -> None:
        await self._world.ask_once(host, "add", lambda one: _at_once(one.add, orders, dict(rosters)))

    async def change(self, host: str, name: str, change: Change) -> None:
        await self._world.ask(host, "change", lambda one: _at_once(one.change, name, change))

    async def move(self, host: str, name: str, placement: Placement) -> None:
        await self._world.ask_once(host, "move", lambda one: _at_once(one.move, name, placement))

    async def halt(self, host: str, names: Sequence[str]) -> None:
        await self._world.ask_once(host, "halt", lambda one: _at_once(one.halt, names))

    async def release(self, host: str, names: Sequence[str]) -> Sequence[str]:
        return await self._world.ask_once(host, "release", lambda one: one.release(names))

    async def remove(self, host: str, names: Sequence[str]) -> None:
        await self._world.ask_once(host, "remove", lambda one: _at_once(one.remove, names))

    async def take_rosters(self, host: str, rosters: Mapping[str, Roster]) -> None:
        await self._world.ask_once(host, "take_rosters", lambda one: _at_once(one.take_rosters, dict(rosters)))

    async def doing(self, host: str) -> Mapping[str, Doing]:
        return await self._world.ask_once(host, "doing", lambda one: _at_once(one.doing))

    async def anchor_counts(self, host: str) -> AnchorCounts:
        return await self._world.ask_once(host, "anchor_counts", lambda one: _at_once(one.anchor_counts))

    async def report(self, host: str, after: int, born: str) -> HostReport:
        return await self._world.ask_once(host, "report", lambda one: _at_once(one.report, after, born))


class ManagerClient:
    """The manager, for the client."""

    def __init__(self, world: "World") -> None:
        self._world = world

    async def _ask(self, what: str, work: Callable[[Manager], Awaitable[Any]]) -> Any:
        async def call(managing: Managing) -> Any:
            return await work(await managing.at_work())

        return await self._world.manager.ask(what, call)

    async def prepare(self, streams: Sequence[Stream], plan: Plan | None = None) -> Prepared:
        return await self._ask("prepare", lambda one: one.prepare(streams, plan))

    async def add(self, orders: Sequence[Order], again: bool = False) -> Mapping[str, str]:
        return await self._ask("add", lambda one: one.add(orders, again=again))

    async def change(self, name: str, change: Change) -> None:
        await self._ask("change", lambda one: one.change(name, change))

    async def halt(self, names: Sequence[str]) -> None:
        await self._ask("halt", lambda one: one.halt(names))

    async def remove(self, names: Sequence[str]) -> None:
        await self._ask("remove", lambda one: one.remove(names))

    async def streams(self) -> Placed:
        return await self._ask("streams", lambda one: _at_once(one.streams))


async def _at_once(do: Callable[..., Any], *arguments: Any) -> Any:
    return do(*arguments)


@dataclass
class World:
    """Processes, the streams' videos and files, and what was done.

    Attributes:
        videos: by stream.
        takes: seconds of what is done, by what and stream; it may raise what goes wrong.
        hosts, decoders, enhancers: how many.
        enhancer_ms: what an anchor takes each enhancer, as they say.
        seed: of the time that calls are on their way.
        files: epochs written to each file that is not finished.
        finished: the same of finished ones, by stream.
        offered: streams that hosts asked the scheduler for anchors for, by slot.
        bad_weights: weights that no enhancer can use.
        reads: reads of each stream's source.
        calls: bundled calls.
        loses: the share of kept frames that go with their node at once.
        keeps: whether files keep more than their last epoch.
        placed: the enhancer that each stream last asked.
        image_bytes: what an image takes that may take any number.
        notices: seconds until everybody has heard of a death.
        anchor_seconds: what an anchor takes an enhancer, one at a time; 0 where `takes` tells it of a call.
        measured_seconds: what measuring that finds.
        most_waiting: the most epochs that ever waited for inference at a host.
    """

    videos: dict[str, Video]
    takes: Takes = swiftly
    config: Config = CONFIG
    hosts: int = 1
    decoders: int = 1
    enhancers: int = 1
    enhancer_ms: Sequence[float] = ()
    seed: int = 0
    weights: Mapping[str, str] = field(default_factory=dict)
    files: dict[str, list[Written]] = field(default_factory=dict)
    finished: dict[str, list[Written]] = field(default_factory=dict)
    offered: dict[int, set[str]] = field(default_factory=dict)
    bad_weights: set[str] = field(default_factory=set)
    reads: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    loses: float = 0.0
    keeps: bool = True
    placed: dict[str, str] = field(default_factory=dict)
    image_bytes: int = 1000
    notices: float = 1.0
    anchor_seconds: float = 0.0
    measured_seconds: float = 0.0
    most_waiting: float = 0.0

    # While it runs.

    async def take(self, what: str, stream: str) -> None:
        """Have time pass for something."""
        await asyncio.sleep(self.takes(what, stream))

    def lose(self) -> bool:
        return self._random.random() < self.loses

    def latency(self) -> float:
        return self._random.uniform(0.0002, 0.002)

    async def ask_once(self, name: str, what: str, work: Callable[[Any], Awaitable[Any]]) -> Any:
        return await (self.processes.get(name) or self._gone[name]).ask_once(what, work)

    async def ask(self, name: str, what: str, work: Callable[[Any], Awaitable[Any]], *, several: bool = False) -> Any:
        process = self.processes.get(name) or self._gone[name]
        return await process.ask(what, work, several=several)

    def add_process(self, name: str) -> None:
        """One more actor, by its name."""
        kind, _, number = name.partition("-")
        ms = self.enhancer_ms[int(number)] if self.enhancer_ms else 1.0
        make: dict[str, Callable[[], Any]] = {
            "host": lambda: SimulatedHost(name, self),
            "decoder": lambda: Decoder(self),
            "enhancer": lambda: Enhancer(self, ms),
        }
        self.processes[name] = Process(name, make[kind], self.config, self.latency)

    def remove_process(self, name: str) -> None:
        """An actor goes with its node."""
        self._gone[name] = self.processes.pop(name)
        self._gone[name].kill(None)

    def named(self, kind: str) -> list[Process[Any]]:
        """The processes of a kind."""
        if kind in ("scheduler", "manager"):
            return [self.scheduler if kind == "scheduler" else self.manager]
        return [process for name, process in self.processes.items() if name.startswith(kind)]

    def order(self, name: str, **more: Any) -> Order:
        """What is to be done with a stream, from its video's first slot on."""
        video = self.videos[name]
        stream = Stream(name, video.info(name), "EDSR_B8_F32_S3", self.weights.get(name))
        return Order(stream, self.plan, **{"first": video.first, **more})

    def next_slot(self) -> int:
        """The first slot that has not begun."""
        return max(0, ceil((asyncio.get_running_loop().time() - self.plan.began) / float(self.config.slot)))

    async def until(self, seconds: float) -> None:
        """Wait for a time of the run."""
        await asyncio.sleep(self.plan.began + seconds - asyncio.get_running_loop().time())

    def run(
        self,
        *,
        paced: bool = True,
        policy: policies.Policy = SHARE,
        frames: int = 10**9,
        stop_after: float | None = None,
        limit: float = 1000.0,
        meanwhile: Callable[["World", Following], Awaitable[None]] | None = None,
        orders: Mapping[str, Mapping[str, Any]] | None = None,
        rate: Rate | None = None,
        admission: Admission | None = None,
    ) -> dict[str, Followed]:
        """Take all videos through a run.

        Args:
            paced: see Plan.
            policy: see Plan.
            frames: see Plan.
            stop_after: seconds after which it is stopped.
            limit: seconds from which on it counts as hung.
            meanwhile: goes on beside it; the run lasts at least as long.
            orders: more about the streams' orders, by name.
            rate: see Plan.
            admission: see Plan.
        """

        async def all_of_it(folder: str) -> dict[str, Followed]:
            watch_lives()
            self._begin()
            async with asyncio.timeout(limit):
                following = Following(self.client, Crew(self), self.config.kept_epochs)  # type: ignore[arg-type]
                self.plan = Plan(
                    "run", "neuroscaler", policy, PUBLISHED, frames, paced, Path(folder), 0.0, rate, admission
                )
                initial = [self.order(name).stream for name in self.videos]
                await self.client.prepare(initial, self.plan)
                loop = asyncio.get_running_loop()
                self.plan = replace(self.plan, began=loop.time())
                await following.add([self.order(name, **(orders or {}).get(name, {})) for name in self.videos])
                stop = asyncio.Event()
                if stop_after is not None:
                    loop.call_at(self.plan.began + stop_after, stop.set)
                beside = asyncio.ensure_future(meanwhile(self, following)) if meanwhile else None
                await following.until_ended(lambda name, frames: None, stop)
                if beside is not None:
                    await beside
                    await following.until_ended(lambda name, frames: None, stop)
            self.took = loop.time() - self.plan.began
            self.standings = list(following.standings)
            await self._end()
            return following.streams

        with TemporaryDirectory() as folder:
            return jump(all_of_it(folder))

    def _begin(self) -> None:
        self._random = random.Random(self.seed)
        self._gone: dict[str, Process[Any]] = {}
        self.processes: dict[str, Process[Any]] = {}
        for kind, count in (("host", self.hosts), ("decoder", self.decoders), ("enhancer", self.enhancers)):
            for number in range(count):
                self.add_process(f"{kind}-{number}")
        self.scheduler = Process("scheduler-0", lambda: SimulatedScheduler(self), self.config, self.latency)
        self.manager = Process("manager-0", lambda: Managing(self), self.config, self.latency)
        self.client = ManagerClient(self)

    async def _end(self) -> None:
        for process in [*self.processes.values(), self.scheduler, self.manager]:
            process.kill(None)
        await asyncio.sleep(1)

    # Afterwards.

    def packets(self, name: str) -> list[int]:
        """The numbers of all packets in a stream's file, in order; finished or not."""
        return [int(data.rstrip(b"\0")) for one in self.file(name) for data in one.packets]

    def file(self, name: str) -> list[Written]:
        """A stream's file, finished or not."""
        return self.finished.get(name) or self.files.get(f"{name}.mkv.part", [])

    def bytes_of(self, name: str) -> list[bytes]:
        """All that is in a stream's file but notes, in order."""
        return [data for one in self.file(name) for data in (*one.packets, *one.sides, *one.anchors)]


def whole(world: World, names: Iterable[str]) -> bool:
    """Every packet of these streams is in its finished file, once and in order, and every epoch written whole."""
    for name in names:
        assert name in world.finished, name
        assert world.packets(name) == list(range(world.videos[name].length)), name
        assert all(one.note is not None for one in world.file(name)), name
    return True
