"""An enhancer: super-resolves frames of many streams on one GPU, or on the CPU."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from ns_ray.actors.anchor_encoders import encoders_on
from ns_ray.actors.messages import Anchors, Ask, Frame, Made, MadeReply, Stream
from ns_ray.actors.metrics import Sums
from ns_ray.config.actors import EnhancerPool
from ns_ray.errors import ModelError
from ns_ray.hybrid.anchor_image import MAX_HR_SAMPLES, AnchorImage, tag
from ns_ray.picture.coding import PUBLISHED
from ns_ray.picture.yuv import Yuv420
from ns_ray.report.results import EngineResult, Span
from ns_ray.sr.calibrate import calibrate
from ns_ray.sr.compressible import compressible
from ns_ray.sr.engine import Engine, Planes
from ns_ray.sr.enhance import Compressor, Enhancement, Flight
from ns_ray.sr.kept_weights import KeptWeights, Owner
from ns_ray.sr.models import build
from ns_ray.sr.spec import ModelSpec

_LOG = logging.getLogger(__name__)
_REMEMBERED = 256  # sizes that no engine runs

Drawn = Literal["rgb", "stacked", "yuv"]
Parts = Sequence[Sequence[Frame]]
"""What a decoder left in the object store: frames of several streams."""
_Key = tuple[str, int, int]
"""A model, and the width and height of its LR frames."""


@dataclass(slots=True)
class _Hosted:
    """An engine, whose weights are in it, and its work side by side with the compressor's."""

    engine: Engine
    enhancement: Enhancement
    loaded: Owner | None = None


@dataclass(slots=True)
class _Task:
    """One ask: its frames, and what became of them by their position."""

    ask: Ask
    frames: Sequence[Frame]
    flights: dict[int, Flight] = field(default_factory=dict)
    pictures: dict[int, Frame] = field(default_factory=dict)
    inference: float = 0.0
    ended: float = 0.0
    switch: float | None = None
    cpu: float = 0.0
    error: str = ""

    @property
    def owner(self) -> Owner:
        """Whose weights it needs."""
        return self.ask.stream.model, self.ask.stream.weights

    def in_time(self, positions: Sequence[int]) -> Iterator[int]:
        """The positions, until the deadline."""
        deadline = self.ask.deadline
        for position in positions:
            if deadline is not None and time.time() >= deadline:
                return
            yield position

    @contextmanager
    def concerned(self) -> Iterator[None]:
        """What its model or weights come to grief over in the block is this stream's error, and no other's."""
        try:
            yield
        except ModelError as error:
            self.error = self.error or str(error)


_Do = Callable[[_Hosted, _Task, Sequence[int]], None]
"""Does what is asked with frames, by their positions, that an engine has the weights for."""


class Enhancer:
    """Hosts one engine a model and size of frames, a stated number at most; each stream brings its weights.

    Calls may overlap: one's frames are taken in while those of the other are finished.
    """

    def __init__(self, config: EnhancerPool, device: str, sums: Sums) -> None:
        """Set up an enhancer without engines.

        Args:
            config: the pool it belongs to.
            device: `cpu` or `cuda:<index>`.
            sums: where it counts what it does.
        """
        self._config = config
        self._device = device
        self._sums = sums
        self._hosted: dict[_Key, _Hosted] = {}  # the one used last is the last
        self._making: dict[_Key, Future[_Hosted]] = {}
        self._refused: dict[_Key, None] = {}
        self._maker = ThreadPoolExecutor(1, thread_name_prefix="engine")
        self._weights = KeptWeights(config.weights)
        self._compressor = Compressor(*encoders_on(self._device), device=self._device)
        self._turn = Lock()

    def prepare(self, stream: Stream) -> EngineResult:
        """Get everything ready that a stream needs, before its first frame.

        Raises:
            ModelError: its model, its weights or the engine cannot be used.
        """
        task = _Task(Ask(stream, 0, 0), ())
        self._weights.read(task.owner)
        with self._turn:
            hosted = self._engine((stream.model, stream.info.width, stream.info.height), wait=True)
            assert hosted is not None
            self._load(task, hosted)
        engine = hosted.engine
        return EngineResult(engine.name, engine.device, engine.latency_ms or 0.0)

    def enhance(self, asks: Sequence[Ask], *parts: Parts) -> list[Anchors]:
        """Super-resolve and compress frames of several streams, each of which may have frames of several sizes.

        Frames of one size are done together, and of those the ones of streams that share weights, first the weights
        that are in the engine; those of a stream are done in the order given. An engine for a size that is new is made
        at once where there is no deadline; else beside the work, and frames of that size are left out until it is
        ready. Those whose HR picture is too large for a player, or whose size no engine can run, are left out, too.

        Args:
            asks: what to do.
            parts: what they refer to.

        Returns:
            For each ask its anchors, in the order of its frames. Spans are sums of the time in which these frames were
            at work, up to when the last one was done; inference and compression overlap.
        """
        tasks = _tasks(asks, parts)
        self._meet(tasks, _submit)
        made = [_anchors(task) for task in tasks]
        self._count([one.reply for one in made])
        return made

    def enlarge(self, asks: Sequence[Ask], form: Drawn, *parts: Parts) -> tuple[Any, ...]:
        """Super-resolve frames of several streams, whose pictures are compressed or encoded elsewhere.

        Args:
            asks: what to do, as `enhance` does it.
            form: what to make of them: RGB or YUV pictures, or the planes that the ask's codec takes, stacked.
            parts: what they refer to.

        Returns:
            For each ask a `list[Frame]`, and last a `list[MadeReply]`: as parts, of which each can stay where it is.
        """

        def draw(hosted: _Hosted, task: _Task, positions: Sequence[int]) -> None:
            _draw(hosted, task, positions, form)

        tasks = _tasks(asks, parts)
        self._meet(tasks, draw)
        replies = [_drawn(task) for task in tasks]
        self._count(replies)
        return *([task.pictures[at] for at in sorted(task.pictures)] for task in tasks), replies

    def _count(self, replies: Sequence[MadeReply]) -> None:
        switches = [reply.switch_seconds for reply in replies if reply.switch_seconds is not None]
        spans = (span for reply in replies for span in reply.spans if span.stage == "inference")
        self._sums.add(
            {
                ("enhanced_frames_total", ""): sum(len(reply.made) for reply in replies),
                ("busy_seconds_total", ""): sum(span.seconds for span in spans),
                ("weights_switches_total", ""): len(switches),
                ("weights_switch_seconds_total", ""): sum(switches),
            }
        )

    def _meet(self, tasks: Sequence[_Task], do: _Do) -> None:
        """Bring frames and engines together."""
        for task in tasks:
            with task.concerned():  # files are read before it is this call's turn
                self._weights.read(task.owner)
        groups = _by_size([task for task in tasks if not task.error])
        with self._turn:
            if self._device == "cpu":
                torch.set_num_threads(self._config.threads)  # OpenMP counts for each thread that calls
            for key, group in groups.items():
                hosted = self._host(key, wait=any(task.ask.deadline is None for task, _ in group))
                if hosted is None:
                    continue
                for task, positions in _least_switching(group, hosted.loaded):
                    with task.concerned():
                        self._load(task, hosted)
                        do(hosted, task, positions)

    def _host(self, key: _Key, *, wait: bool) -> _Hosted | None:
        """The engine for frames of a size; None where there is none, or not yet."""
        if key in self._refused:
            return None
        try:
            return self._engine(key, wait=wait)
        except ModelError as error:
            if len(self._refused) >= _REMEMBERED:
                del self._refused[next(iter(self._refused))]
            self._refused[key] = None
            _LOG.warning("%s at %dx%d: its frames are no anchors: %s", *key, error)
            return None

    def _engine(self, key: _Key, *, wait: bool) -> _Hosted | None:
        """The engine for a model and size, made if it is new: at once if it may be waited for, else beside the work.

        Raises:
            ModelError: none can be made.
        """
        hosted = self._hosted.pop(key, None)
        if hosted is None:
            if key[1] * key[2] * ModelSpec.parse(key[0]).scale ** 2 > MAX_HR_SAMPLES:
                raise ModelError("HR pictures would be too large for players")
            making = self._making.get(key)
            if making is None and not wait:
                self._begin_making(key)
                return None
            if making is not None and not (wait or making.done()):
                return None
            self._making.pop(key, None)
            hosted = making.result() if making else self._make(key)
            self._make_room()
        self._hosted[key] = hosted
        return hosted

    def _begin_making(self, key: _Key) -> None:
        """Have an engine made beside the work, unless as many wait to be taken as may be hosted."""
        if len(self._making) >= self._config.engines:
            done = next((key for key, making in self._making.items() if making.done()), None)
            if done is None:
                return
            del self._making[done]  # nobody came back for it
        self._making[key] = self._maker.submit(self._make, key)
        _LOG.warning("%s at %dx%d: its frames are no anchors until an engine is ready", *key)

    def _make(self, key: _Key) -> _Hosted:
        torch.set_num_threads(self._config.threads)
        weights = build(key[0]).state_dict()  # any will do: streams bring theirs
        engine = calibrate(key[0], weights, key[1], key[2], self._device, self._config.engine).engine
        hosted = _Hosted(engine, Enhancement(engine, self._compressor))
        if self._device != "cpu":
            _warm_up(hosted)
        return hosted

    def _make_room(self) -> None:
        """Let go of the engines that were not used for longest where there are too many."""
        while len(self._hosted) >= self._config.engines:
            self._hosted.pop(next(iter(self._hosted))).enhancement.drain()

    def _load(self, task: _Task, hosted: _Hosted) -> None:
        """Put a stream's weights into an engine, if they are not there."""
        if hosted.loaded == task.owner:
            return
        cpu = time.thread_time()
        weights = self._weights.prepared(task.owner, hosted.engine)
        start = time.perf_counter()
        hosted.loaded = None
        hosted.engine.load(weights)
        hosted.loaded = task.owner
        task.switch = (task.switch or 0.0) + time.perf_counter() - start
        task.cpu += time.thread_time() - cpu


def _warm_up(hosted: _Hosted) -> None:
    """Let the compressor allocate what it needs for pictures of this size."""
    y, u, v = (np.full(shape, 128, np.uint8) for shape in hosted.engine.lr_shapes)
    for _ in hosted.enhancement.run([(y, u, v)] * hosted.engine.in_flight, PUBLISHED):
        pass


def _tasks(asks: Sequence[Ask], parts: Sequence[Parts]) -> list[_Task]:
    return [_Task(ask, parts[ask.part][ask.place]) for ask in asks]


def _by_size(tasks: Sequence[_Task]) -> dict[_Key, list[tuple[_Task, list[int]]]]:
    """For each model and size of frames the tasks that have such frames, and their positions, all in order."""
    groups: dict[_Key, list[tuple[_Task, list[int]]]] = {}
    for task in tasks:
        sizes: dict[tuple[int, int], list[int]] = {}
        for position, frame in enumerate(task.frames):
            rows, columns = _planes(frame)[0].shape
            sizes.setdefault((columns, rows), []).append(position)
        for size, positions in sizes.items():
            groups.setdefault((task.ask.stream.model, *size), []).append((task, positions))
    return groups


def _least_switching(group: list[tuple[_Task, list[int]]], loaded: Owner | None) -> list[tuple[_Task, list[int]]]:
    """Tasks of one engine: those with the weights that are in it first, then by weights."""
    turns = {owner: at for at, owner in enumerate(dict.fromkeys(task.owner for task, _ in group))}
    if loaded in turns:
        turns[loaded] = -1
    return sorted(group, key=lambda one: turns[one[0].owner])


def _submit(hosted: _Hosted, task: _Task, positions: Sequence[int]) -> None:
    for position in task.in_time(positions):
        task.flights[position] = hosted.enhancement.submit(_planes(task.frames[position]), task.ask.coding)


def _anchors(task: _Task) -> Anchors:
    """Wait for a stream's images."""
    images: list[AnchorImage] = []
    made: list[Made] = []
    busy = compressing = end = 0.0
    scale = ModelSpec.parse(task.ask.stream.model).scale if task.flights else 1  # no flights of a model unknown
    for position in sorted(task.flights):
        with task.concerned():
            one = task.flights[position].result()
            record = task.frames[position].record
            rows, columns = _planes(task.frames[position])[0].shape
            size = columns * scale, rows * scale
            image = tag(one.data, record.video_index, record.super_index, task.ask.coding.codec, size)
            images.append(image)
            made.append(Made(record, len(image)))
            busy, compressing, end = busy + one.end - one.begin, compressing + one.seconds, max(end, one.end)
            task.cpu += one.cpu_seconds
    spans = (Span("inference", end - busy, end), Span("encode", end - compressing, end)) if images else ()
    return Anchors(tuple(images), MadeReply(tuple(made), spans, task.switch, task.cpu, task.error))


def _draw(hosted: _Hosted, task: _Task, positions: Sequence[int], form: Drawn) -> None:
    hosted.enhancement.drain()
    cpu, start = hosted.engine.cpu_seconds(), time.time()
    planes = (_planes(task.frames[at]) for at in task.in_time(positions))
    pictures: Iterator[NDArray[np.uint8] | Planes]
    if form == "stacked":
        engine, coding = hosted.engine, task.ask.coding
        pictures = (compressible(engine.pixels(one), one, coding).cpu().numpy() for one in planes)
    else:
        pictures = hosted.engine.infer_all(planes, form)
    for position, picture in zip(positions, pictures, strict=False):
        frame = task.frames[position]
        drawn = Yuv420(*picture) if isinstance(picture, tuple) else picture
        task.pictures[position] = Frame(frame.record, frame.pts, drawn)
    task.ended = time.time()
    task.inference += task.ended - start
    task.cpu += hosted.engine.cpu_seconds() - cpu


def _drawn(task: _Task) -> MadeReply:
    made = tuple(Made(task.pictures[position].record, 0) for position in sorted(task.pictures))
    spans = (Span("inference", task.ended - task.inference, task.ended),) if made else ()
    return MadeReply(made, spans, task.switch, task.cpu, task.error)


def _planes(frame: Frame) -> Planes:
    assert isinstance(frame.picture, Yuv420)
    return frame.picture.planes
