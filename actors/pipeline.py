"""The pipeline: streams in, enhanced streams out, over the actors of one configuration."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import ray
from ray.exceptions import RayError

from actors.decoder import DecoderActor, FramesLostError
from actors.encoder import EncoderActor
from actors.enhancer import EnhancerActor
from actors.messages import (
    DecodeReply,
    EngineReply,
    Form,
    MadeReply,
    ReadReply,
    Stream,
    VideoFormat,
    WriteReply,
)
from actors.packager import PackagerActor
from actors.pool import ActorPool
from actors.rounds import Rounds
from actors.scheduler import SchedulerActor
from actors.source import SourceActor
from ns_ray.anchors.epoch import Choice, StreamEpoch, StreamState
from ns_ray.anchors.policies import Policy
from ns_ray.config import Config
from ns_ray.errors import ConfigError, NsRayError
from ns_ray.hybrid.writer import HybridFormat
from ns_ray.media.packets import Packet
from ns_ray.media.probe import VideoInfo
from ns_ray.results import AnchorResult, EpochResult, Loss, Span
from ns_ray.sr.models import ModelSpec
from ns_ray.vp9.records import FrameRecord, FrameType

Method = Literal["neuroscaler", "selective", "per-frame"]
Packets = "ray.ObjectRef[list[Packet]]"

# Epochs kept to bring a lost decoder back, where key frames are rare; beyond it the stream waits for the next one.
_HISTORY_EPOCHS = 16
_GRACE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run does.

    Attributes:
        method: `neuroscaler` makes hybrid streams; `selective` and `per-frame` encode all frames anew.
        policy: how anchors are chosen.
        quality: JPEG quality of anchors.
        frames: shown frames a stream.
        paced: packets come in real time; an epoch that is late loses anchors. Otherwise as fast as possible.
        output: folder for the streams' files.
    """

    method: Method
    policy: Policy
    quality: int
    frames: int
    paced: bool
    output: Path


@dataclass(slots=True)
class StreamRun:
    """One stream under way, and what is known of it afterwards."""

    stream: Stream
    index: int
    format: HybridFormat
    path: Path
    epoch_seconds: float
    reason: str = ""
    frames: int = 0
    hidden: int = 0
    damaged: list[tuple[int, str]] = field(default_factory=list)
    lr_bytes: int = 0
    output_bytes: int = 0
    offset: int = 0
    encoded: int = 0
    history: list[Any] = field(default_factory=list)
    since_key: int = 0
    epochs: list[EpochResult] = field(default_factory=list)
    anchors: list[AnchorResult] = field(default_factory=list)
    delivered: asyncio.Task[None] | None = None
    under_way: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def name(self) -> str:
        """The stream's name."""
        return self.stream.name


class Pipeline:
    """The actors of one configuration. Streams meet once an epoch for selection, and are otherwise on their own."""

    def __init__(self, config: Config, gpus: int) -> None:
        """Ask Ray for the actors.

        Args:
            config: how many of each, and where.
            gpus: enhancers with a GPU each; 0 takes `config.enhancer.actors` on the CPU.
        """
        self.config = config
        self.losses: list[Loss] = []
        self._began = time.time()
        self.sources = self._pool(SourceActor, config.source)
        self.decoders = self._pool(DecoderActor, config.decoder, config.decoder)
        self.schedulers = self._pool(SchedulerActor, config.scheduler.model_copy(update={"actors": 1}))
        self.enhancers = self._pool(
            EnhancerActor,
            config.enhancer,
            config.enhancer,
            count=gpus or config.enhancer.actors,
            gpus=1 if gpus else 0,
        )
        self.encoders = self._pool(EncoderActor, config.encoder, config.encoder)
        self.packagers = self._pool(PackagerActor, config.packager)
        self._pools = (
            self.sources,
            self.decoders,
            self.schedulers,
            self.enhancers,
            self.encoders,
            self.packagers,
        )
        self._states: dict[str, StreamState] = {}
        self._costs: dict[str, float] = {}

    def _pool(self, kind: type[Any], config: Any, *arguments: object, **options: Any) -> ActorPool:
        return ActorPool(
            kind, config, arguments, retries=self.config.retries, on_loss=self._on_loss, **options
        )

    def _on_loss(self, actor: str, call: str) -> None:
        self.losses.append(Loss(actor, time.time() - self._began, call))

    async def start(self) -> None:
        """Wait until all actors have started; raises ConfigError where Ray has no room for them."""
        try:
            async with asyncio.timeout(self.config.start_seconds):
                await asyncio.gather(*(pool.ready() for pool in self._pools))
        except TimeoutError:
            kinds = ", ".join(f"{len(pool)} {pool.name}" for pool in self._pools)
            raise ConfigError(
                f"the actors ({kinds}) did not start within {self.config.start_seconds:g} s; Ray offers "
                f"{ray.cluster_resources()}: ask for fewer, or raise start_seconds where the cluster still grows"
            ) from None

    def stop(self) -> None:
        """End all actors."""
        for pool in self._pools:
            pool.kill()

    async def probe(self, path: str) -> VideoInfo:
        """Look at a video; raises MediaError if it cannot be enhanced."""
        info: VideoInfo = await self.sources.call(0, "probe", path)
        return info

    async def prepare(self, streams: Sequence[Stream]) -> dict[str, EngineReply]:
        """Get every enhancer ready for all streams, before the clock runs.

        Returns:
            The engine of each `WIDTHxHEIGHT model`, the slowest of all enhancers.

        Raises:
            ModelError: a model or its weights cannot be used.
        """
        engines: dict[str, EngineReply] = {}
        for stream in streams:
            key = f"{stream.info.width}x{stream.info.height} {stream.model}"
            if key not in engines:
                replies: list[EngineReply] = await asyncio.gather(
                    *(self.enhancers.call(i, "prepare", stream) for i in range(len(self.enhancers)))
                )
                engines[key] = max(replies, key=lambda reply: reply.latency_ms)
            self._costs[stream.name] = engines[key].latency_ms
        return engines

    async def run(
        self, streams: Sequence[Stream], plan: Plan, progress: Callable[[str, int], None]
    ) -> list[StreamRun]:
        """Enhance streams from their first packet on; spans and arrivals are in seconds from then on.

        Args:
            streams: the streams, which `prepare` has seen.
            plan: what to do.
            progress: told a stream's name and the frames that have been written of it.
        """
        self._began = time.time()
        self._states = {}
        runs = [self._stream_run(i, stream, plan) for i, stream in enumerate(streams)]
        patience = min((run.epoch_seconds for run in runs), default=0.0) / 2 if plan.paced else None

        async def choose(epochs: list[StreamEpoch]) -> dict[str, Choice]:
            return await self._choose(epochs, plan.policy)

        rounds = Rounds([run.name for run in runs], choose, patience)
        await asyncio.gather(*(self._stream(run, plan, rounds, progress) for run in runs))
        return runs

    def _stream_run(self, index: int, stream: Stream, plan: Plan) -> StreamRun:
        info = stream.info
        scale = ModelSpec.parse(stream.model).scale
        lr, hr = (info.width, info.height), (info.width * scale, info.height * scale)
        hybrid = plan.method == "neuroscaler"
        form = HybridFormat(lr if hybrid else hr, hr if hybrid else None, info.frame_rate, info.time_base)
        seconds = max(1, round(self.config.epoch_seconds * info.frame_rate)) / float(info.frame_rate)
        return StreamRun(stream, index, form, plan.output / f"{stream.name}.mkv", seconds)

    async def _choose(self, epochs: list[StreamEpoch], policy: Policy) -> dict[str, Choice]:
        states = {epoch.stream: self._states[epoch.stream] for epoch in epochs if epoch.stream in self._states}
        choices: dict[str, Choice]
        choices, self._span = await self.schedulers.call(0, "choose", epochs, states, policy)
        self._states.update((name, choice.state) for name, choice in choices.items())
        return choices

    async def _stream(
        self, run: StreamRun, plan: Plan, rounds: Rounds, progress: Callable[[str, int], None]
    ) -> None:
        try:
            await self._epochs(run, plan, rounds, progress)
        except (NsRayError, RayError) as error:
            run.reason = _reason(error)
        finally:
            rounds.leave(run.name)
        ended = await asyncio.gather(*run.under_way, return_exceptions=True)
        for error in ended:
            if isinstance(error, NsRayError | RayError):
                run.reason = run.reason or _reason(error)
            elif error is not None:
                raise error
        await self.decoders.call(run.index % len(self.decoders), "forget", run.name)
        await self.encoders.call(run.index % len(self.encoders), "forget", run.name)
        if run.offset:
            try:
                run.output_bytes = await self.packagers.call(
                    run.index % len(self.packagers), "finish", _part(run.path), str(run.path), run.format
                )
            except (NsRayError, RayError) as error:
                run.reason = run.reason or _reason(error)

    async def _epochs(
        self, run: StreamRun, plan: Plan, rounds: Rounds, progress: Callable[[str, int], None]
    ) -> None:
        rate = float(run.stream.info.frame_rate)
        size = round(run.epoch_seconds * rate)
        reading = asyncio.ensure_future(self._read(run, 0, min(size, plan.frames)))
        number = start = 0
        while start < plan.frames:
            packets, read = await reading
            if read.count == 0:
                run.reason = read.error
                return
            start += read.count
            ...
