"""One stream on its way through the pipeline."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from ray.exceptions import RayError

from actors.kept import Kept
from actors.messages import (
    DecodeReply,
    EncodeReply,
    Form,
    Frame,
    MadeReply,
    ReadReply,
    Stream,
    VideoFormat,
    WriteReply,
)
from actors.pools import Pools
from actors.rounds import Rounds
from ns_ray.anchors.epoch import StreamEpoch, shown_since_key
from ns_ray.anchors.policies import Policy
from ns_ray.config import Config
from ns_ray.errors import NsRayError
from ns_ray.hybrid.writer import HybridFormat
from ns_ray.media.decode import FrameName
from ns_ray.media.packets import Mark, Packet, SidePacket
from ns_ray.results import AnchorResult, EpochResult, Switches
from ns_ray.sr.models import ModelSpec
from ns_ray.vp9.records import FrameRecord, FrameType

Method = Literal["neuroscaler", "selective", "per-frame"]
Progress = Callable[[str, int], None]
PacketsRef = Kept[Iterable[Packet]]
SidesRef = Kept[Iterable[SidePacket]]
FramesRef = Kept[list[Frame]]

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
        hybrid: whether its output is a hybrid stream.
        reason: why it ended early or is not whole; empty where all went well.
        failed: whether it ended early.
        shown, hidden: frames decoded.
        encoded: frames encoded anew.
        damaged: packets that could not be decoded, and why.
        lr_bytes, output_bytes: bytes read, and size of the finished file.
        switches: what its turns cost the enhancers in switching weights.
        cost_ms: what one of its anchors takes an enhancer.
        epochs: what became of each epoch; times are wall-clock.
        anchors: the anchors in the output.
    """

    def __init__(
        self,
        stream: Stream,
        index: int,
        config: Config,
        plan: Plan,
        pools: Pools,
        *,
        decoder: int,
        cost_ms: float,
    ) -> None:
        info = stream.info
        scale = ModelSpec.parse(stream.model).scale
        lr, hr = (info.width, info.height), (info.width * scale, info.height * scale)
        hybrid = plan.method == "neuroscaler"
        self.stream = stream
        self.reason = ""
        self.failed = False
        self.shown = self.hidden = self.encoded = 0
        self.damaged: list[tuple[int, str]] = []
        self.lr_bytes = self.output_bytes = 0
        self.switches = Switches()
        self.epochs: list[EpochResult] = []
        self.anchors: list[AnchorResult] = []
        self.path = plan.output / f"{stream.name}.mkv"
        self.cost_ms = cost_ms
        self._source = index % len(pools.sources)
        self._decoder = decoder
        self._encoder = index % len(pools.encoders)
        self._packager = index % len(pools.packagers)
        self._config = config
        self._plan = plan
        self._pools = pools
        self.hybrid = hybrid
        self._hr = hr
        self._format = HybridFormat(
            lr if hybrid else hr,
            hr if hybrid else None,
            info.frame_rate,
            info.time_base,
            info.sides,
            info.header,
        )
        self._size = max(1, round(config.epoch_seconds * info.frame_rate))
        self.epoch_seconds = self._size / float(info.frame_rate)
        self._part = Path(f"{self.path}.part")
        self._offset = 0
        self._since_key = 0
        self._broken = False  # whether the decoder waits for a key frame
        self._history: list[PacketsRef] = []
        self._under_way: list[asyncio.Task[None]] = []
        self._last: asyncio.Task[None] | None = None

    async def run(self, began: float, rounds: Rounds, progress: Progress) -> None:
        """Go from the first packet to the finished file; what goes wrong is kept in `reason` and hurts no other stream.

        Args:
            began: wall-clock time at which a paced stream begins.
            rounds: where it meets the other streams.
            progress: told the stream's name and how many frames have been written since it was told last.
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

    async def _settle(self, work: Awaitable[None]) -> None:
        try:
            await work
        except (NsRayError, RayError) as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self.failed = True
        self.reason = self.reason or f"stream {self.stream.name}: {error}"

    async def _epochs_in_turn(self, began: float, rounds: Rounds, progress: Progress) -> None:
        rate = float(self.stream.info.frame_rate)
        start = number = 0
        mark = Mark()
        reading = self._begin_reading(mark)
        while True:
            (packets, sides), read = await reading
            if read.error:
                self.reason, self.failed = f"stream {self.stream.name}: {read.error}", True
            if not read.count:
                return
            start += read.count
            last = read.ended or start >= self._plan.frames
            mark = read.mark
            if not last:
                reading = self._begin_reading(mark)
            result = EpochResult(self.stream.name, number, arrived=time.time(), spans=[read.span])
            self.epochs.append(result)
            self.lr_bytes += read.bytes
            if self._plan.paced:
                result.arrived = began + start / rate
                result.deadline = result.arrived + self.epoch_seconds + _GRACE_SECONDS * last
                await asyncio.sleep(result.arrived - time.time())
            await self._epoch(result, packets, sides, read, rounds, progress)
            if last:
                return
            number += 1

    def _begin_reading(self, mark: Mark) -> "asyncio.Task[tuple[list[Kept[Any]], ReadReply]]":
        limit = min(self._size, self._plan.frames - mark.index)
        until = Fraction(mark.index + limit) / self.stream.info.frame_rate
        return asyncio.ensure_future(
            self._pools.sources.produce_parts(self._source, 2, "read", self.stream, mark, until, limit)
        )

    async def _epoch(
        self,
        result: EpochResult,
        packets: PacketsRef,
        sides: SidesRef,
        read: ReadReply,
        rounds: Rounds,
        progress: Progress,
    ) -> None:
        records = self._sound(read.records)
        choice, span, in_time = await rounds.join(
            result.epoch, StreamEpoch(self.stream.name, records, self._gop_left(records), self.cost_ms)
        )
        result.spans.append(span)
        result.late = not in_time
        positions = choice.positions
        self._reap()
        if self._plan.paced and len(self._under_way) >= self._config.in_flight_epochs:
            result.dropped, result.late, positions = len(positions), True, ()
        while not self._plan.paced and len(self._under_way) >= self._config.in_flight_epochs:
            await self._under_way.pop(0)
        chosen = [(records[p].video_index, records[p].super_index) for p in positions]
        groups, handed_out = await self._decode(result, packets, chosen)
        history = self._history
        self._history = (
            [packets]
            if any(record.type is FrameType.KEY for record in records)
            else [*history, packets][-_HISTORY_EPOCHS:]
        )
        gains = {records[p].name: gain for p, gain in zip(choice.positions, choice.gains, strict=True)}
        result.dropped += handed_out  # until they are made
        self._last = asyncio.ensure_future(
            self._deliver(result, packets, sides, history, read.count, groups, gains, self._last, progress)
        )
        self._under_way.append(self._last)

    def _sound(self, records: Sequence[FrameRecord]) -> Sequence[FrameRecord]:
        """What can be decoded of an epoch: after damage, what comes from the next key frame on."""
        if not self._broken:
            return records
        keys = (i for i, record in enumerate(records) if record.type is FrameType.KEY)
        return records[next(keys, len(records)) :]

    def _reap(self) -> None:
        """Let go of deliveries that are done; raises what went wrong in them."""
        while self._under_way and self._under_way[0].done():
            self._under_way.pop(0).result()

    async def _decode(
        self, result: EpochResult, packets: PacketsRef, chosen: Sequence[FrameName]
    ) -> tuple[list[FramesRef], int]:
        """Decode an epoch; the frames chosen, in groups of what an enhancer takes at once, and how many there are."""
        size = self._config.enhancer.chunk_frames
        groups = [chosen[i : i + size] for i in range(0, len(chosen), size)]
        reply: DecodeReply
        frames, reply = await self._pools.decoders.produce_parts(
            self._decoder, len(groups), "decode", self.stream, result.epoch, packets, self._history, groups
        )
        result.spans += reply.spans
        self.shown += reply.shown
        self.hidden += reply.hidden
        self.damaged += reply.damaged
        self._broken = reply.broken
        return frames, reply.handed_out

    def _gop_left(self, records: Sequence[FrameRecord]) -> int | None:
        self._since_key = shown_since_key(records, self._since_key)
        if self._config.gop_frames is None:
            return None
        return max(0, self._config.gop_frames - self._since_key)

    async def _deliver(
        self,
        result: EpochResult,
        packets: PacketsRef,
        sides: SidesRef,
        history: Sequence[PacketsRef],
        count: int,
        groups: Sequence[FramesRef],
        gains: dict[str, float],
        before: "asyncio.Task[None] | None",
        progress: Progress,
    ) -> None:
        """Enhance and write one epoch; epochs are enhanced side by side but written in order."""
        enhanced = await asyncio.gather(*(self._enhance(result, group) for group in groups))
        if before is not None:
            await before
        parts = enhanced
        if not self.hybrid:
            packets, parts = await self._encode(result, packets, history, enhanced), []
        reply: WriteReply = await self._pools.packagers.call(
            self._packager,
            "write",
            str(self._part),
            self._format,
            self._offset,
            packets,
            sides,
            *parts,
        )
        result.spans.append(reply.span)
        self._offset = reply.offset
        made = [one for part in enhanced for one in part.answer.made]  # fewer where some were lost past the deadline
        result.dropped -= len(made)
        ends = [span.end for span in result.spans if span.stage == "inference"]
        overdue = result.deadline is not None and max(ends, default=0.0) > result.deadline
        result.late = result.late or overdue or result.dropped > 0
        self.anchors += (
            AnchorResult(
                self.stream.name,
                one.record.video_index,
                one.record.super_index,
                one.record.type.name,
                gains.get(one.record.name, 0.0),
                one.bytes,
            )
            for one in made
        )
        progress(self.stream.name, count)

    async def _enhance(self, result: EpochResult, frames: FramesRef) -> Kept[Any]:
        anchors_here = self._config.encoder.anchors == "enhancer"
        form: Form = "yuv" if not self.hybrid else "jpeg" if anchors_here else "rgb"
        reply: MadeReply
        part, reply = await self._pools.enhancers.produce(
            self._pools.enhancers.idlest(),
            "enhance",
            self.stream,
            frames,
            form,
            self._plan.quality,
            result.deadline,
        )
        result.spans += reply.spans
        if reply.switch_seconds is not None:
            self.switches.count += 1
            self.switches.seconds += reply.switch_seconds
        if form == "rgb":
            encoders = self._pools.encoders
            part, reply = await encoders.produce(encoders.idlest(), "compress", part, self._plan.quality)
            result.spans += reply.spans
        return part

    async def _encode(
        self, result: EpochResult, packets: PacketsRef, history: Sequence[PacketsRef], enhanced: Sequence[Kept[Any]]
    ) -> PacketsRef:
        reply: EncodeReply
        video = VideoFormat(self._hr, self.stream.info.frame_rate, self.stream.info.time_base)
        encoded, reply = await self._pools.encoders.produce(
            self._encoder, "encode", self.stream, video, self.encoded, history, packets, *enhanced
        )
        result.spans.append(reply.span)
        self.encoded += reply.frames
        return encoded

    async def _close(self) -> None:
        await self._pools.sources.forget(self._source, self.stream.name)
        await self._pools.decoders.forget(self._decoder, self.stream.name)
        await self._pools.encoders.forget(self._encoder, self.stream.name)
        if self._offset:
            self.output_bytes = await self._pools.packagers.call(
                self._packager, "finish", str(self._part), str(self.path), self._format
            )
