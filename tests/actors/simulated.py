"""Runs without Ray and without waiting: a clock that jumps, and actors of the same interface that make things up.

Anchors are chosen by the real scheduler; frames have realistic sizes.
"""

import asyncio
import random
import selectors
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from actors.kept import Kept, Results, as_refs, keep
from actors.pipeline import go
from actors.stream_run import Plan, StreamRun

from actors.messages import DecodeReply, Made, MadeReply, ReadReply, Stream, WriteReply
from ns_ray.anchors import policies
from ns_ray.anchors.select import select
from ns_ray.config import Config
from ns_ray.errors import MediaError
from ns_ray.results import Span
from ns_ray.video.packets import Mark
from ns_ray.video.probe import VideoInfo
from ns_ray.vp9.records import FrameRecord, FrameType

CONFIG = Config()
BEGAN = 1000.0
SHARE = policies.Fraction(0.075)


class _Jump(selectors.SelectSelector):
    """Where a loop would wait, time passes at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = BEGAN

    def select(self, timeout=None):
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("nothing will ever happen again: the run hangs")
            self.now += timeout
        return ready


class _JumpingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        return self._jump.now


class LoopClock:
    """The running loop's time."""

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


@dataclass
class Video:
    """A made-up video.

    Attributes:
        times: when each of its packets is shown, in seconds, rounded down to ticks.
        base: seconds a tick.
        gop: packets from key frame to key frame.
        first: the slot that it begins in.
        tells: whether its source knows the time of the packet after those it gave.
        breaks: the packet from which on it cannot be read.
        sides: packets of other tracks that come with each read.
        notes: what its source says of it with each read.
    """

    times: Sequence[Fraction]
    base: Fraction = Fraction(1, 90_000)
    gop: int = 120
    first: int = 0
    tells: bool = False
    breaks: int | None = None
    sides: int = 0
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        rng = random.Random(len(self.times))
        sizes = ((rng.lognormvariate(8.5, 0.8), i % self.gop == 0) for i in range(len(self.times)))
        self.records = [
            FrameRecord(i, 0, FrameType.KEY, 60_000) if key else FrameRecord(i, 0, FrameType.NORMAL, round(size))
            for i, (size, key) in enumerate(sizes)
        ]


def constant(rate: Fraction, seconds: int, **more: Any) -> Video:
    """A video of a constant frame rate, on a clock of 90 kHz where nothing else is said."""
    base = more.get("base", Fraction(1, 90_000))
    return Video([round(i / rate / base) * base for i in range(int(seconds * rate))], **more)


class _Calls:
    """One kind of actor: each method takes the time that `takes` says, and does what the subclass has for it."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.calls: Counter[str] = Counter()

    def __len__(self) -> int:
        return 1

    def idlest(self) -> int:
        return 0

    async def call(self, index: int, method: str, *arguments: Any) -> Any:
        self.calls[method] += 1
        await asyncio.sleep(self.world.takes(type(self).__name__.lower(), method, arguments))
        return getattr(self, method)(*as_refs(arguments))

    async def produce(self, index: int, method: str, *arguments: Any) -> tuple[Kept[Any], Any]:
        parts, answer = await self.produce_parts(index, 1, method, *arguments)
        return parts[0], answer

    async def produce_parts(self, index: int, parts: int, method: str, *arguments: Any) -> tuple[list[Kept[Any]], Any]:
        async def call() -> Results:
            *several, last = await self.call(index, method, *arguments)
            assert len(several) == parts
            return several, last

        results = await call()
        return keep(results, call), results[1]

    async def forget(self, index: int, name: str) -> None:
        self.calls["forget"] += 1

    def span(self, stage: str, seconds: float = 0.0) -> Span:
        now = asyncio.get_running_loop().time()
        return Span(stage, now - seconds, now)


class Sources(_Calls):
    def read(self, stream: Stream, mark: Mark, until: Fraction, limit: int) -> tuple[Any, Any, ReadReply]:
        video = self.world.videos[stream.name]
        times = video.times if video.breaks is None else video.times[: video.breaks]
        stop = min(max(mark.index, bisect_left(times, until)), mark.index + limit)
        packets = list(range(mark.index, stop))
        ended = stop == len(times)
        step = times[-1] - times[-2]
        return (
            packets,
            [],
            ReadReply(
                len(packets),
                100 * len(packets),
                tuple(video.records[mark.index : stop]),
                Mark(stop),
                ended,
                "it breaks off" if ended and video.breaks is not None else "",
                video.notes,
                self.span("read"),
                times[stop - 1] + step if packets else Fraction(0),
                times[stop] if video.tells and not ended else None,
                video.sides,
            ),
        )


class Decoders(_Calls):
    def decode(self, stream: Stream, epoch: int, packets: Any, history: Any, groups: Any) -> tuple[Any, ...]:
        assert epoch == self.world.decoded[stream.name], "epochs are counted on without a gap"
        self.world.decoded[stream.name] += 1
        wanted = [[self.world.videos[stream.name].records[index] for index, _ in group] for group in groups]
        reply = DecodeReply(len(packets), 0, sum(map(len, wanted)), (), False, (self.span("decode", 0.01),))
        return (*wanted, reply)


class Scheduler(_Calls):
    def choose(self, epochs: Any, states: Any, policy: Any) -> tuple[Any, Span]:
        self.world.rounds.append({epoch.stream for epoch in epochs})
        return select(epochs, states, policy), self.span("schedule")


class Enhancers(_Calls):
    def enhance(self, stream: Stream, frames: Any, form: str, quality: int, deadline: float | None) -> Any:
        made = tuple(Made(record, 1000) for record in frames)
        return made, MadeReply(made, (self.span("inference", 0.01),))


class Packagers(_Calls):
    def write(self, path: str, form: Any, offset: int, packets: Any, sides: Any, *anchors: Any) -> WriteReply:
        file = self.world.files.setdefault(Path(path).name, [])
        assert offset == len(file), "epochs are written one by one, in order"
        file.append(list(packets))
        return WriteReply(len(file), self.span("write"))

    def finish(self, part: str, path: str, form: Any) -> int:
        self.world.finished.add(Path(path).stem)
        return 1


def _swiftly(pool: str, method: str, arguments: Any) -> float:
    return {"decode": 0.05, "enhance": 0.05, "read": 0.002, "write": 0.002, "choose": 0.002}.get(method, 0.0)


@dataclass
class World:
    """Actors, the streams' videos, and what was done.

    Attributes:
        videos: by stream.
        takes: seconds of a call, by pool, method and arguments; it may raise what the call raises.
        files: the packets written to each file, epoch by epoch.
        finished: streams whose files were finished.
        rounds: who was chosen for, time after time.
    """

    videos: dict[str, Video]
    takes: Callable[[str, str, Any], float] = _swiftly
    decoded: Counter[str] = field(default_factory=Counter)
    files: dict[str, list[list[int]]] = field(default_factory=dict)
    finished: set[str] = field(default_factory=set)
    rounds: list[set[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sources, self.decoders, self.scheduler = Sources(self), Decoders(self), Scheduler(self)
        self.enhancers, self.encoders, self.packagers = Enhancers(self), _Calls(self), Packagers(self)

    def run(
        self,
        *,
        paced: bool = True,
        config: Config = CONFIG,
        policy: policies.Policy = SHARE,
        frames: int = 10**9,
        stop_after: float | None = None,
    ) -> dict[str, StreamRun]:
        """Take all videos through a run; it is stopped after so many seconds."""
        plan = Plan("neuroscaler", policy, 90, frames, paced, Path("nowhere"))

        async def all_of_it() -> list[StreamRun]:
            stop = asyncio.Event()
            if stop_after is not None:
                asyncio.get_running_loop().call_later(stop_after, stop.set)
            runs = [
                StreamRun(
                    Stream(name, _info(name, video), "EDSR_B8_F32_S3"),
                    i,
                    config,
                    plan,
                    self,
                    LoopClock(),
                    decoder=0,
                    cost_ms=1.0,
                    first=video.first,
                )
                for i, (name, video) in enumerate(self.videos.items())
            ]
            await go(runs, config, plan, self, LoopClock(), lambda name, frames: None, stop)
            self.took = asyncio.get_running_loop().time() - BEGAN
            return runs

        with asyncio.Runner(loop_factory=_JumpingLoop) as runner:
            return {run.stream.name: run for run in runner.run(all_of_it())}


def _info(name: str, video: Video) -> VideoInfo:
    return VideoInfo(f"{name}.mkv", "vp9", 64, 48, Fraction(60), video.base, "yuv420p", notes=("a note of its probe",))


def broken(pool: str, stream: str, after: int) -> Callable[[str, str, Any], float]:
    """A pool whose calls for one stream fail after so many."""
    calls = 0

    def takes(called: str, method: str, arguments: Any) -> float:
        nonlocal calls
        if called == pool and stream in (getattr(arguments[0], "name", ""), Path(str(arguments[0])).name.split(".")[0]):
            calls += 1
            if calls > after:
                raise MediaError("it broke")
        return _swiftly(called, method, arguments)

    return takes


def slow(method: str, seconds: float, stream: str = "") -> Callable[[str, str, Any], float]:
    """Calls of one method, or of one stream in it, that take so long."""

    def takes(pool: str, called: str, arguments: Any) -> float:
        if called == method and (not stream or arguments[0].name == stream):
            return seconds
        return _swiftly(pool, called, arguments)

    return takes
