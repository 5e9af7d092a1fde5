"""One stream on its way through the pipeline."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import ray
from ray.exceptions import RayError

from actors.decoder import FramesLostError
from actors.messages import DecodeReply, Made, MadeReply, ReadReply, Stream, VideoFormat, WriteReply
from actors.pools import Pools
from actors.rounds import Rounds
from ns_ray.anchors.epoch import Choice, StreamEpoch
from ns_ray.anchors.policies import Policy
from ns_ray.config import Config
from ns_ray.errors import NsRayError
from ns_ray.hybrid.writer import HybridFormat
from ns_ray.results import AnchorResult, EpochResult, Span
from ns_ray.sr.models import ModelSpec
from ns_ray.vp9.records import FrameRecord, FrameType

Method = Literal["neuroscaler", "selective", "per-frame"]
Ref = ray.ObjectRef

# Epochs kept to bring a lost decoder back where key frames are rare; beyond that the stream waits for the next one.
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
        paced: packets come in real time, and an epoch that is late loses anchors; otherwise as fast as possible.
        output: folder for the streams' files.
    """

    method: Method
    policy: Policy
    quality: int
    frames: int
    paced: bool
    output: Path


class StreamRun:
    """Takes one stream through the pipeline, epoch by epoch, and keeps what is known of it.

    Attributes:
        stream: the stream.
        reason: why it ended early or is not whole; empty where all went well.
        failed: whether it ended early.
        frames, hidden: frames decoded, shown and hidden.
        damaged: packets that could not be decoded, and why.
        lr_bytes, output_bytes: bytes read, and size of the finished file.
        epochs: what became of each epoch; times are wall-clock.
        anchors: the anchors in the output.
    """

    def __init__(self, stream: Stream, index: int, config: Config, plan: Plan, pools: Pools) -> None:
        info = stream.info
        scale = ModelSpec.parse(stream.model).scale
        lr, hr = (info.width, info.height), (info.width * scale, info.height * scale)
        hybrid = plan.method == "neuroscaler"
        self.stream = stream
        self.reason = ""
        self.failed = False
        self.frames = self.hidden = 0
        self.damaged: list[tuple[int, str]] = []
        self.lr_bytes = self.output_bytes = 0
        self.epochs: list[EpochResult] = []
        self.anchors: list[AnchorResult] = []
        self.path = plan.output / f"{stream.name}.mkv"
        self._index = index
        self._config = config
        self._plan = plan
        self._pools = pools
        self._hr = hr
        self._format = HybridFormat(
            lr if hybrid else hr, hr if hybrid else None, info.frame_rate, info.time_base
        )
        self._size = max(1, round(config.epoch_seconds * info.frame_rate))
        self.epoch_seconds = self._size / float(info.frame_rate)
        self._part = Path(f"{self.path}.part")
        self._offset = 0
        self._encoded = 0
        self._since_key = 0
        self._history: list[Ref] = []
        self._under_way: list[asyncio.Task[None]] = []

    async def run(self, began: float, rounds: Rounds, progress: Callable[[str, int], None]) -> None:
        """Go from the first packet to the finished file; what goes wrong is kept in `reason` and hurts no other stream.

        Args:
            began: wall-clock time of the first packet.
            rounds: where it meets the other streams.
            progress: told the stream's name and the number of frames written.
        """
        try:
            await self._epochs_in_turn(began, rounds, progress)
        except (NsRayError, RayError) as error:
            self._fail(error)
        finally:
            rounds.leave(self.stream.name)
        for task in self._under_way:
            await self._settle(task)
        await self._settle(self._close())

    async def _epochs_in_turn(
        self, began: float, rounds: Rounds, progress: Callable[[str, int], None]
    ) -> None:
        rate = float(self.stream.info.frame_rate)
        reading = asyncio.ensure_future(self._read(0))
        start = number = 0
        while start < self._plan.frames:
            packets, read = await reading
            if read.error:
                self.reason, self.failed = read.error, True
            if not read.count:
                return
            start += read.count
            last = read.ended or start >= self._plan.frames
            if not last:
                reading = asyncio.ensure_future(self._read(start))
            result = EpochResult(self.stream.name, number, arrived=read.span.end, spans=[read.span])
            self.epochs.append(result)
            self.lr_bytes += read.bytes
            if self._plan.paced:
                result.arrived = began + start / rate
                result.deadline = result.arrived + self.epoch_seconds + _GRACE_SECONDS * last
                await asyncio.sleep(result.arrived - time.time())
            await self._epoch(result, packets, read.count, rounds, progress)
            if last:
                return
            number += 1

    async def _epoch(
        self,
        result: EpochResult,
        packets: Ref,
        count: int,
        rounds: Rounds,
        progress: Callable[[str, int], None],
    ) -> None:
        decoded = await self._decode(result, packets)
        records = decoded.records
        choice = await rounds.join(result.epoch, self._stream_epoch(records, count))
        while len(self._under_way) >= self._config.in_flight_epochs and not self._plan.paced:
            await self._oldest()
        self._under_way = [task for task in self._under_way if not task.done() or task.exception()]
        positions: Sequence[int] = choice.positions if choice else ()
        if len(self._under_way) >= self._config.in_flight_epochs:
            result.dropped, positions = len(positions), ()
        gains = dict(zip(choice.positions, choice.gains, strict=True)) if choice else {}
        frames = [
            (await self._take(result, packets, chunk), tuple(gains.get(p) for p in chunk))
            for chunk in self._chunks(records, positions)
        ]
        before = self._under_way[-1] if self._under_way else None
        ...
