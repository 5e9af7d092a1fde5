"""One stream on its way from joining to leaving."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import floor
from pathlib import Path
from typing import Any, Literal, TypeVar
from uuid import uuid4

from ns_ray.actors.clock import RunClock
from ns_ray.actors.event_log import EventLog
from ns_ray.actors.journal import Entry, Position, pack, unpack
from ns_ray.actors.messages import Anchors, DecodeReply, EncodeJob, Form, VideoFormat
from ns_ray.actors.metrics import Sums, count_epoch
from ns_ray.actors.orders import Change, Order, Placement
from ns_ray.actors.peers import DiedError
from ns_ray.actors.reports import EpochReport, State, StreamReport, Totals, added, counted, first_of_each_kind
from ns_ray.actors.service.relayed import is_relayed
from ns_ray.actors.work import Decoding, Enhancing, Part, Read, Work, Writing
from ns_ray.anchors.account import granted, window_slots
from ns_ray.anchors.epoch import Choice, StreamEpoch, StreamState, shown_since_key
from ns_ray.anchors.thinned import moving, thinned
from ns_ray.codecs.records import FrameRecord, FrameType
from ns_ray.config.config import Config
from ns_ray.errors import ActorLostError, MediaError, ModelError, NsRayError, PartLostError
from ns_ray.hybrid.writer import HybridFormat
from ns_ray.report.results import AnchorResult, EpochResult
from ns_ray.sr.spec import ModelSpec
from ns_ray.video.address import is_rereadable
from ns_ray.video.block import PacketBlock
from ns_ray.video.packets import Packet

T = TypeVar("T")
_Kind = Literal["decoder", "enhancer", "encoder"]

# Epochs kept to bring a lost decoder back where key frames are rare; beyond that the stream waits for the next one.
_HISTORY_EPOCHS = 16
_GRACE_SECONDS = 0.1
# Whatever times a stream tells, no epoch gets larger; what is beyond waits for the next slot.
_SLOT_PACKETS = 1000
_MOST_NOTES = 32
_WARM_UP_EPOCHS = 2  # whose anchors may be late without anything being thought of it


@dataclass(slots=True)
class _Epoch:
    """One epoch on its way.

    Attributes:
        result: what becomes of it.
        read: its packets.
        order: the stream's order as it was then.
        after: where the stream is after it, but for the totals.
        block: the video's packets, for decoders; None where there is none.
        history: packets since the last key frame before it, epoch by epoch.
        chosen: records of its anchors, most valuable first.
        gains: the anchors' gains, by name.
        limit: bytes that each of them may take; 0 for any number.
        enhancer: who was to make images of them.
        parts: the anchors' frames where they were decoded.
        decoded: what decoding told.
        anchors: what was made of them, part by part.
        encoded: the packets of video encoded anew.
    """

    result: EpochResult
    read: Read
    order: Order
    after: Position
    block: PacketBlock | None = None
    history: Sequence[PacketBlock] = ()
    chosen: Sequence[FrameRecord] = ()
    gains: dict[str, float] = field(default_factory=dict)
    limit: int = 0
    enhancer: str = ""
    parts: Sequence[Part] = ()
    decoded: DecodeReply | None = None
    anchors: Sequence[Anchors] = ()
    encoded: Sequence[Packet] | None = None
    cpu_seconds: dict[str, float] = field(default_factory=dict)

    def spent(self, stage: str, seconds: float) -> None:
        """Count CPU time."""
        self.cpu_seconds[stage] = self.cpu_seconds.get(stage, 0.0) + seconds


class Session:
    """Takes one stream from its first packet to its finished file, epoch by epoch.

    An epoch is the packets whose times fall into one slot; slots are as long for every stream and counted together, so
    that streams of any frame rate, that pause, or that begin late, meet in the same rounds.

    Where it is after every epoch stands in its own output, so that another session can go on from there.

    Attributes:
        order: what to do.
        report: what came of it so far.
    """

    def __init__(
        self,
        order: Order,
        placement: Placement,
        work: Work,
        config: Config,
        clock: RunClock,
        tell: Callable[[EpochReport], None],
        sums: Sums,
        log: EventLog,
    ) -> None:
        """Set up a session.

        Args:
            order: what to do; see `change`.
            placement: who works for it; see `move`.
            work: its host.
            config: how the work is laid out.
            clock: tells the time of deadlines.
            tell: told of every epoch that has been written.
            sums: where they are counted.
            log: where it is written down.
        """
        self.order = order
        self._placement = placement
        self._work = work
        self._config = config
        self._clock = clock
        self._tell = tell
        self._sums = sums
        self._log = log
        self._format = format_of(order)
        self._part = Path(f"{order.path}.part")
        self._at = Position(order.plan.run, order.first, first=order.first)
        self._offset = 0
        self._history: list[PacketBlock] = []
        self._finished = False  # whether it was so before
        self._broken = False  # whether the decoder waits for a key frame
        self._keyed = False  # whether a key frame came
        self._deliveries: list[asyncio.Task[None]] = []
        self._flow = _Flow()
        self._decoding = asyncio.Lock()
        self._asking: dict[asyncio.Future[Any], tuple[_Kind, str]] = {}  # who is asked for what is waited for
        self.report = StreamReport(order.stream.name, order.stream.info.path, "running", "", (), Totals())
        self._take_down(order.stream.info.notes)

    @property
    def placement(self) -> Placement:
        """Who works for it."""
        return self._placement

    @property
    def in_work(self) -> int:
        """How many of its epochs are decoded and not yet written."""
        return sum(not task.done() for task in self._deliveries)

    def change(self, change: Change) -> None:
        """Go on otherwise from the next epoch on."""
        self.order = self.order.changed(change)

    def move(self, placement: Placement) -> None:
        """Have other actors work for it from now on."""
        self._placement = placement
        self._flow.moved.set()
        self._flow.moved = asyncio.Event()
        for task, (kind, name) in list(self._asking.items()):
            if getattr(placement, kind) != name:
                del self._asking[task]
                task.cancel()

    def halt(self) -> None:
        """Come to an end early: no more packets are taken in, epochs in work have `Config.stop_seconds`."""
        self._flow.halt.set()

    def release(self) -> None:
        """Come to a halt with the file unfinished, for another session to go on with; one that is halted ends."""
        if not self._flow.halt.is_set():
            self._flow.released = True
            self.halt()

    @property
    def released(self) -> bool:
        """Whether another session is to go on, and this one leaves the file to it."""
        return self._flow.released

    async def run(self) -> None:
        """Go on to the finished file; what goes wrong is told by the report and hurts no other stream."""
        try:
            await self._run()
        finally:
            self._work.leave(self.order)
        await self._close()

    async def _run(self) -> None:
        slots = asyncio.ensure_future(self._slots())
        halt = asyncio.ensure_future(self._halt(slots))
        try:
            await self._settle(slots)
            self._work.leave(self.order)
            for task in self._deliveries:
                await self._settle(task)
            self._require_picture()
        finally:
            halt.cancel()

    async def _resume(self) -> None:
        """Go on from what an earlier session of the same order has written, if there is anything left of it."""
        left = await self._work.recover(self.order, self._part)
        entries = []
        for end, data in left.notes:
            entry = unpack(data)
            if entry is not None and entry.position.run == self.order.plan.run:
                entries.append((end, entry))
            await asyncio.sleep(0)  # after hours there are thousands, and other sessions go on
        if not entries:
            self._finished = self.order.begun and left.finished
            if self._finished:  # just before
                self._at = replace(self._at, ended=True)
            else:
                self._begin_anew()
            return
        self._offset, last = entries[-1]
        self._at = last.position
        totals = last.position.totals
        self.report = replace(self.report, totals=totals, session=uuid4().hex, begun_at=totals.shown)
        self._take_down(self._at.notes)
        if self._at.reason:
            self._fail(self._at.reason)
        for _, entry in entries:
            if entry.report is not None:
                self._tell(entry.report)
        if not self._at.ended:
            packets = await self._unless_halting(self._work.before(self.order.stream, self._at.mark))
            self._history = [PacketBlock.of(packets)] if packets else []

    def _begin_anew(self) -> None:
        """Begin, or begin again where nothing is left: what cannot be read again goes on in the slot under way."""
        order = self.order
        self.report = replace(self.report, session=uuid4().hex)
        path = order.stream.info.path
        if order.begun and order.plan.paced and not (is_rereadable(path) or is_relayed(path)):
            now = floor((self._clock.now() - order.plan.began) / self._config.slot)
            number = max(order.first, now)
            self._at = replace(self._at, number=number, first=number)

    async def _halt(self, slots: "asyncio.Task[None]") -> None:
        await self._flow.halt.wait()
        if self._flow.idle:
            slots.cancel()
        await self._clock.sleep(self._config.stop_seconds)
        slots.cancel()
        for task in self._deliveries:
            if task is not self._flow.writing:  # what is begun in a file is ended
                task.cancel()

    async def _settle(self, task: "asyncio.Task[None]") -> None:
        """Wait for a task's end, without taking it along if this one is cancelled."""
        await asyncio.wait((task,))
        if task.cancelled():
            self._flow.whole = False
            return
        try:
            task.result()
        except NsRayError as error:
            self._fail(error)

    def _require_picture(self) -> None:
        """A stream that came to its end without a single picture has failed, although its packets were passed on."""
        totals, packets = self.report.totals, self._at.mark.index
        if not packets or totals.shown or self._flow.halt.is_set():
            return
        why = totals.reasons[0] if totals.reasons else "its packets show none"
        if not self._keyed:
            why = "it starts without a key frame, and none comes; give a stream from a key frame on, or a longer one"
        self._fail(f"{self.order.stream.info.path}: none of its {packets} packets gives a picture: {why}")

    def _fail(self, error: object) -> None:
        whose = f"stream {self.order.stream.name}: "
        reason = self.report.reason or whose + str(error).removeprefix(whose)
        self.report = replace(self.report, reason=reason)
        self._flow.failed = True

    def _take_down(self, notes: Iterable[str]) -> None:
        known = dict.fromkeys((*self.report.notes, *notes))
        self.report = replace(self.report, notes=tuple(known)[:_MOST_NOTES])

    async def _slots(self) -> None:
        plan = self.order.plan
        await self._resume()
        number = self._at.number
        stream = self.order.stream
        self._log.begun(self._clock.now(), stream.name, number, stream.info.path, again=self._offset > 0)
        if self._at.ended:
            return
        self._work.expect(self.order, number)
        reading = self._begin_reading(number)
        try:
            while True:
                read = await self._unless_halting(reading)
                self._take_down(read.notes)
                if read.error:
                    self._fail(read.error)
                last = bool(read.ended or read.error) or read.mark.index >= plan.frames
                following = self._following(number, read)
                self._at = replace(
                    self._at,
                    number=following,
                    mark=read.mark,
                    ended=last,
                    reason=read.error,
                    notes=self.report.notes,
                )
                if not last:
                    reading = self._begin_reading(following)
                epoch = _Epoch(self._result(number, read, last), read, self.order, self._at)
                if read.packets:
                    if epoch.result.deadline is not None:
                        await self._unless_halting(self._clock.sleep(epoch.result.arrived - self._clock.now()))
                    await self._epoch(epoch)
                elif read.sides:
                    self._begin_delivery(epoch)
                if last:
                    return
                if following > number + 1 or not read.packets:
                    self._work.expect(self.order, following)
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
        if self._flow.halt.is_set():
            waiting.cancel()
            raise asyncio.CancelledError
        self._flow.idle = True
        try:
            return await waiting
        finally:
            self._flow.idle = False

    def _begin_reading(self, number: int) -> "asyncio.Task[Read]":
        until = (number - self._at.first + 1) * self._config.slot - self._slack
        limit = min(_SLOT_PACKETS, self.order.plan.frames - self._at.mark.index)
        return asyncio.ensure_future(self._work.read(self.order.stream, self._at.mark, until, limit))

    @property
    def _slack(self) -> Fraction:
        """Half a tick: times are rounded to ticks, and a frame that begins a slot must not fall into the one before."""
        return self.order.stream.info.time_base / 2

    def _following(self, number: int, read: Read) -> int:
        """The slot to read after `number`: that of the next packet where its time is known, and a later one always."""
        if read.following is None:
            return number + 1
        return max(number + 1, self._at.first + floor((read.following + self._slack) / self._config.slot))

    def _result(self, number: int, read: Read, last: bool) -> EpochResult:
        """A new epoch's; where packets are paced, it arrives at the end of its slot, or with the stream's last packet.

        What becomes of a slot is due a slot later, so that all of a stream is shown with one delay.
        """
        slot, plan = self._config.slot, self.order.plan
        seconds = max(Fraction(0), read.end - (number - self._at.first) * slot) if last else slot
        result = EpochResult(
            self.order.stream.name,
            number,
            self._clock.now(),
            spans=[read.span],
            seconds=float(seconds),
            first=read.packets[0].video_index if read.packets else 0,
            packets=len(read.packets),
        )
        if plan.paced:
            result.arrived = plan.began + float(number * slot + min(seconds, slot))
            result.deadline = plan.began + float((number + 2) * slot) + _GRACE_SECONDS * last
        return result

    async def _epoch(self, epoch: _Epoch) -> None:
        """Choose the anchors of an epoch and decode them; what follows goes on beside the next epoch."""
        records = self._sound(epoch.read.records)
        before = self._at.state
        choice = await self._choose(epoch, records)
        epoch.block = PacketBlock.of(epoch.read.packets)
        epoch.history = tuple(self._history)
        positions = self._paid(epoch, records, await self._affordable(epoch, choice), before)
        epoch.chosen = [records[position] for position in positions]
        epoch.gains = {records[p].name: gain for p, gain in zip(choice.positions, choice.gains, strict=True)}
        epoch.after = replace(self._at, decoded=self._at.decoded + 1)
        epoch.enhancer = self._placement.enhancer
        await self._decode(epoch)
        assert epoch.decoded is not None
        self._at = epoch.after
        self._broken = epoch.decoded.broken
        key = any(record.type is FrameType.KEY for record in records)
        self._keyed = self._keyed or key
        self._history = [epoch.block] if key else [*self._history, epoch.block][-_HISTORY_EPOCHS:]
        self._begin_delivery(epoch)

    async def _choose(self, epoch: _Epoch, records: Sequence[FrameRecord]) -> Choice:
        since_key = shown_since_key(records, self._at.since_key)
        gop = self._config.gop_frames
        choice, span, in_time, factor = await self._work.choose(
            self.order,
            epoch.result.epoch,
            StreamEpoch(
                self.order.stream.name,
                records,
                None if gop is None else max(0, gop - since_key),
                self._placement.cost_ms,
                self.order.fraction,
                self.order.priority,
            ),
            self._at.state,
        )
        self._at = replace(self._at, since_key=since_key, state=choice.state)
        epoch.result.spans.append(span)
        epoch.result.late = not in_time
        epoch.result.factor = factor
        return choice

    def _sound(self, records: Sequence[FrameRecord]) -> Sequence[FrameRecord]:
        """What can be decoded of an epoch: after damage, what comes from the next key frame on."""
        if not self._broken:
            return records
        keys = (i for i, record in enumerate(records) if record.type is FrameType.KEY)
        return records[next(keys, len(records)) :]

    async def _affordable(self, epoch: _Epoch, choice: Choice) -> Sequence[int]:
        """The anchors that there is time for: none of a paced stream that is too far behind; others wait."""
        self._reap()
        if self.order.plan.paced and len(self._deliveries) >= self._config.in_flight_epochs:
            epoch.result.dropped, epoch.result.late = len(choice.positions), True
            return ()
        while not self.order.plan.paced and len(self._deliveries) >= self._config.in_flight_epochs:
            await asyncio.wait(self._deliveries[:1])
            self._reap()
        return choice.positions

    def _paid(
        self, epoch: _Epoch, records: Sequence[FrameRecord], positions: Sequence[int], before: StreamState
    ) -> Sequence[int]:
        """Those of the anchors that the plan's rate has bytes for; it has none for what shows nothing new."""
        plan, info = self.order.plan, self.order.stream.info
        if plan.rate is None or plan.method != "neuroscaler":
            return positions
        samples = info.width * info.height
        worth = moving(records, positions, before, samples)
        grant, account = granted(
            self._at.account,
            epoch.result.epoch,
            plan.rate.earned(epoch.result.seconds, sum(len(packet.data) for packet in epoch.read.packets)),
            len(worth),
            plan.coding.least_bytes(samples * ModelSpec.parse(self.order.stream.model).scale ** 2),
            window_slots(self._config.slot),
        )
        kept = worth[: grant.anchors]
        if len(kept) < len(positions):
            self._at = replace(self._at, state=thinned(self._at.state, before, records, kept))
        self._at = replace(self._at, account=account)
        epoch.limit = grant.limit
        epoch.result.still = len(positions) - len(worth)
        epoch.result.unpaid = len(worth) - len(kept)
        return kept

    def _reap(self) -> None:
        """Let go of deliveries that are done; raises what went wrong in them."""
        while self._deliveries and self._deliveries[0].done():
            self._deliveries.pop(0).result()

    async def _decode(self, epoch: _Epoch) -> None:
        """Decode an epoch; the frames chosen, in groups of what an enhancer takes at once."""
        assert epoch.block is not None
        names = [(record.video_index, record.super_index) for record in epoch.chosen]
        size = self._config.enhancer.chunk_frames
        wanted = [names[i : i + size] for i in range(0, len(names), size)]
        first = epoch.after.decoded == 1
        job = Decoding(
            epoch.order.stream,
            self._placement.enhancer,
            epoch.after.decoded - 1,
            epoch.block,
            wanted,
            () if first else None,
            PacketBlock.of(epoch.read.ahead) if epoch.read.ahead else None,
            epoch.read.ended,
        )
        async with self._decoding:
            epoch.parts, reply = await self._by("decoder", lambda who: self._work.decode(who, job))
            if reply.lost:
                job = replace(job, history=epoch.history)
                epoch.parts, reply = await self._by("decoder", lambda who: self._work.decode(who, job))
        if reply.error:
            raise MediaError(reply.error)
        epoch.decoded = reply
        epoch.result.spans += reply.spans
        epoch.spent("decode", reply.cpu_seconds)

    async def _by(self, kind: _Kind, ask: Callable[[str], Awaitable[T]]) -> T:
        """Ask the actor of a kind that works for the stream; where it is lost, the one that is given instead.

        Once another is given, the former's answer is not waited for any more.

        Raises:
            ActorLostError: no other was given in time, or they die of what is asked.
        """
        while True:
            name, moved = getattr(self._placement, kind), self._flow.moved
            asking = asyncio.ensure_future(ask(name))
            self._asking[asking] = kind, name
            try:
                return await asking
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if asking in self._asking or (task is not None and task.cancelling()):
                    raise
            except DiedError:
                raise  # another would die of it, too
            except ActorLostError:
                moving = asyncio.ensure_future(moved.wait())
                waited = asyncio.ensure_future(self._clock.sleep(self._config.start_seconds))
                await asyncio.wait((moving, waited), return_when=asyncio.FIRST_COMPLETED)
                waited.cancel()
                if not moving.done():
                    moving.cancel()
                    raise
            finally:
                self._asking.pop(asking, None)

    def _begin_delivery(self, epoch: _Epoch) -> None:
        self._reap()
        before = self._flow.last
        self._flow.last = asyncio.ensure_future(self._deliver(epoch, before))
        self._deliveries.append(self._flow.last)

    async def _deliver(self, epoch: _Epoch, before: "asyncio.Task[None] | None") -> None:
        """Enhance and write one epoch; epochs are enhanced side by side but written in order."""
        hybrid = epoch.order.plan.method == "neuroscaler"
        if hybrid:
            epoch.anchors = await self._unless_lost(epoch, self._anchors)
        if before is not None:
            if not before.done():
                await asyncio.wait((before,))
            before.result()
        if not hybrid and epoch.decoded is not None:
            epoch.encoded = await self._unless_lost(epoch, self._encode)
        await self._write(epoch)

    async def _unless_lost(self, epoch: _Epoch, make: Callable[[_Epoch], Awaitable[T]]) -> T:
        """Make something of an epoch's frames; where they went with a node, they are decoded again."""
        attempts = self._config.retries
        while True:
            try:
                return await make(epoch)
            except PartLostError:
                if not attempts:
                    raise
                attempts -= 1
                await self._decode(epoch)

    async def _anchors(self, epoch: _Epoch) -> Sequence[Anchors]:
        made = await asyncio.gather(*(self._images(epoch, part) for part in epoch.parts))
        for one in made:
            if one.error:
                raise ModelError(one.error)
        return made

    async def _images(self, epoch: _Epoch, part: Part) -> Anchors:
        """The anchors of one group, by the enhancer alone or with an encoder's help."""
        plan = epoch.order.plan
        apart: Form = "rgb" if plan.coding.codec == "jpeg" else "stacked"
        form: Form = "image" if self._config.encoder.anchors == "enhancer" else apart
        coding = plan.coding._replace(limit=epoch.limit)
        job = Enhancing(epoch.order.stream, part, form, coding, epoch.result.deadline)
        if form == "image":
            return await self._by("enhancer", lambda who: self._work.enhance(who, job))
        pictures, reply = await self._by("enhancer", lambda who: self._work.enlarge(who, job))
        images = await self._by("encoder", lambda who: self._work.compress(who, pictures, coding))
        return replace(
            images,
            reply=replace(
                images.reply,
                spans=(*reply.spans, *images.reply.spans),
                switch_seconds=reply.switch_seconds,
                cpu_seconds=reply.cpu_seconds + images.reply.cpu_seconds,
            ),
        )

    async def _encode(self, epoch: _Epoch) -> Sequence[Packet]:
        """Encode an epoch anew."""
        assert epoch.block is not None
        info, plan = epoch.order.stream.info, epoch.order.plan
        jobs = (Enhancing(epoch.order.stream, part, "yuv", plan.coding, epoch.result.deadline) for part in epoch.parts)
        made = await asyncio.gather(
            *(self._by("enhancer", lambda who, job=job: self._work.enlarge(who, job)) for job in jobs)  # type: ignore[misc]
        )
        done = self.report.totals.encoded
        job = EncodeJob(
            epoch.order.stream,
            VideoFormat(self._format.video_size, info.frame_rate, info.time_base),
            done,
            None if done else (),
            epoch.block,
        )
        parts = [part for part, _ in made]
        block, reply = await self._by("encoder", lambda who: self._work.encode(who, job, parts))
        if reply.lost:
            again = replace(job, history=epoch.history)
            block, reply = await self._by("encoder", lambda who: self._work.encode(who, again, parts))
        epoch.anchors = [Anchors((), part_reply) for _, part_reply in made]
        epoch.result.spans.append(reply.span)
        epoch.spent("encode", reply.cpu_seconds)
        return list(block)

    async def _write(self, epoch: _Epoch) -> None:
        """Write an epoch, and with it where the stream is then."""
        read, reply = epoch.read, epoch.decoded
        for anchors in epoch.anchors:
            epoch.result.spans += anchors.reply.spans
            epoch.spent("enhance", anchors.reply.cpu_seconds)
        if epoch.result.deadline is not None:
            ends = (span.end for span in epoch.result.spans if span.stage == "inference")
            epoch.result.late = epoch.result.late or max(ends, default=0.0) > epoch.result.deadline
        made = [one for anchors in epoch.anchors for one in anchors.reply.made]
        if reply is not None:
            epoch.result.dropped += reply.handed_out - len(made)
            epoch.result.late = epoch.result.late or epoch.result.dropped > 0
        report = None
        if reply is not None:
            name = epoch.order.stream.name
            results = (
                AnchorResult(
                    name,
                    one.record.video_index,
                    one.record.super_index,
                    one.record.type.name,
                    epoch.gains.get(one.record.name, 0.0),
                    one.bytes,
                )
                for one in made
            )
            report = EpochReport(epoch.result, tuple(results))
        before, totals = self.report.totals, self._totals(epoch, report)
        self._flow.writing = asyncio.current_task()
        try:
            written = await self._work.write(
                Writing(
                    self._part,
                    self._format,
                    self._offset,
                    read.packets if epoch.encoded is None else epoch.encoded,
                    read.sides,
                    [image for anchors in epoch.anchors for image in anchors.images],
                    pack(Entry(replace(epoch.after, totals=totals), report)),
                )
            )
        finally:
            self._flow.writing = None
        grown, self._offset = written.offset - self._offset, written.offset
        if written.note:
            self._take_down((written.note,))
        self.report = replace(self.report, totals=totals)
        self._spent("write", written.cpu_seconds)
        if report is not None:
            epoch.result.spans.append(written.span)
            self._tell(report)
            count_epoch(self._sums, report, before, totals, len(read.packets), grown)
            if epoch.result.deadline is not None and totals.epochs > _WARM_UP_EPOCHS:
                chosen = len(report.anchors) + epoch.result.dropped
                self._work.keeps_up(epoch.enhancer, chosen, epoch.result.dropped)
            self._log.epoch(self._clock.now(), epoch.result)

    def _totals(self, epoch: _Epoch, report: EpochReport | None) -> Totals:
        """What came of the stream with an epoch."""
        before, reply = self.report.totals, epoch.decoded
        if reply is None or report is None:
            return before
        switches = [s for anchors in epoch.anchors if (s := anchors.reply.switch_seconds) is not None]
        return replace(
            before,
            seconds=float(epoch.read.end),
            shown=before.shown + reply.shown,
            hidden=before.hidden + reply.hidden,
            encoded=before.encoded + len(epoch.encoded or ()),
            damaged=before.damaged + len(reply.damaged),
            reasons=first_of_each_kind((*before.reasons, *(reason for _, reason in reply.damaged))),
            lr_bytes=before.lr_bytes + sum(len(packet.data) for packet in epoch.read.packets),
            anchor_bytes=before.anchor_bytes + sum(anchor.bytes for anchor in report.anchors),
            anchors=counted(before.anchors, (anchor.type for anchor in report.anchors)),
            dropped=before.dropped + epoch.result.dropped,
            still=before.still + epoch.result.still,
            unpaid=before.unpaid + epoch.result.unpaid,
            late=before.late + epoch.result.late,
            epochs=before.epochs + 1,
            switches=before.switches + len(switches),
            switch_seconds=before.switch_seconds + sum(switches),
            cpu_seconds=added(before.cpu_seconds, epoch.cpu_seconds),
        )

    def _spent(self, stage: str, seconds: float) -> None:
        """Count CPU time."""
        totals = self.report.totals
        spent = added(totals.cpu_seconds, {stage: seconds})
        self.report = replace(self.report, totals=replace(totals, cpu_seconds=spent))

    async def _close(self) -> None:
        """Finish the file, whatever happened, and let the actors forget the stream."""
        if self._flow.released and not self._flow.failed and not (self._at.ended and self._flow.whole):
            await self._work.hand_over(self._part, self._offset)
            return
        self._flow.released = False
        output, size, node = "", 0, ""
        if self._offset or self._finished:
            try:
                finished = await self._work.finish(self._part, self.order.path, self._format)
                output, size, node = finished.output, finished.bytes, finished.node
                self._spent("write", finished.cpu_seconds)
            except NsRayError as error:
                self._fail(error)
        with suppress(NsRayError):  # the file is whole without it
            await self._work.forget(self.order.stream, self._placement.decoder, self._placement.encoder)
        state: State = "failed" if self._flow.failed else "done"
        reason = self.report.reason
        if state == "done" and self._flow.halt.is_set() and not self._flow.whole:
            shown = self.report.totals.shown
            state = "stopped"
            reason = f"stream {self.order.stream.name}: stopped after {shown} frames of {self.order.plan.frames}"
        self.report = replace(self.report, state=state, reason=reason, output=output, output_bytes=size, node=node)
        self._sums.add({("streams_ended_total", state): 1})
        self._log.ended(self._clock.now(), self._at.number, self.report)


class _Flow:
    """How a session's work stands with one another.

    Attributes:
        last: the delivery that the next one waits for.
        writing: the delivery that writes.
        idle: whether it waits for packets.
        halt: set when it is to end early.
        moved: set, and replaced, when other actors work for it.
        released: whether another session is to go on.
        whole: false once a part was left out.
        failed: whether something went wrong; its report tells of it once all is written that was done before.
    """

    def __init__(self) -> None:
        self.last: asyncio.Task[None] | None = None
        self.writing: asyncio.Task[None] | None = None
        self.idle = False
        self.halt = asyncio.Event()
        self.moved = asyncio.Event()
        self.released = False
        self.whole = True
        self.failed = False


def format_of(order: Order) -> HybridFormat:
    """What a stream's file is."""
    info = order.stream.info
    scale = ModelSpec.parse(order.stream.model).scale
    lr, hr = (info.width, info.height), (info.width * scale, info.height * scale)
    hybrid = order.plan.method == "neuroscaler"
    return HybridFormat(
        lr if hybrid else hr,
        hr if hybrid else None,
        info.frame_rate,
        info.time_base,
        info.sides,
        info.header,
        order.plan.coding.codec,
        info.codec,
    )
