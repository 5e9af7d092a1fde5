"""A host: many sessions, and what they ask together."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import takewhile
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from ns_ray.actors.bundle import Bundler
from ns_ray.actors.clock import RunClock
from ns_ray.actors.event_log import EventLog
from ns_ray.actors.messages import (
    Anchors,
    Ask,
    DecodeJob,
    DecodeReply,
    EncodeJob,
    EncodeReply,
    FinishReply,
    MadeReply,
    Stream,
    WriteReply,
)
from ns_ray.actors.metrics import Key, Sums
from ns_ray.actors.orders import Change, Order, Placement, Plan, Roster
from ns_ray.actors.outputs import Outputs, SharedOutputs
from ns_ray.actors.peers import DiedError, Meeting, Peers
from ns_ray.actors.reading import Readers
from ns_ray.actors.reports import AnchorCounts, Doing, EpochReport, HostReport, HostView
from ns_ray.actors.rounds import Rounds
from ns_ray.actors.session import Session
from ns_ray.actors.work import Decoding, Enhancing, Given, Left, Part, Read, Writing
from ns_ray.actors.worker import measured
from ns_ray.anchors.award import Award, award
from ns_ray.anchors.baselines import Nothing
from ns_ray.anchors.epoch import StreamEpoch, StreamState
from ns_ray.anchors.offer import Offer, share_of
from ns_ray.anchors.policies import Policy
from ns_ray.anchors.ranking import offer
from ns_ray.anchors.settle import settle
from ns_ray.config.config import Config
from ns_ray.errors import NsRayError
from ns_ray.hybrid.notes import read_notes
from ns_ray.hybrid.writer import HybridFormat, append_epoch, finish
from ns_ray.picture.coding import Coding
from ns_ray.report.results import Span
from ns_ray.video.block import PacketBlock
from ns_ray.video.packets import Mark, Packet

T = TypeVar("T")
_WRITERS = 4
_TOGETHER = 8  # epochs that one thread writes one after the other
_WAIT = 0.25  # of a slot: how long the first of a paced slot waits for others, here and at the scheduler

Brought = tuple[StreamEpoch, StreamState]
_MOST_ENHANCERS = 1024  # of which is known how they kept up


@dataclass(slots=True)
class _Run:
    """The sessions of one plan: where they meet, which hosts there are, what selection told of the load.

    What was asked of the scheduler last is `unanswered` while it is away; until it is back nobody waits for it again.
    """

    plan: Plan
    roster: Roster
    rounds: Rounds[Brought, Given]
    sessions: set[str] = field(default_factory=set)
    load: float = 0.0
    unanswered: "asyncio.Future[Award] | None" = None


class Host:
    """Owns sessions; knows no Ray but by its peers.

    What is asked for several streams at once goes out as one call: for anchors, to a decoder, to an enhancer.
    """

    def __init__(
        self,
        name: str,
        config: Config,
        peers: Peers,
        clock: RunClock,
        readers: Readers | None = None,
        outputs: Outputs | None = None,
        sums: Sums | None = None,
        log: EventLog | None = None,
    ) -> None:
        """Set up a host without sessions.

        Args:
            name: its name among all hosts.
            config: how the work is laid out.
            peers: the other actors.
            clock: the time.
            readers: of the sources; without, ones that leave no trace.
            outputs: where its files come to lie; without, in a folder that all share.
            sums: where it counts what it does.
            log: where it writes down what happens to streams; None for nowhere.
        """
        self.name = name
        self._config = config
        self._peers = peers
        self._clock = clock
        self._readers = readers or Readers()
        self._outputs = outputs or SharedOutputs(name)
        self._sums = sums or Sums()
        self._log = log or EventLog(name, "off")
        self._writers = ThreadPoolExecutor(_WRITERS, thread_name_prefix="writer")
        self._sessions: dict[str, Session] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._runs: dict[str, _Run] = {}
        self._epochs: deque[tuple[int, EpochReport]] = deque(maxlen=config.kept_epochs)  # by number, from 1 on
        self._told = 0
        self._kept: dict[str, tuple[int, int]] = {}  # by enhancer, anchors chosen and given up
        self._changed: dict[str, int] = {}  # each stream's last epoch, by the same number
        self._born = uuid4().hex
        self._asides: set[asyncio.Task[None]] = set()
        size = config.decoder.bundle_streams
        self._decodes: Bundler[str, Decoding, tuple[Sequence[Part], DecodeReply]] = Bundler(self._decode, size)
        self._writes: Bundler[None, Writing, WriteReply | Exception] = Bundler(self._write, _TOGETHER)
        self._enhances: Bundler[str, Enhancing, Anchors] = Bundler(self._enhance, config.enhancer.bundle_streams)

    # What the manager asks.

    def add(self, orders: Sequence[tuple[Order, Placement]], rosters: Mapping[str, Roster]) -> None:
        """Begin sessions, those that this host has already left alone."""
        for order, placement in orders:
            name = order.stream.name
            if name in self._sessions:
                continue
            run = self._runs.get(order.plan.run)
            if run is None:
                roster = rosters.get(order.plan.run, Roster(0, frozenset()))
                run = self._runs[order.plan.run] = _Run(order.plan, roster, self._rounds(order.plan))
            run.sessions.add(name)
            run.rounds.expect(name, order.first)
            session = Session(order, placement, self, self._config, self._clock, self._tell, self._sums, self._log)
            self._sessions[name] = session
        self.take_rosters(rosters)
        for order, _ in orders:
            name = order.stream.name
            if name not in self._tasks:
                self._tasks[name] = asyncio.ensure_future(self._sessions[name].run())

    def change(self, name: str, change: Change) -> None:
        """Go on with a stream otherwise."""
        if name in self._sessions:
            self._sessions[name].change(change)

    def move(self, name: str, placement: Placement) -> None:
        """Have other actors work for a stream."""
        if name in self._sessions:
            before = self._sessions[name].placement
            self._sessions[name].move(placement)
            for left in {before.decoder, before.encoder} - {placement.decoder, placement.encoder, ""}:
                self._beside(self._peers.forget(left, [name]))

    def halt(self, names: Sequence[str]) -> None:
        """End sessions early."""
        for name in names:
            if name in self._sessions:
                self._sessions[name].halt()

    async def release(self, names: Sequence[str]) -> list[str]:
        """Let go of streams for another host to go on with, once what is in work is written or given up.

        Returns:
            Those that it has not any more; others have come to their end, or cannot be read by anybody else.
        """
        sessions = {name: self._sessions[name] for name in names if name in self._sessions}
        leaving = {name: one for name, one in sessions.items() if self._readers.again(one.order.stream)}
        for session in leaving.values():
            session.release()
        if leaving:
            await asyncio.wait([self._tasks[name] for name in leaving])
        for name, session in leaving.items():
            if session.released and self._sessions.get(name) is session:
                del self._tasks[name], self._sessions[name]
                self._changed.pop(name, None)
                self._readers.forget(name)
        return [name for name in names if name not in self._sessions]

    def remove(self, names: Sequence[str]) -> None:
        """Let go of sessions that have ended, of which all has been told; others may get their names."""
        gone = {name for name in names if name in self._tasks and self._tasks[name].done()}
        for name in gone:
            del self._tasks[name], self._sessions[name]
            self._changed.pop(name, None)
        kept = [one for one in self._epochs if one[1].result.stream not in gone]
        self._epochs = deque(kept, self._epochs.maxlen)

    def take_rosters(self, rosters: Mapping[str, Roster]) -> None:
        """Learn which hosts have streams of a plan."""
        for name, roster in rosters.items():
            run = self._runs.get(name)
            if run is not None and roster.version > run.roster.version:
                run.roster = roster

    def doing(self) -> dict[str, Doing]:
        """What is being done, by stream."""
        return {
            name: Doing(session.order, session.placement, self._tasks[name].done() and not session.released)
            for name, session in self._sessions.items()
        }

    def anchor_counts(self) -> AnchorCounts:
        """How enhancers kept up so far."""
        return AnchorCounts(self._born, dict(self._kept))

    def report(self, after: int, born: str) -> HostReport:
        """What became of streams, and the epochs, after epoch number `after`; of another process's numbers, all."""
        for task in self._tasks.values():
            if task.done():
                task.result()  # a bug in a session must not go unseen
        known = after if born == self._born else 0
        epochs = [report for _, report in takewhile(lambda one: one[0] > known, reversed(self._epochs))]
        streams = (
            session.report
            for name, session in self._sessions.items()
            if self._changed.get(name, 0) >= known or session.report.state != "running"
        )
        return HostReport(self._born, tuple(streams), tuple(reversed(epochs)), self._told)

    def view(self, seconds: float) -> HostView:
        """How everything is now, and what became of epochs that arrived in the last seconds."""
        since = self._clock.now() - seconds
        epochs = [report.result for _, report in self._epochs if report.result.arrived >= since]
        sessions = self._sessions.items()
        return HostView(
            tuple(session.report for _, session in sessions),
            {name: session.placement for name, session in sessions},
            tuple(epochs),
            self.levels(),
        )

    def levels(self) -> dict[Key, float]:
        """What there is now, by names of `METRICS`; other threads may ask."""
        sessions = [session for session in list(self._sessions.values()) if session.report.state == "running"]
        return {
            ("sessions", ""): len(sessions),
            ("epochs_in_work", ""): sum(session.in_work for session in sessions),
            ("requests_waiting", "decode"): self._decodes.open,
            ("requests_waiting", "inference"): self._enhances.open,
            ("requests_waiting", "write"): self._writes.open,
        }

    def _tell(self, report: EpochReport) -> None:
        self._told += 1
        self._changed[report.result.stream] = self._told
        self._epochs.append((self._told, report))

    # What sessions ask: see `Work`.

    async def read(self, stream: Stream, mark: Mark, until: Fraction, limit: int) -> Read:
        """See `Work`."""
        return await self._readers.read(stream, mark, until, limit)

    async def before(self, stream: Stream, mark: Mark) -> Sequence[Packet]:
        """See `Work`."""
        return await self._readers.before(stream, mark)

    def expect(self, order: Order, number: int) -> None:
        """See `Work`."""
        self._runs[order.plan.run].rounds.expect(order.stream.name, number)

    def leave(self, order: Order) -> None:
        """See `Work`; with its last stream, the host leaves the plan."""
        name = order.plan.run
        run = self._runs.get(name)
        if run is None or order.stream.name not in run.sessions:
            return
        run.rounds.leave(order.stream.name)
        run.sessions.discard(order.stream.name)
        if not run.sessions:
            del self._runs[name]
            if run.unanswered is not None:
                run.unanswered.cancel()
            self._beside(self._peers.leave(name, self.name))

    def keeps_up(self, enhancer: str, chosen: int, late: int) -> None:
        """See `Work`."""
        before = self._kept.pop(enhancer, (0, 0))
        self._kept[enhancer] = before[0] + chosen, before[1] + late
        if len(self._kept) > _MOST_ENHANCERS:
            del self._kept[next(iter(self._kept))]

    async def choose(self, order: Order, number: int, epoch: StreamEpoch, state: StreamState) -> Given:
        """See `Work`."""
        run = self._runs[order.plan.run]
        given = await run.rounds.join(number, epoch.stream, (epoch, state))
        return given or self._late(run, epoch, state)

    def _rounds(self, plan: Plan) -> Rounds[Brought, Given]:
        slot = float(self._config.slot)

        def closes(number: int) -> float:
            return max(self._clock.now(), plan.began + (number + 1) * slot) + slot * _WAIT

        async def share(number: int, brought: Mapping[str, Brought]) -> Mapping[str, Given]:
            return await self._share(plan, number, brought)

        return Rounds(share, self._clock, closes if plan.paced else None)

    async def _share(self, plan: Plan, number: int, brought: Mapping[str, Brought]) -> Mapping[str, Given]:
        """Choose anchors for the streams that met in a slot."""
        run = self._runs[plan.run]
        lowering = run.roster.lowering
        policy = plan.policy.lowered(lowering)
        began = time.perf_counter()
        epochs = [epoch for epoch, _ in brought.values()]
        states = {name: state for name, (_, state) in brought.items()}
        ranking, offered = offer(epochs, states, policy, run.load)
        worked = time.perf_counter() - began
        if policy.competes:
            awarded = await self._award(run, number, offered, policy)
        else:
            (awarded,) = award([offered], policy)
        began = time.perf_counter()
        run.load = awarded.load
        choices = settle(ranking, awarded)
        now = self._clock.now()
        span = Span("schedule", now - worked - (time.perf_counter() - began), now)
        return {name: Given(choice, span, True, lowering.factor) for name, choice in choices.items()}

    async def _award(self, run: _Run, number: int, offered: Offer, policy: Policy) -> Award:
        """What the scheduler gives; while it is away, what a paced slot's streams get among themselves."""
        plan, slot = run.plan, float(self._config.slot)
        meeting = Meeting(plan.run, number, self.name, run.roster, policy, slot * _WAIT if plan.paced else None)
        if not plan.paced:
            return await self._peers.choose(meeting, offered)
        if run.unanswered is None or run.unanswered.done():
            run.unanswered = asyncio.ensure_future(self._peers.choose(meeting, offered))
            run.unanswered.add_done_callback(_noticed)
            over = asyncio.ensure_future(self._clock.sleep(2 * slot * _WAIT))
            await asyncio.wait((run.unanswered, over), return_when=asyncio.FIRST_COMPLETED)
            over.cancel()
            if run.unanswered.done():
                return run.unanswered.result()
        (alone,) = award([offered], policy.of_share(self._share_of(run, offered)))
        return replace(alone, load=run.load)

    def _share_of(self, run: _Run, offered: Offer) -> float:
        """Which part of all streams' frames an offer has, as far as is known."""
        if not run.load:
            return 1 / max(1, len(run.roster.hosts))
        return share_of(offered, run.load)

    def _late(self, run: _Run, epoch: StreamEpoch, state: StreamState) -> Given:
        """What a stream gets that comes to a round that is over.

        Nothing where rounds have their time; else what it gets by itself: it begins again, as a node took its file.
        """
        began = self._clock.now()
        policy: Policy = Nothing() if run.plan.paced else run.plan.policy
        ranking, offered = offer([epoch], {epoch.stream: state}, policy, run.load)
        (awarded,) = award([offered], policy.of_share(self._share_of(run, offered)))
        choice = settle(ranking, awarded)[epoch.stream]
        return Given(choice, Span("schedule", began, self._clock.now()), not run.plan.paced)

    async def decode(self, decoder: str, job: Decoding) -> tuple[Sequence[Part], DecodeReply]:
        """See `Work`."""
        return await self._decodes.ask(decoder, job)

    async def _decode(self, decoder: str, bundle: Sequence[Decoding]) -> Sequence[tuple[Sequence[Part], DecodeReply]]:
        jobs, places, count = _in_parts(bundle, self._config.enhancer.bundle_frames)
        try:
            parts, replies = await self._peers.decode(decoder, jobs, count)
        except DiedError as error:
            if len(bundle) == 1:
                return [((), _failed(str(error)))]
            return [answer for one in bundle for answer in await self._decode(decoder, [one])]
        return [
            ([Part(parts[part], place) for part, place in its_places], reply)
            for its_places, reply in zip(places, replies, strict=True)
        ]

    async def enhance(self, enhancer: str, job: Enhancing) -> Anchors:
        """See `Work`."""
        return await self._enhances.ask(enhancer, job)

    async def _enhance(self, enhancer: str, bundle: Sequence[Enhancing]) -> Sequence[Anchors]:
        wheres = list({id(job.frames.where): job.frames.where for job in bundle}.values())
        number = {id(where): index for index, where in enumerate(wheres)}
        asks = [
            Ask(job.stream, number[id(job.frames.where)], job.frames.place, job.coding, job.deadline) for job in bundle
        ]
        return await self._peers.enhance(enhancer, asks, wheres)

    async def enlarge(self, enhancer: str, job: Enhancing) -> tuple[Part, MadeReply]:
        """See `Work`; pictures are so large that none travel together."""
        ask = Ask(job.stream, 0, job.frames.place, job.coding, job.deadline)
        parts, replies = await self._peers.enlarge(enhancer, [ask], job.form, [job.frames.where])
        return Part(parts[0]), replies[0]

    async def compress(self, encoder: str, pictures: Part, coding: Coding) -> Anchors:
        """See `Work`."""
        return await self._peers.compress(encoder, pictures.where, coding)

    async def encode(self, encoder: str, job: EncodeJob, pictures: Sequence[Part]) -> tuple[PacketBlock, EncodeReply]:
        """See `Work`."""
        return await self._peers.encode(encoder, job, [part.where for part in pictures])

    async def write(self, job: Writing) -> WriteReply:
        """See `Work`."""
        done = await self._writes.ask(None, job)
        if isinstance(done, Exception):
            raise done
        return done

    async def _write(self, _: None, jobs: Sequence[Writing]) -> Sequence[WriteReply | Exception]:
        return await self._in_thread(_write_all, self._outputs, jobs)

    async def recover(self, order: Order, part: Path) -> Left:
        """See `Work`."""
        return await self._in_thread(_recover, self._outputs, order, part, self._config.kept_epochs)

    async def hand_over(self, part: Path, offset: int) -> None:
        """See `Work`."""
        await self._in_thread(self._outputs.hand_over, part, offset)

    async def finish(self, part: Path, path: Path, format: HybridFormat) -> FinishReply:
        """See `Work`."""
        return await self._in_thread(_finish, self._outputs, part, path, format)

    async def prove(self, folder: Path, token: str) -> None:
        """Write a probe where streams' files are to lie; raises HybridError as `Outputs.prove` does."""
        await self._in_thread(self._outputs.prove, folder, token, self.name)

    async def forget(self, stream: Stream, decoder: str, encoder: str) -> None:
        """See `Work`."""
        self._readers.forget(stream.name)
        for actor in (decoder, encoder):
            if actor:
                self._beside(self._peers.forget(actor, [stream.name]))

    async def _in_thread(self, do: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writers, do, *arguments)

    def _beside(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that nobody waits for, and that may fail."""

        async def quietly() -> None:
            with suppress(NsRayError):
                await work

        task = asyncio.ensure_future(quietly())
        self._asides.add(task)
        task.add_done_callback(self._asides.discard)


def _in_parts(bundle: Sequence[Decoding], most_frames: int) -> tuple[list[DecodeJob], list[list[tuple[int, int]]], int]:
    """The jobs of a call: the frames for one enhancer go into one part, as far as they are not too many.

    Returns:
        The jobs; for each the part and place of its groups; how many parts there are.
    """
    jobs, places = [], []
    filling: dict[str, int] = {}  # the part that is being filled, by enhancer
    frames: list[int] = []
    groups: list[int] = []
    for one in bundle:
        mine = []
        for group in one.wanted:
            part = filling.get(one.enhancer)
            if part is None or frames[part] + len(group) > most_frames:
                part = filling[one.enhancer] = len(frames)
                frames.append(0)
                groups.append(0)
            mine.append((part, groups[part]))
            frames[part] += len(group)
            groups[part] += 1
        wanted = [(part, group) for (part, _), group in zip(mine, one.wanted, strict=True)]
        jobs.append(DecodeJob(one.stream, one.epoch, one.packets, one.history, wanted, one.ahead, one.ended))
        places.append(mine)
    return jobs, places, len(frames)


def _noticed(future: "asyncio.Future[Any]") -> None:
    """What nobody waits for any longer may fail."""
    if not future.cancelled():
        future.exception()


def _failed(error: str) -> DecodeReply:
    return DecodeReply(broken=True, error=error)


def _write_all(outputs: Outputs, jobs: Sequence[Writing]) -> list[WriteReply | Exception]:
    """Write epochs of several streams; what hinders one does not hinder the next."""
    done: list[WriteReply | Exception] = []
    for job in jobs:
        try:
            done.append(_write(outputs, job))
        except Exception as error:
            done.append(error)
    return done


def _write(outputs: Outputs, job: Writing) -> WriteReply:
    begin = time.thread_time()
    with measured("write") as clock:
        if not job.offset:
            outputs.open(job.path)
        offset = append_epoch(job.path, job.format, job.offset, job.packets, job.anchors, job.sides, job.note)
        note = outputs.grown(job.path, job.offset, offset)
    return WriteReply(offset, clock.span, time.thread_time() - begin, note)


def _recover(outputs: Outputs, order: Order, part: Path, latest: int) -> Left:
    finished = outputs.recover(part, order.path, begun=order.begun)
    return Left(read_notes(part, latest), finished)


def _finish(outputs: Outputs, part: Path, path: Path, format: HybridFormat) -> FinishReply:
    begin = time.thread_time()
    if part.exists():
        finish(part, path, format)
    done = outputs.finished(part, path)
    return FinishReply(done.output, done.bytes, done.node, time.thread_time() - begin)
