"""EnhancerActor: super-resolves frames on one GPU, or on the CPU."""

import logging
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import ray
import torch

from actors.messages import Form, Frame, Made, MadeReply, Stream
from actors.worker import Worker
from ns_ray.config import EnhancerPool
from ns_ray.errors import ModelError
from ns_ray.hybrid.anchor_image import MAX_HR_SAMPLES, AnchorImage, encode_anchor, tag
from ns_ray.picture.yuv import Yuv420
from ns_ray.results import EngineResult, Span
from ns_ray.sr.calibrate import calibrate
from ns_ray.sr.engine import Engine, Planes
from ns_ray.sr.enhance import Compress, Compressed, Enhancement, gpu_compressor
from ns_ray.sr.models import ModelSpec
from ns_ray.sr.weights import Weights, load_weights

_LOG = logging.getLogger(__name__)
GPU_CALLS = 2
"""Calls that an enhancer on a GPU works on: frames are fetched and anchors stored while the GPU works for the other."""


_Key = tuple[str, int, int]
"""A model, and the width and height of its LR frames."""


@dataclass(slots=True)
class _Hosted:
    """An engine, the weights in it, and where the GPU compresses its pictures, both at work together."""

    engine: Engine
    loaded: Weights
    enhancement: Enhancement | None


@dataclass(slots=True)
class _Done:
    """What became of frames of one size, by their position in the call; `seconds` are inference's and encoding's."""

    images: dict[int, Future[Compressed]] = field(default_factory=dict)
    pictures: dict[int, AnchorImage | Frame] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=lambda: [0.0, 0.0])


class EnhancerActor(Worker):
    """Hosts one engine a model and size of frames, a stated number at most; each stream brings its weights.

    Where the GPU compresses, two calls may overlap: frames of one are taken in while those of the other are finished.
    """

    def __init__(self, affinity: list[int], config: EnhancerPool) -> None:
        super().__init__(affinity)
        self._config = config
        self._device = "cuda:0" if ray.get_gpu_ids() else "cpu"
        self._hosted: dict[_Key, _Hosted] = {}  # the one used last is the last
        self._making: dict[_Key, Future[_Hosted]] = {}
        self._refused: set[_Key] = set()
        self._maker = ThreadPoolExecutor(1, thread_name_prefix="engine")
        self._weights: dict[tuple[str, str | None], Weights] = {}
        self._compress = _gpu_compressor(self._device)
        self._turn, self._ending = Lock(), Lock()
        self._busy_until = 0.0

    def prepare(self, stream: Stream) -> EngineResult:
        """Get everything ready that a stream needs, before its first frame.

        Raises:
            ModelError: its model, its weights or the engine cannot be used.
        """
        key = (stream.model, stream.info.width, stream.info.height)
        with self._turn:
            hosted = self._engine(key, stream, wait=True)
            assert hosted is not None
            self._load(stream, hosted)
        engine = hosted.engine
        return EngineResult(engine.name, engine.device, engine.latency_ms or 0.0)

    def enhance(
        self,
        stream: Stream,
        frames: Sequence[Frame],
        form: Form,
        quality: int,
        deadline: float | None,
    ) -> tuple[list[AnchorImage] | list[Frame], MadeReply]:
        """Super-resolve frames of one stream, which may be of several sizes.

        An engine for a size that is new is made at once where there is no deadline; else beside the work, and frames
        of that size are left out until it is ready. Those whose HR picture is too large for a player, or whose size no
        engine can run, are left out, too.

        Args:
            stream: their stream.
            frames: LR frames, in the order in which they are to be done.
            form: what to make of them.
            quality: JPEG quality of `jpeg`.
            deadline: wall-clock time from which no further frame is begun; those left are not in the reply.

        Returns:
            The anchors or HR frames in order, and what was made. Its spans are sums: inference and encoding on the CPU
            alternate and are laid one after the other; on the GPU they overlap.

        Raises:
            ModelError: its model or its weights cannot be used.
        """
        done = _Done()
        switches: list[float] = []
        with self._turn:
            begin = time.time()
            for size, positions in _by_size(frames).items():
                hosted = self._host(stream, size, wait=deadline is None)
                if hosted is None:
                    continue
                switches += self._load(stream, hosted)
                work = [(position, frames[position]) for position in positions]
                if form == "jpeg" and hosted.enhancement:
                    for position, frame in _until(deadline, work):
                        done.images[position] = hosted.enhancement.submit(_planes(frame), quality)
                else:
                    _one_by_one(hosted, work, form, quality, deadline, done)
        switch = sum(switches) if switches else None
        if done.images:
            return self._finished(frames, done.images, begin, switch)
        inference, encoding = done.seconds
        spans = [Span("inference", begin, begin + inference)]
        if form == "jpeg":
            spans.append(Span("encode", begin + inference, begin + inference + encoding))
        out: list[Any] = [done.pictures[position] for position in sorted(done.pictures)]
        made = [
            Made(frames[position].record, len(one.data) if isinstance(one, AnchorImage) else 0)
            for position, one in sorted(done.pictures.items())
        ]
        return out, MadeReply(tuple(made), tuple(spans), switch)

    def _finished(
        self, frames: Sequence[Frame], flying: dict[int, Future[Compressed]], begin: float, switch: float | None
    ) -> tuple[list[AnchorImage], MadeReply]:
        """Wait for the images that the GPU compresses."""
        images = {position: flying[position].result() for position in sorted(flying)}
        with self._ending:
            end = time.time()
            begin, self._busy_until = max(begin, self._busy_until), end  # time of overlapping calls counts once
        records = [frames[position].record for position in images]
        anchors = [
            tag(image.data, record.video_index, record.super_index)
            for image, record in zip(images.values(), records, strict=True)
        ]
        compressing = sum(image.seconds for image in images.values())
        spans = Span("inference", begin, end), Span("encode", max(begin, end - compressing), end)
        made = tuple(Made(record, len(anchor.data)) for record, anchor in zip(records, anchors, strict=True))
        return anchors, MadeReply(made, spans, switch)

    def _host(self, stream: Stream, size: tuple[int, int], *, wait: bool) -> _Hosted | None:
        """The engine for frames of a size; None where there is none, or not yet."""
        key = (stream.model, *size)
        if key in self._refused:
            return None
        try:
            return self._engine(key, stream, wait=wait)
        except ModelError as error:
            self._refused.add(key)
            _LOG.warning("%s at %dx%d: its frames are no anchors: %s", *key, error)
            return None

    def _engine(self, key: _Key, stream: Stream, *, wait: bool) -> _Hosted | None:
        """The engine for a model and size, made if it is new: at once if it may be waited for, else beside the work.

        Raises:
            ModelError: none can be made.
        """
        torch.set_num_threads(self._config.threads)  # OpenMP counts for each thread that calls
        hosted = self._hosted.pop(key, None)
        if hosted is None:
            weights = self._weights_of(stream)
            if key[1] * key[2] * ModelSpec.parse(stream.model).scale ** 2 > MAX_HR_SAMPLES:
                raise ModelError("HR pictures would be too large for players")
            making = self._making.pop(key, None)
            if making is None and wait:
                hosted = self._make(key, weights)
            elif making is None:
                self._making[key] = self._maker.submit(self._make, key, weights)
                _LOG.warning("%s at %dx%d: its frames are no anchors until an engine is ready", *key)
                return None
            elif wait or making.done():
                hosted = making.result()
            else:
                self._making[key] = making
                return None
            self._make_room()
        self._hosted[key] = hosted
        return hosted

    def _make(self, key: _Key, weights: Weights) -> _Hosted:
        torch.set_num_threads(self._config.threads)
        engine = calibrate(key[0], weights, key[1], key[2], self._device, self._config.engine).engine
        enhancement = Enhancement(engine, self._compress) if self._compress else None
        if enhancement:
            _warm_up(enhancement, engine)
        return _Hosted(engine, weights, enhancement)

    def _make_room(self) -> None:
        """Let go of the engines that were not used for longest where there are too many."""
        while len(self._hosted) >= self._config.engines:
            oldest = self._hosted.pop(next(iter(self._hosted)))
            if oldest.enhancement:
                oldest.enhancement.drain()

    def _weights_of(self, stream: Stream) -> Weights:
        weights = self._weights.get((stream.model, stream.weights))
        if weights is None:
            weights = load_weights(stream.model, Path(stream.weights) if stream.weights else None)
        return weights

    def _load(self, stream: Stream, hosted: _Hosted) -> list[float]:
        """Put a stream's weights into an engine; the seconds it took, if they were not there."""
        owner = (stream.model, stream.weights)
        if owner not in self._weights:
            self._weights[owner] = hosted.engine.prepare(self._weights_of(stream))
        weights = self._weights[owner]
        if hosted.loaded is weights:
            return []
        start = time.perf_counter()
        (hosted.enhancement or hosted.engine).load(weights)
        hosted.loaded = weights
        return [time.perf_counter() - start]


def _gpu_compressor(device: str) -> Compress | None:
    if device == "cpu":
        return None
    try:
        return gpu_compressor(device)
    except ModelError as error:
        _LOG.warning("anchors are compressed on the CPU: %s", error)
        return None


def _warm_up(enhancement: Enhancement, engine: Engine) -> None:
    """Let the compressor allocate what it needs for pictures of this size."""
    y, u, v = (np.full(shape, 128, np.uint8) for shape in engine.lr_shapes)
    for _ in enhancement.run([(y, u, v)] * engine.in_flight, 90):
        pass


def _one_by_one(
    hosted: _Hosted,
    work: Sequence[tuple[int, Frame]],
    form: Form,
    quality: int,
    deadline: float | None,
    done: _Done,
) -> None:
    if hosted.enhancement:
        hosted.enhancement.drain()
    start = time.time()
    pictures = hosted.engine.infer_all(
        (_planes(frame) for _, frame in _until(deadline, work)), "yuv" if form == "yuv" else "rgb"
    )
    for (position, frame), picture in zip(work, pictures, strict=False):
        ready = time.time()
        done.pictures[position] = _made(frame, picture, form, quality)
        end = time.time()
        done.seconds[0] += ready - start
        done.seconds[1] += end - ready
        start = end


def _made(frame: Frame, picture: Any, form: Form, quality: int) -> AnchorImage | Frame:
    record = frame.record
    if form == "jpeg":
        return encode_anchor(picture, record.video_index, record.super_index, quality)
    return Frame(record, frame.pts, Yuv420(*picture) if form == "yuv" else picture)


def _by_size(frames: Sequence[Frame]) -> dict[tuple[int, int], list[int]]:
    """Positions of the frames of each (width, height), in order."""
    groups: dict[tuple[int, int], list[int]] = {}
    for position, frame in enumerate(frames):
        rows, columns = _planes(frame)[0].shape
        groups.setdefault((columns, rows), []).append(position)
    return groups


def _planes(frame: Frame) -> Planes:
    assert isinstance(frame.picture, Yuv420)
    return frame.picture.planes


def _until(deadline: float | None, work: Sequence[tuple[int, Frame]]) -> Iterator[tuple[int, Frame]]:
    for one in work:
        if deadline is not None and time.time() >= deadline:
            return
        yield one
