"""EnhancerActor: super-resolves frames on one GPU, or on the CPU."""

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
from ns_ray.hybrid.anchor_image import AnchorImage, encode_anchor, tag
from ns_ray.picture.yuv import Yuv420
from ns_ray.results import EngineResult, Span
from ns_ray.sr.calibrate import calibrate
from ns_ray.sr.engine import Engine, Planes
from ns_ray.sr.enhance import Compress, Enhancement, gpu_compressor
from ns_ray.sr.weights import Weights, load_weights

GPU_CALLS = 2
"""Calls that an enhancer on a GPU works on: frames are fetched and anchors stored while the GPU works for the other."""


@dataclass(slots=True)
class _Hosted:
    """An engine, the weights in it, and where the GPU compresses its pictures, both at work together."""

    engine: Engine
    loaded: Weights
    enhancement: Enhancement | None


class EnhancerActor(Worker):
    """Hosts one engine a model and LR size; each stream brings its weights.

    Where the GPU compresses, two calls may overlap: frames of one are taken in while those of the other are finished.
    """

    def __init__(self, affinity: list[int], config: EnhancerPool) -> None:
        super().__init__(affinity)
        self._config = config
        self._device = "cuda:0" if ray.get_gpu_ids() else "cpu"
        self._hosted: dict[tuple[str, int, int], _Hosted] = {}
        self._weights: dict[tuple[str, str | None], Weights] = {}
        self._compress = _gpu_compressor(self._device)
        self._turn, self._ending = Lock(), Lock()
        self._busy_until = 0.0

    def prepare(self, stream: Stream) -> EngineResult:
        """Get everything ready that a stream needs, before its first frame.

        Raises:
            ModelError: its model, its weights or the engine cannot be used.
        """
        with self._turn:
            engine = self._host(stream)[0].engine
        return EngineResult(engine.name, engine.device, engine.latency_ms or 0.0)

    def enhance(
        self,
        stream: Stream,
        frames: Sequence[Frame],
        form: Form,
        quality: int,
        deadline: float | None,
    ) -> tuple[list[AnchorImage] | list[Frame], MadeReply]:
        """Super-resolve frames of one stream.

        Args:
            stream: their stream.
            frames: LR frames, in the order in which they are to be done.
            form: what to make of them.
            quality: JPEG quality of `jpeg`.
            deadline: wall-clock time from which no further frame is begun; those left are not in the reply.

        Returns:
            The anchors or HR frames in order, and what was made. Its spans are sums: inference and encoding on the CPU
            alternate and are laid one after the other; on the GPU they overlap.
        """
        with self._turn:
            hosted, switch = self._host(stream)
            if form != "jpeg" or not hosted.enhancement:
                return _one_by_one(hosted, frames, form, quality, deadline, switch)
            begin = time.time()
            submit = hosted.enhancement.submit
            flying = [submit(planes, quality) for planes in _until(deadline, frames)]
        images = [future.result() for future in flying]
        with self._ending:
            end = time.time()
            begin, self._busy_until = max(begin, self._busy_until), end  # time of overlapping calls counts once
        records = [frame.record for frame in frames[: len(images)]]
        anchors = [
            tag(image.data, record.video_index, record.super_index)
            for image, record in zip(images, records, strict=True)
        ]
        compressing = sum(image.seconds for image in images)
        spans = Span("inference", begin, end), Span("encode", max(begin, end - compressing), end)
        made = tuple(Made(record, len(anchor.data)) for record, anchor in zip(records, anchors, strict=True))
        return anchors, MadeReply(made, spans, switch)

    def _host(self, stream: Stream) -> tuple[_Hosted, float | None]:
        """The engine for a stream, with its weights in it, and the seconds it took if they had to be switched."""
        torch.set_num_threads(self._config.threads)  # OpenMP counts for each thread that calls
        owner = (stream.model, stream.weights)
        weights = self._weights.get(owner)
        if weights is None:
            weights = load_weights(stream.model, Path(stream.weights) if stream.weights else None)
        width, height = stream.info.width, stream.info.height
        hosted = self._hosted.get((stream.model, width, height))
        if hosted is None:
            engine = calibrate(stream.model, weights, width, height, self._device, self._config.engine).engine
            enhancement = Enhancement(engine, self._compress) if self._compress else None
            if enhancement:
                _warm_up(enhancement, engine)
            hosted = self._hosted[stream.model, width, height] = _Hosted(engine, weights, enhancement)
        if owner not in self._weights:
            self._weights[owner] = weights = hosted.engine.prepare(weights)
        if hosted.loaded is weights:
            return hosted, None
        start = time.perf_counter()
        (hosted.enhancement or hosted.engine).load(weights)
        hosted.loaded = weights
        return hosted, time.perf_counter() - start


def _gpu_compressor(device: str) -> Compress | None:
    if device == "cpu":
        return None
    try:
        return gpu_compressor(device)
    except ModelError as error:
        logging.getLogger(__name__).warning("anchors are compressed on the CPU: %s", error)
        return None


def _warm_up(enhancement: Enhancement, engine: Engine) -> None:
    """Let the compressor allocate what it needs for pictures of this size."""
    y, u, v = (np.full(shape, 128, np.uint8) for shape in engine.lr_shapes)
    for _ in enhancement.run([(y, u, v)] * engine.in_flight, 90):
        pass


def _one_by_one(
    hosted: _Hosted, frames: Sequence[Frame], form: Form, quality: int, deadline: float | None, switch: float | None
) -> tuple[list[Any], MadeReply]:
    if hosted.enhancement:
        hosted.enhancement.drain()
    out: list[Any] = []
    made: list[Made] = []
    begin = start = time.time()
    inference = 0.0
    for frame, picture in zip(
        frames,
        hosted.engine.infer_all(_until(deadline, frames), "yuv" if form == "yuv" else "rgb"),
        strict=False,
    ):
        inference += time.time() - start
        out.append(_finished(frame, picture, form, quality))
        made.append(Made(frame.record, len(out[-1].data) if form == "jpeg" else 0))
        start = time.time()
    spans = [Span("inference", begin, begin + inference)]
    if form == "jpeg":
        spans.append(Span("encode", begin + inference, start))
    return out, MadeReply(tuple(made), tuple(spans), switch)


def _finished(frame: Frame, picture: Any, form: Form, quality: int) -> AnchorImage | Frame:
    record = frame.record
    if form == "jpeg":
        return encode_anchor(picture, record.video_index, record.super_index, quality)
    return Frame(record, frame.pts, Yuv420(*picture) if form == "yuv" else picture)


def _until(deadline: float | None, frames: Sequence[Frame]) -> Iterator[Planes]:
    for frame in frames:
        if deadline is not None and time.time() >= deadline:
            return
        assert isinstance(frame.picture, Yuv420)
        yield frame.picture.planes
