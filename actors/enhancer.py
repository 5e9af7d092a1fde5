"""EnhancerActor: super-resolves frames on one GPU, or on the CPU."""

import time
from collections.abc import Sequence
from pathlib import Path

import ray
import torch

from actors.messages import EngineReply, Form, Frame, Made, MadeReply, Stream
from actors.worker import Worker
from ns_ray.config import EnhancerPool
from ns_ray.hybrid.anchor_image import AnchorImage, encode_anchor
from ns_ray.media.yuv import Yuv420
from ns_ray.results import Span
from ns_ray.sr.calibrate import calibrate
from ns_ray.sr.engine import Engine
from ns_ray.sr.weights import Weights, load_weights


class EnhancerActor(Worker):
    """Hosts one engine a model and LR size; each stream brings its weights."""

    def __init__(self, affinity: list[int], config: EnhancerPool) -> None:
        super().__init__(affinity)
        torch.set_num_threads(config.threads)
        self._config = config
        self._device = "cuda:0" if ray.get_gpu_ids() else "cpu"
        self._engines: dict[tuple[str, int, int], Engine] = {}
        self._weights: dict[tuple[str, str | None], Weights] = {}
        self._loaded: dict[Engine, Weights] = {}

    def prepare(self, stream: Stream) -> EngineReply:
        """Get everything ready that a stream needs, before its first frame.

        Raises:
            ModelError: its model, its weights or the engine cannot be used.
        """
        engine = self._engine(stream)
        return EngineReply(engine.name, engine.latency_ms or 0.0, engine.device)

    def enhance(
        self, stream: Stream, frames: Sequence[Frame], form: Form, quality: int, deadline: float | None
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
        begin = time.time()
        inference = 0.0
        out: list[AnchorImage | Frame] = []
        made: list[Made] = []
        for frame in frames:
            start = time.time()
            if deadline is not None and start >= deadline:
                break
            picture = engine.infer(_planes(frame), "yuv" if form == "yuv" else "rgb")
            inference += time.time() - start
            record = frame.record
            if form == "jpeg":
                anchor = encode_anchor(picture, record.video_index, record.super_index, quality)
                out.append(anchor)
                made.append(Made(record, len(anchor.data)))
            else:
                out.append(Frame(record, frame.pts, Yuv420(*picture) if form == "yuv" else picture))
                made.append(Made(record, 0))
        spans = [Span("inference", begin, begin + inference)]
        if form == "jpeg":
            spans.append(Span("encode", begin + inference, time.time()))
        return out, MadeReply(tuple(made), tuple(spans))

    def _engine(self, stream: Stream) -> Engine:
        weights_key = (stream.model, stream.weights)
        if weights_key not in self._weights:
            path = Path(stream.weights) if stream.weights else None
            self._weights[weights_key] = load_weights(stream.model, path)
        weights = self._weights[weights_key]
        key = (stream.model, stream.info.width, stream.info.height)
        engine = self._engines.get(key)
        if engine is None:
            engine = calibrate(*key[:1], weights, *key[1:], self._device, self._config.engine).engine
            self._engines[key] = engine
        elif self._loaded[engine] is not weights:
            engine.load(weights)
        self._loaded[engine] = weights
        return engine


def _planes(frame: Frame) -> tuple[...]: ...
