"""EnhancerActor: super-resolves frames on one GPU, or on the CPU."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import ray
import torch

from actors.messages import Form, Frame, Made, MadeReply, Stream
from actors.worker import Worker
from ns_ray.config import EnhancerPool
from ns_ray.hybrid.anchor_image import AnchorImage, encode_anchor
from ns_ray.media.yuv import Yuv420
from ns_ray.results import EngineResult, Span
from ns_ray.sr.calibrate import calibrate
from ns_ray.sr.engine import Engine, Planes
from ns_ray.sr.weights import Weights, load_weights


class EnhancerActor(Worker):
    """Hosts one engine a model and LR size; each stream brings its weights."""

    def __init__(self, affinity: list[int], config: EnhancerPool) -> None:
        super().__init__(affinity)
        torch.set_num_threads(config.threads)
        self._config = config
        self._device = "cuda:0" if ray.get_gpu_ids() else "cpu"
        self._engines: dict[tuple[str, int, int], tuple[Engine, Weights]] = {}
        self._weights: dict[tuple[str, str | None], Weights] = {}

    def prepare(self, stream: Stream) -> EngineResult:
        """Get everything ready that a stream needs, before its first frame.

        Raises:
            ModelError: its model, its weights or the engine cannot be used.
        """
        engine = self._engine(stream)
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
            The anchors or HR frames in order, and what was made. Work on inference and encoding alternates; its spans
            are sums, laid one after the other.
        """
        engine = self._engine(stream)
        out: list[Any] = []
        made: list[Made] = []
        begin = start = time.time()
        inference = 0.0
        for frame, picture in zip(
            frames,
            engine.infer_all(_until(deadline, frames), "yuv" if form == "yuv" else "rgb"),
            strict=False,
        ):
            inference += time.time() - start
            out.append(_finished(frame, picture, form, quality))
            made.append(Made(frame.record, len(out[-1].data) if form == "jpeg" else 0))
            start = time.time()
        spans = [Span("inference", begin, begin + inference)]
        if form == "jpeg":
            spans.append(Span("encode", begin + inference, start))
        return out, MadeReply(tuple(made), tuple(spans))

    def _engine(self, stream: Stream) -> Engine:
        weights = self._stream_weights(stream)
        key = (stream.model, stream.info.width, stream.info.height)
        hosted = self._engines.get(key)
        if hosted is None:
            engine = calibrate(
                stream.model,
                weights,
                stream.info.width,
                stream.info.height,
                self._device,
                self._config.engine,
            ).engine
        else:
            engine, loaded = hosted
            if loaded is not weights:
                engine.load(weights)
        self._engines[key] = engine, weights
        return engine

    def _stream_weights(self, stream: Stream) -> Weights:
        key = (stream.model, stream.weights)
        if key not in self._weights:
            self._weights[key] = load_weights(stream.model, Path(stream.weights) if stream.weights else None)
        return self._weights[key]


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
