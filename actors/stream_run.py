"""One stream on its way through the pipeline."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from math import floor
from pathlib import Path
from typing import Any, Literal, TypeVar

from ray.exceptions import RayError

from actors.calls import Workers
from actors.clock import RunClock
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
from actors.rounds import Rounds
from ns_ray.anchors.epoch import StreamEpoch, shown_since_key
from ns_ray.anchors.policies import Policy
from ns_ray.config import Config
from ns_ray.errors import NsRayError
from ns_ray.hybrid.writer import HybridFormat
from ns_ray.results import AnchorResult, EpochResult, Switches
from ns_ray.sr.models import ModelSpec
from ns_ray.video.decode import FrameName
from ns_ray.video.packets import Mark, Packet, SidePacket
from ns_ray.vp9.records import FrameRecord, FrameType

Method = Literal["neuroscaler", "selective", "per-frame"]
Progress = Callable[[str, int], None]
PacketsRef = Kept[Iterable[Packet]]
SidesRef = Kept[Iterable[SidePacket]]
FramesRef = Kept[list[Frame]]
T = TypeVar("T")

# Epochs kept to bring a lost decoder back where key frames are rare; beyond that the stream waits for the next one.
_HISTORY_EPOCHS = 16
_GRACE_SECONDS = 0.1
# Whatever times a stream tells, no epoch gets larger; what is beyond waits for the next slot.
_SLOT_PACKETS = 1000


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

    An epoch is the packets whose times fall into one slot; slots are as long for every stream and counted together, so
    that streams of any frame rate, that pause, or that begin late, meet in the same rounds.

    Attributes:
        stream: the stream.
        hybrid: whether its output is a hybrid stream.
        reason: why it ended early or is not whole; empty where all went well.
        failed: whether it ended early because something went wrong.
        stopped: whether it ended early because it was told to.
        notes: what its user should know of it, each once.
        seconds: media time written.
        shown, hidden: frames of that.
        encoded: frames encoded anew.
        damaged: packets that could not be decoded, and why.
        lr_bytes, output_bytes: bytes of the packets written, and size of the finished file.
        switches: what its turns cost the enhancers in switching weights.
        cost_ms: what one of its anchors takes an enhancer.
        first: the slot that it begins in.
        epochs: what became of each epoch that was written; times are the clock's.
        anchors: the anchors in the output.
    """

    def __init__(
        self,
        stream: Stream,
        index: int,
        config: Config,
        plan: Plan,
        workers: Workers,
        clock: RunClock,
        *,
        decoder: int,
        cost_ms: float,
        first: int = 0,
    ) -> None:
        """Set up a run.

        Args:
            stream: the stream.
            index: its number among all, by which it is given its actors.
            config: how the work is laid out.
            plan: what to do.
            workers: the actors.
            clock: tells the time of deadlines.
            decoder: its decoder.
            cost_ms: what one of its anchors takes an enhancer.
            first: the slot that it begins in, later than 0 if it joins a run under way.
        """
        info = stream.info
        scale = ModelSpec.parse(stream.model).scale
        lr, hr = (info.width, info.height), (info.width * scale, info.height * scale)
        hybrid = plan.method == "neuroscaler"
        self.stream = stream
        self.reason = ""
        self.failed = self.stopped = False
        self.notes: list[str] = []
        self.seconds = 0.0
        self.shown = self.hidden = self.encoded = 0
        self.damaged: list[tuple[int, str]] = []
        self.lr_bytes = self.output_bytes = 0
        self.switches = Switches()
        self.epochs: list[EpochResult] = []
        self.anchors: list[AnchorResult] = []
        self.path = plan.output / f"{stream.name}.mkv"
        self.cost_ms = cost_ms
        self._source = index % len(workers.sources)
        self._decoder = decoder
        self._encoder = index % len(workers.encoders)
        self._packager = index % len(workers.packagers)
        self._config = config
        self._slot = config.slot
        self._plan = plan
        self._workers = workers
        self._clock = clock
        self.first = first
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
        self._part = Path(f"{self.path}.part")
        self._offset = 0
        self._since_key = 0
        self._decoded = 0  # epochs
        self._broken = False  # whether the decoder waits for a key frame
        self._history: list[PacketsRef] = []
        self._under_way: list[asyncio.Task[None]] = []
        self._last: asyncio.Task[None] | None = None
        self._writing: asyncio.Task[None] | None = None
        self._idle = False  # whether it waits for packets
        self._halting = False
        self._whole = True  # until a part is left out
        self._take_down(info.notes)

    async def run(self, began: float, rounds: Rounds, progress: Progress, stop: asyncio.Event) -> None:
        """Go from the first packet to the finished file; what goes wrong is kept in `reason` and hurts no other stream.

        Args:
            began: time on the clock at which a paced run began, and its slot 0.
            rounds: where it meets the other streams.
            progress: told the stream's name and how many frames have been written since it was told last.
            stop: ends it early: no more packets are taken in, and epochs in work have `Config.stop_seconds`.
        """
        slots = asyncio.ensure_future(self._slots(began, rounds, progress))
        halt = asyncio.ensure_future(self._halt(stop, slots))
        try:
            await self._settle(slots)
            rounds.leave(self.stream.name)
            for task in self._under_way:
                await self._settle(task)
        finally:
            rounds.leave(self.stream.name)
            halt.cancel()
        await self._close()
        if self._halting and not self._whole and not self.failed:
            self.stopped = True
            self.reason = f"stream {self.stream.name}: stopped after {self.shown} frames of {self._plan.frames}"

    async def _halt(self, stop: asyncio.Event, slots: "asyncio.Task[None]") -> None:
        await stop.wait()
        self._halting = True
        if self._idle:
            slots.cancel()
        await self._clock.sleep(self._config.stop_seconds)
        slots.cancel()
        for task in self._under_way:
            if task is not self._writing:  # what is begun in a file is ended
                task.cancel()

    async def _settle(self, task: "asyncio.Task[None]") -> None:
        """Wait for a task's end, without taking it along if this one is cancelled."""
        await asyncio.wait((task,))
        if task.cancelled():
            self._whole = False
            return
        try:
            task.result()
        except (NsRayError, RayError) as error:
            self._fail(error)

    def _fail(self, error: object) -> None:
        self.failed = True
        self.reason = self.reason or f"stream {self.stream.name}: {error}"

    def _take_down(self, notes: Iterable[str]) -> None:
        self.notes += [note for note in dict.fromkeys(notes) if note not in self.notes]

    async def _slots(self, began: float, rounds: Rounds, progress: Progress) -> None:
        number, mark = self.first, Mark()
        reading = self._begin_reading(number, mark)
        try:
            while True:
                (packets, sides), read = await self._unless_halting(reading)
                mark = read.mark
                self._take_down(read.notes)
                if read.error:
                    self._fail(read.error)
                last = bool(read.ended or read.error) or mark.index >= self._plan.frames
                following = self._following(number, read)
                if not last:
                    reading = self._begin_reading(following, mark)
                result = self._result(began, number, read, last)
                if read.count:
                    if result.deadline is not None:
                        await self._unless_halting(self._clock.sleep(result.arrived - self._clock.now()))
                    await self._epoch(result, packets, sides, read, rounds, progress)
                elif read.sides:
                    self._begin_delivery(
                        self._deliver(result, packets, sides, [], read, None, [], {}, self._last, progress)
                    )
                if last:
                    return
                if following > number + 1 or not read.count:
                    rounds.expect(self.stream.name, following)
                number = following
        finally:
            if not reading.cancel() and not reading.cancelled():
                reading.exception()  # has been dealt with, or comes too late

    async def _unless_halting(self, work: Awaitable[T]) -> T:
        """Wait for packets; a halt ends that at once.

        Raises:
            CancelledError: the stream is to halt.
        """
        waiting = asyncio.ensure_future(work)
        if self._halting:
            waiting.cancel()
            raise asyncio.CancelledError
        self._idle = True
        try:
            return await waiting
        finally:
            self._idle = False

    def _begin_reading(self, number: int, mark: Mark) -> "asyncio.Task[tuple[list[Kept[Any]], ReadReply]]":
        until = (number - self.first + 1) * self._slot - self._slack
        limit = min(_SLOT_PACKETS, self._plan.frames - mark.index)
        return asyncio.ensure_future(
            self._workers.sources.produce_parts(self._source, 2, "read", self.stream, mark, until, limit)
        )

    @property
    def _slack(self) -> Fraction:
        """Half a tick: times are rounded to ticks, and a frame that begins a slot must not fall into the one before."""
        return self.stream.info.time_base / 2

    def _following(self, number: int, read: ReadReply) -> int:
        """The slot to read after `number`: that of the next packet where its time is known, and a later one always."""
        if read.following is None:
            return number + 1
        return max(number + 1, self.first + floor((read.following + self._slack) / self._slot))

    def _result(self, began: float, number: int, read: ReadReply, last: bool) -> EpochResult:
        """A new epoch's; where packets are paced, it arrives at the end of its slot, or with the stream's last packet.

        What becomes of a slot is due a slot later, so that all of a stream is shown with one delay.
        """
        slot = self._slot
        seconds = max(Fraction(0), read.end - (number - self.first) * slot) if last else slot
        result = EpochResult(self.stream.name, number, self._clock.now(), spans=[read.span], seconds=float(seconds))
        if self._plan.paced:
            result.arrived = began + float(number * slot + min(seconds, slot))
            result.deadline = began + float((number + 2) * slot) + _GRACE_SECONDS * last
        return result

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
            await asyncio.wait(self._under_way[:1])
            self._reap()
        chosen = [(records[p].video_index, records[p].super_index) for p in positions]
        groups, decoded = await self._decode(result, packets, chosen)
        history = self._history
        self._history = (
            [packets]
            if any(record.type is FrameType.KEY for record in records)
            else [*history, packets][-_HISTORY_EPOCHS:]
        )
        gains = {records[p].name: gain for p, gain in zip(choice.positions, choice.gains, strict=True)}
        result.dropped += decoded.handed_out  # until they are made
        self._begin_delivery(
            self._deliver(result, packets, sides, history, read, decoded, groups, gains, self._last, progress)
        )

    def _sound(self, records: Sequence[FrameRecord]) -> Sequence[FrameRecord]:
        """What can be decoded of an epoch: after damage, what comes from the next key frame on."""
        if not self._broken:
            return records
        keys = (i for i, record in enumerate(records) if record.type is FrameType.KEY)
        return records[next(keys, len(records)) :]

    def _begin_delivery(self, delivery: Coroutine[Any, Any, None]) -> None:
        self._last = asyncio.ensure_future(delivery)
        self._under_way.append(self._last)

    def _reap(self) -> None:
        """Let go of deliveries that are done; raises what went wrong in them."""
        while self._under_way and self._under_way[0].done():
            self._under_way.pop(0).result()

    async def _decode(
        self, result: EpochResult, packets: PacketsRef, chosen: Sequence[FrameName]
    ) -> tuple[list[FramesRef], DecodeReply]:
        """Decode an epoch; the frames chosen, in groups of what an enhancer takes at once."""
        size = self._config.enhancer.chunk_frames
        groups = [chosen[i : i + size] for i in range(0, len(chosen), size)]
        reply: DecodeReply
        frames, reply = await self._workers.decoders.produce_parts(
            self._decoder, len(groups), "decode", self.stream, self._decoded, packets, self._history, groups
        )
        self._decoded += 1
        result.spans += reply.spans
        self._broken = reply.broken
        return frames, reply

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
        read: ReadReply,
        decoded: DecodeReply | None,
        groups: Sequence[FramesRef],
        gains: dict[str, float],
        before: "asyncio.Task[None] | None",
        progress: Progress,
    ) -> None:
        """Enhance and write one epoch; epochs are enhanced side by side but written in order.

        `decoded` is None where there is no video in it, only packets of the tracks beside.
        """
        enhanced = await asyncio.gather(*(self._enhance(result, group) for group in groups))
        if before is not None:
            await asyncio.wait((before,))
            before.result()
        parts = enhanced
        if not self.hybrid and decoded is not None:
            packets, parts = await self._encode(result, packets, history, parts), []
        self._writing = asyncio.current_task()
        reply: WriteReply = await self._workers.packagers.call(
            self._packager,
            "write",
            str(self._part),
            self._format,
            self._offset,
            packets,
            sides,
            *parts,
        )
        self._writing = None
        result.spans.append(reply.span)
        self._offset = reply.offset
        if decoded is None:
            return
        made = [one for part in enhanced for one in part.answer.made]  # fewer where some were lost past the deadline
        result.dropped -= len(made)
        ends = [span.end for span in result.spans if span.stage == "inference"]
        overdue = result.deadline is not None and max(ends, default=0.0) > result.deadline
        result.late = result.late or overdue or result.dropped > 0
        self.epochs.append(result)
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
        self.seconds = float(read.end)
        self.lr_bytes += read.bytes
        self.shown += decoded.shown
        self.hidden += decoded.hidden
        self.damaged += decoded.damaged
        progress(self.stream.name, read.count)

    async def _enhance(self, result: EpochResult, frames: FramesRef) -> Kept[Any]:
        anchors_here = self._config.encoder.anchors == "enhancer"
        form: Form = "yuv" if not self.hybrid else "jpeg" if anchors_here else "rgb"
        reply: MadeReply
        part, reply = await self._workers.enhancers.produce(
            self._workers.enhancers.idlest(),
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
            encoders = self._workers.encoders
            part, reply = await encoders.produce(encoders.idlest(), "compress", part, self._plan.quality)
            result.spans += reply.spans
        return part

    async def _encode(
        self, result: EpochResult, packets: PacketsRef, history: Sequence[PacketsRef], enhanced: Sequence[Kept[Any]]
    ) -> PacketsRef:
        encoded: PacketsRef
        reply: EncodeReply
        video = VideoFormat(self._hr, self.stream.info.frame_rate, self.stream.info.time_base)
        encoded, reply = await self._workers.encoders.produce(
            self._encoder, "encode", self.stream, video, self.encoded, history, packets, *enhanced
        )
        result.spans.append(reply.span)
        self.encoded += reply.frames
        return encoded

    async def _close(self) -> None:
        """Finish the file, whatever happened, and let the actors forget the stream."""
        workers = self._workers
        if self._offset:
            try:
                self.output_bytes = await workers.packagers.call(
                    self._packager, "finish", str(self._part), str(self.path), self._format
                )
            except (NsRayError, RayError) as error:
                self._fail(error)
        if self._halting:
            return  # the actors end, too
        for calls, index in (
            (workers.sources, self._source),
            (workers.decoders, self._decoder),
            (workers.encoders, self._encoder),
        ):
            with suppress(NsRayError, RayError):  # the file is whole without it
                await calls.forget(index, self.stream.name)
