"""The manager: which streams there are, which host has which, and who works for them."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from math import floor
from statistics import median
from typing import Any, TypeVar
from uuid import uuid4

from ns_ray.actors.clock import RunClock
from ns_ray.actors.crew import Crew
from ns_ray.actors.event_log import EventLog
from ns_ray.actors.messages import DecoderSpeed, Stream
from ns_ray.actors.metrics import Key, Sums
from ns_ray.actors.orders import Change, Order, Plan, Roster, misfit
from ns_ray.actors.reports import Doing
from ns_ray.actors.service.admitting import Admitting, Running, anchor_kind, usual_coding
from ns_ray.actors.service.relayed import is_relayed
from ns_ray.actors.service.seating import Measured, Seat, Seating, engine_key
from ns_ray.config.config import Config
from ns_ray.errors import ActorLostError, ConfigError, MediaError, NsRayError
from ns_ray.report.results import DecodersResult, EngineResult, Standing
from ns_ray.share import in_order
from ns_ray.video.address import is_pipe
from ns_ray.video.block import PacketBlock
from ns_ray.video.probe import VideoInfo

_MEASURED_PACKETS = 120
_TRIED_PACKETS = 2
_FEW_PACKETS = 31  # that an enhancer is given some frames of
_LOOK_SECONDS = 0.5
_LOOKS_A_ROUND = 8  # every so many looks, everybody is asked and told again, whether or not something seems to be new
_PATIENCE_SECONDS = 5.0
_MOST_ENGINES = 1024
_MOVES = 4  # streams that a round gives to other enhancers
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Prepared:
    """What streams will be worked on by.

    Attributes:
        engines: for each `WIDTHxHEIGHT model` the engine of the slowest enhancer.
        decoders: what decodes, by kind.
    """

    engines: Mapping[str, EngineResult]
    decoders: Mapping[str, DecodersResult]


@dataclass(frozen=True, slots=True)
class Placed:
    """Which host has which stream, and how it stands with what they ask for.

    `born` is another for a manager that was started again.
    """

    born: str
    hosts: Mapping[str, str]
    standing: Standing


@dataclass(slots=True)
class _Stream:
    order: Order
    seat: Seat
    halted: bool = False
    ended: bool = False


class Manager:
    """Adds, changes, moves and ends streams; nothing in it happens for every epoch.

    What it knows the hosts can tell it again, so that a new one goes on where one died.
    """

    def __init__(
        self, config: Config, crew: Crew, clock: RunClock, sums: Sums | None = None, log: EventLog | None = None
    ) -> None:
        """Set up a manager; `start` has it learn what there is.

        Args:
            config: how the work is laid out.
            crew: all others.
            clock: the time.
            sums: where it counts what it does.
            log: where it writes down what happens to streams; None for nowhere.
        """
        self._config = config
        self._crew = crew
        self._clock = clock
        self._sums = sums or Sums()
        self._log = log or EventLog("manager-0", "off")
        self._streams: dict[str, _Stream] = {}
        self._rosters: dict[str, Roster] = {}
        self._seating = Seating(config.decoder)
        self._admitting = Admitting(self._seating)
        self._tuning: asyncio.Task[None] | None = None  # enhancers that have come are being made ready
        self._engines: dict[tuple[str, str], EngineResult] = {}  # by enhancer and `engine_key`
        self._prepared: dict[str, Stream] = {}  # those that are to be added next
        self._silent: dict[str, float] = {}  # since when an actor does not answer
        self._dead: set[str] = set()  # actors without a process, and enhancers that are new in place of such
        self._readying: dict[str, asyncio.Task[None]] = {}  # of these enhancers, those that get ready
        self._born = uuid4().hex
        self._looks = 0
        self._turn = asyncio.Lock()

    async def start(self) -> None:
        """Learn what there is, and what is being done already.

        A host that does not answer is waited for: were its streams begun elsewhere, two would write one file.
        """
        async with self._turn:
            await self._take_names()
            hosts = self._seating.of("host")
            told = await asyncio.gather(*(self._doing_of(host) for host in hosts))
            for host, doing in zip(hosts, told, strict=True):
                self._compare(host, doing)
            # Until it is known how fast enhancers are, hosts go on with the fractions that they have.
            await self._leniently(self._tune())
            self._reckon()
            self._count_rosters()
            await self._spread_rosters()

    async def _doing_of(self, host: str) -> Mapping[str, Doing]:
        """What a host does; nothing where it is dead, or does not answer for long."""
        until = self._clock.now() + self._config.start_seconds
        while True:
            try:
                return await self._crew.doing(host)
            except ActorLostError:
                if self._clock.now() > until or await self._crew.dead([host]):
                    return {}
            await self._clock.sleep(_LOOK_SECONDS)

    async def go_on(self) -> None:
        """Look after the streams, for ever."""
        while True:
            await self._clock.sleep(_LOOK_SECONDS)
            async with self._turn:
                await self._look_after()

    # What clients ask.

    async def probe(self, path: str, unsafe: bool = False) -> VideoInfo:
        """Look at a video, `unsafe` as in `open_input`; raises MediaError if it cannot be enhanced."""
        await self._take_names()
        return await self._crew.probe(self._seating.of("decoder")[0], path, unsafe)

    async def prepare(self, streams: Sequence[Stream], plan: Plan | None = None) -> Prepared:
        """Give streams their workers, and get these ready, before the clock runs.

        Args:
            streams: those that are to be added next.
            plan: theirs, for which workers are measured where it lets streams in by that; its clock does not count yet.

        Raises:
            ModelError: a model or its weights cannot be used.
            ConfigError: nobody is there to work for them.
        """
        engines = await self._take_on(streams, [plan] * len(streams))
        await self._or_give_up(streams, [self._ready_workers(stream) for stream in streams])
        self._prepared = {stream.name: stream for stream in streams}
        return Prepared(engines, self._seating.results())

    async def add(self, orders: Sequence[Order], *, again: bool = False) -> Mapping[str, str]:
        """Begin streams that there is room for; those that are there already go on.

        A paced one that comes late begins in the slot under way. Its workers are made ready first; one that does not
        answer soon is not waited for, as it is asked for work later.

        Args:
            orders: what is to be done.
            again: whether they have been let in before, and are not to be refused.

        Returns:
            The streams that were refused, and why.

        Raises:
            ModelError: a model or its weights cannot be used.
            ConfigError: nobody is there to work for them.
        """
        new = {order.stream.name: order for order in orders if order.stream.name not in self._streams}
        if not new:
            return {}
        streams = [order.stream for order in new.values()]
        await self._take_on(streams, [order.plan for order in new.values()])
        unready = [stream for stream in streams if self._prepared.pop(stream.name, None) != stream]
        await self._or_give_up(streams, [self._leniently(self._ready_workers(stream)) for stream in unready])
        async with self._turn:
            refused = {}
            for name, order in new.items():
                if name in self._streams:
                    continue
                if not again and (why := misfit(order.plan.method, order.stream.info) or self._lacks(order)):
                    refused[name] = f"stream {name} is refused: {why}"
                    continue
                self._streams[name] = _Stream(self._from_now(order), self._seating.seats[name][1])
            self._give_up(streams)
            self._reckon()
            admitted = [name for name in new if name not in refused]
            await self._begin(admitted)
            for name in admitted:
                self._streams[name].order = replace(self._streams[name].order, begun=True)
        return refused

    async def change(self, name: str, change: Change) -> None:
        """Go on with a stream otherwise, once its enhancer has its weights ready.

        Raises:
            ModelError: the weights cannot be used.
            ConfigError: there is no such stream.
        """
        async with self._turn:
            if name not in self._streams:
                raise ConfigError(f"there is no stream {name} to be changed")
            stream = self._streams[name]
            order = stream.order.changed(change)
            if change.weights is not None:
                await self._crew.prepare_enhancer(stream.seat.placement.enhancer, order.stream)
            stream.order = order
            await self._crew.change(stream.seat.host, name, change)

    async def halt(self, names: Sequence[str]) -> None:
        """End streams early; what is in work is given time."""
        async with self._turn:
            for name in self._streams.keys() & {*names}:
                self._streams[name].halted = True
            await self._tell_hosts(names, self._crew.halt)

    async def remove(self, names: Sequence[str]) -> None:
        """Forget streams that have ended."""
        async with self._turn:
            await self._tell_hosts(names, self._crew.remove)
            for name in names:
                self._streams.pop(name, None)
                self._seating.leave(name)
            self._forget_engines()

    def _forget_engines(self) -> None:
        """Where sizes and enhancers that come and go have become too many, forget those that are out of use."""
        if len(self._engines) <= _MOST_ENGINES:
            return
        self._admitting.forget({anchor_kind(one.order.stream, one.order.plan.coding) for one in self._streams.values()})
        keys = {engine_key(stream) for stream, _ in self._seating.seats.values()}
        there = {*self._seating.actors.get("enhancer", ())}
        for one in [one for one in self._engines if one[0] not in there or one[1] not in keys]:
            del self._engines[one]
            self._seating.engine_ms.pop(one, None)

    def streams(self) -> Placed:
        """Where the streams are, and how it stands with what they ask for."""
        hosts = {name: stream.seat.host for name, stream in self._streams.items()}
        return Placed(self._born, hosts, self._admitting.standing)

    def levels(self) -> dict[Key, float]:
        """What there is now, by names of `METRICS`; other threads may ask."""
        standing = self._admitting.standing
        return {
            ("fraction_factor", ""): standing.factor,
            ("asked_anchors", ""): standing.asked,
            ("capacity_anchors", ""): standing.capacity,
            ("decoding_share", ""): standing.decoding,
        }

    # Letting streams in.

    def _running(self) -> list[Running]:
        """Those that work is done for."""
        return [
            Running(one.order, one.seat.placement) for one in self._streams.values() if not (one.ended or one.halted)
        ]

    def _lacks(self, order: Order) -> str:
        """Why there is no room for a stream; it is written down."""
        name = order.stream.name
        new = Running(order, self._seating.seats[name][1].placement)
        why = self._admitting.lacks(new, self._running(), self._silent)
        if why:
            self._admitting.refuse()
            self._sums.add({("streams_refused_total", ""): 1})
            self._log.refused(self._clock.now(), name, self._slot(order.plan), why)
        return why

    def _reckon(self) -> None:
        """Find out what fractions come to; rosters tell hosts."""
        running = self._running()
        before = self._admitting.standing.factor
        self._admitting.reckon(self._clock.now(), running, self._silent)
        if running and self._admitting.standing.factor != before:
            slot = self._slot(running[0].order.plan)
            self._log.fractions(self._clock.now(), slot, self._admitting.standing)

    def _slot(self, plan: Plan) -> int:
        """The slot under way."""
        return floor((self._clock.now() - plan.began) / float(self._config.slot))

    # Getting workers ready.

    async def _take_on(self, streams: Sequence[Stream], plans: Sequence[Plan | None]) -> Mapping[str, EngineResult]:
        """Have engines for streams, and seats for those that have none; each with its plan."""
        await self._take_names()
        engines = await self._ready_engines(streams)
        paced = [(stream, plan) for stream, plan in zip(streams, plans, strict=True) if plan and _is_let_in(plan)]
        await self._measure_decoders(streams, cpu_too=bool(paced))
        await self._measure_enhancers(paced)
        new = [stream for stream in streams if stream.name not in self._seating.seats]
        try:
            for stream in new:
                self._seating.seat(stream)
        except NsRayError:
            self._give_up(new)
            raise
        return engines

    async def _or_give_up(self, streams: Sequence[Stream], works: Sequence[Coroutine[Any, Any, None]]) -> None:
        """Do what streams need; where that fails, they have no seats."""
        try:
            await asyncio.gather(*works)
        except NsRayError:
            self._give_up(streams)
            raise

    def _give_up(self, streams: Iterable[Stream]) -> None:
        """Take seats back from streams that are not begun."""
        for stream in streams:
            if stream.name not in self._streams:
                self._seating.leave(stream.name)

    def _from_now(self, order: Order) -> Order:
        """An order that begins in the slot under way, if it should have begun before."""
        if not order.plan.paced:
            return order
        return replace(order, first=max(order.first, self._slot(order.plan)))

    async def _ready_engines(self, streams: Sequence[Stream]) -> dict[str, EngineResult]:
        """Get enhancers ready: for a model and size all of them, for weights of its own the stream's alone."""
        engines: dict[str, EngineResult] = {}
        enhancers = self._seating.of("enhancer")
        for stream in streams:
            key = engine_key(stream)
            if key not in engines:
                replies = await asyncio.gather(*(self._ready(name, stream) for name in enhancers))
                engines[key] = max(replies, key=lambda reply: reply.latency_ms)
        return engines

    async def _ready(self, enhancer: str, stream: Stream) -> EngineResult:
        key = engine_key(stream)
        if (enhancer, key) not in self._engines:
            self._engines[enhancer, key] = await self._crew.prepare_enhancer(enhancer, stream)
            self._seating.engine_ms[enhancer, key] = self._engines[enhancer, key].latency_ms
        return self._engines[enhancer, key]

    async def _measure_enhancers(self, wanted: Sequence[tuple[Stream, Plan]]) -> None:
        """Learn what an anchor takes each enhancer, compressed as the plan says, where that is not known."""
        kinds = {anchor_kind(stream, plan.coding): (stream, plan) for stream, plan in wanted}
        known = self._admitting.anchor_seconds
        for kind, (stream, plan) in kinds.items():
            unknown = [name for name in self._seating.of("enhancer") if (name, kind) not in known]
            packets = await self._first_packets(stream, _FEW_PACKETS) if unknown else None
            if packets is None:
                continue
            coding, decoder = usual_coding(stream, plan, packets), self._seating.of("decoder")[0]
            took = await asyncio.gather(
                *(self._crew.measure_enhancer(name, decoder, stream, packets, coding) for name in unknown)
            )
            known.update({(name, kind): seconds for name, seconds in zip(unknown, took, strict=True) if seconds})

    async def _measure_decoders(self, streams: Sequence[Stream], *, cpu_too: bool) -> None:
        """Learn the speeds of decoders: those of a kind count as equally fast.

        Where all are on the CPU they need not be known but for letting streams in (`cpu_too`), and are all alike.
        """
        config = self._config.decoder
        decoders = self._seating.of("decoder")
        if not (config.nvdec or cpu_too) or not streams or set(decoders) <= set(self._seating.decoders):
            return
        if not config.nvdec and self._seating.decoders:
            alike = next(iter(self._seating.decoders.values()))
            self._seating.decoders = dict.fromkeys(decoders, alike)
            return
        stream = streams[0]
        packets = await self._first_packets(stream, _TRIED_PACKETS if config.speeds else _MEASURED_PACKETS)
        if packets is None:
            return
        speeds = await asyncio.gather(*(self._crew.measure(name, stream, packets) for name in decoders))
        samples = stream.info.width * stream.info.height
        by_kind: dict[str, list[float]] = {}
        for one in speeds:
            by_kind.setdefault(_kind(one), []).append(one.frames_per_second)
        typical = {kind: median(values) for kind, values in by_kind.items()}
        if config.speeds:
            typical = {kind: config.speeds.cpu if kind == "cpu" else config.speeds.nvdec for kind in typical}
        self._seating.decoders = {
            name: Measured(_kind(one), typical[_kind(one)] * samples, one.reason)
            for name, one in zip(decoders, speeds, strict=True)
        }

    async def _first_packets(self, stream: Stream, count: int) -> PacketBlock | None:
        """The first packets of a stream; none where they cannot be had, or would not come again."""
        if is_pipe(stream.info.path) or is_relayed(stream.info.path):
            return None
        try:
            return await self._crew.first_packets(self._seating.of("decoder")[0], stream, count)
        except MediaError:  # the session itself will say what is wrong with it
            return None

    async def _ready_workers(self, stream: Stream) -> None:
        """Have the weights of a stream with its enhancer, and its decoder open, which takes NVDEC a while."""
        placement = self._seating.seats[stream.name][1].placement
        await self._crew.prepare_enhancer(placement.enhancer, stream)
        packets = await self._first_packets(stream, 1)
        if packets is not None:
            with suppress(MediaError):
                await self._crew.prepare_decoder(placement.decoder, stream, packets)

    # Who has which stream.

    async def _tell_hosts(
        self, names: Collection[str], tell: Callable[[str, Sequence[str]], Coroutine[Any, Any, None]]
    ) -> None:
        """Tell hosts something of their streams; those that do not answer now learn it when they are back."""
        by_host: dict[str, list[str]] = {}
        for name in names:
            if name in self._streams:
                by_host.setdefault(self._streams[name].seat.host, []).append(name)
        there = {host: its for host, its in by_host.items() if host not in self._silent}
        await asyncio.gather(*(self._leniently(tell(host, its)) for host, its in there.items()))

    async def _begin(self, names: Collection[str]) -> None:
        """Have hosts begin streams, or go on with them; a host that is not there is asked again later."""
        self._count_rosters()
        await self._tell_hosts(names, self._begin_at)
        await self._spread_rosters()

    async def _begin_at(self, host: str, names: Sequence[str]) -> None:
        orders = [(self._streams[name].order, self._streams[name].seat.placement) for name in names]
        await self._crew.add(host, orders, self._rosters)
        if halted := [name for name in names if self._streams[name].halted]:
            await self._crew.halt(host, halted)

    def _count_rosters(self) -> bool:
        """Count which hosts have streams of which plan, and what becomes of its fractions; whether that has changed."""
        hosts: dict[str, set[str]] = {run: set() for run in self._rosters}
        plans = {stream.order.plan.run: stream.order.plan for stream in self._streams.values()}
        for stream in self._streams.values():
            if not stream.ended:
                hosts.setdefault(stream.order.plan.run, set()).add(stream.seat.host)
        changed = False
        for run, its in hosts.items():
            before = self._rosters.get(run, Roster(0, frozenset()))
            lowering = plans[run].lowering(self._admitting.standing.factor) if run in plans else before.lowering
            if its != before.hosts or lowering != before.lowering:
                # By the clock, so that a manager that has forgotten counts on.
                version = max(before.version + 1, round(self._clock.now() * 1000))
                self._rosters[run] = Roster(version, frozenset(its), lowering)
                changed = True
        return changed

    async def _spread_rosters(self) -> None:
        """Tell everybody who needs to know which hosts there are."""
        calls = [self._crew.take_roster(run, roster) for run, roster in self._rosters.items()]
        hosts = {host for roster in self._rosters.values() for host in roster.hosts}
        calls += [self._crew.take_rosters(host, self._rosters) for host in hosts]
        await asyncio.gather(*(self._leniently(call) for call in calls))
        self._rosters = {run: roster for run, roster in self._rosters.items() if roster.hosts}

    async def _leniently(self, call: Coroutine[Any, Any, T]) -> T | None:
        """A call that may find nobody there; that is dealt with when the manager looks after the streams again."""
        with suppress(ActorLostError, TimeoutError):
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await call
        return None

    # Looking after them.

    async def _look_after(self) -> None:
        """Find out what has ended and who has gone; streams go on with others."""
        round_ = self._looks % _LOOKS_A_ROUND == 0
        self._looks += 1
        await self._look_around(everybody=round_)
        hosts = [host for host in self._seating.actors.get("host", ()) if host not in self._silent]
        found = await asyncio.gather(*(self._leniently(self._crew.doing(host)) for host in hosts))
        lost = []
        for host, doing in zip(hosts, found, strict=True):
            if doing is not None:
                lost += self._compare(host, doing)
                await self._move_again(host, doing)
        moved = await self._reseat()
        if any(_is_let_in(stream.order.plan) for stream in self._streams.values()):
            await self._keep_up(hosts, even_out=round_)
        if lost or moved:
            await self._begin([*lost, *moved])
        elif self._count_rosters() or round_:
            await self._spread_rosters()

    async def _keep_up(self, hosts: Sequence[str], *, even_out: bool) -> None:
        """Follow what there is time for: who keeps up, who came, who went."""
        told = await asyncio.gather(*(self._leniently(self._crew.anchor_counts(host)) for host in hosts))
        kept = {host: its for host, its in zip(hosts, told, strict=True) if its is not None}
        self._admitting.judge(self._clock.now(), kept, self._running(), self._silent)
        if even_out:
            await self._even_out()
        self._reckon()

    async def _even_out(self) -> None:
        """Give enhancers that have come, or have less to do than others, streams of those that have most."""
        if self._tuning is None:
            self._tuning = asyncio.ensure_future(self._tune())
        if not self._tuning.done():
            return
        with suppress(NsRayError):  # streams go on with those that they have
            self._tuning.result()
        self._tuning = None
        for _ in range(_MOVES):
            better = self._seating.evened({stream.name for stream, _ in self._let_in()}, self._silent)
            if better is None:
                return
            name, seat = better
            try:
                await self._crew.prepare_enhancer(seat.placement.enhancer, self._streams[name].order.stream)
            except NsRayError:
                return
            self._streams[name].seat = seat
            self._seating.seats[name] = self._streams[name].order.stream, seat
            self._seating.homes.pop(name, None)
            await self._leniently(self._crew.move(seat.host, name, seat.placement))

    def _let_in(self) -> list[tuple[Stream, Plan]]:
        """Streams at work that were let in by what there is time for."""
        orders = (one.order for one in self._running() if _is_let_in(one.order.plan))
        return [(order.stream, order.plan) for order in orders]

    async def _tune(self) -> None:
        """Have engines with all enhancers, also those that have come, and know how fast they are."""
        wanted = self._let_in()
        if not wanted:
            return
        await self._ready_engines([stream for stream, _ in wanted])
        await self._measure_enhancers(wanted)

    async def _move_again(self, host: str, doing: Mapping[str, Doing]) -> None:
        """Tell a host of other workers where it has not heard of them."""
        for name, its in doing.items():
            stream = self._streams[name]
            if stream.seat.host == host and not its.ended and its.placement != stream.seat.placement:
                await self._leniently(self._crew.move(host, name, stream.seat.placement))

    async def _look_around(self, *, everybody: bool) -> None:
        """Learn who is there; those that have not answered for long do not count, of others no more is asked now.

        Hosts are asked each time, as streams depend on it; all others when everybody is. Deaths are known without.
        """
        names = await self._crew.names()
        now = self._clock.now()
        asked = [name for name in names if everybody or in_order(name)[0] == "host"]
        answers = dict(zip(asked, await asyncio.gather(*(self._crew.answers(name) for name in asked)), strict=True))
        self._silent = {
            name: self._silent.get(name, now) for name in names if not answers.get(name, name not in self._silent)
        }
        await self._take_names(names)

    async def _take_names(self, names: Sequence[str] | None = None) -> None:
        """Learn who can be given work: of each kind those that live, where there are any; the dead may come back.

        An enhancer that is back is given none before it has its engines, as long as there are others.
        """
        names = await self._crew.names() if names is None else names
        dead = await self._crew.dead(names)
        for name in self._dead - dead:
            if in_order(name)[0] == "enhancer" and name in names and name not in self._readying:
                self._readying[name] = asyncio.ensure_future(self._ready_again(name))
        self._readying = {name: task for name, task in self._readying.items() if name in names and not task.done()}
        self._dead = dead | self._readying.keys()
        now = self._clock.now()
        gone = {name for name, since in self._silent.items() if now - since > self._config.start_seconds}
        there = [name for name in names if name not in gone]
        for away in (self._dead, dead):
            kinds = {in_order(name)[0] for name in there if name not in away}
            there = [name for name in there if name not in away or in_order(name)[0] not in kinds]
        self._seating.take_names(there)

    async def _ready_again(self, enhancer: str) -> None:
        """Get an enhancer ready for all streams that there are, as it has forgotten what it knew."""
        self._engines = {key: result for key, result in self._engines.items() if key[0] != enhancer}
        streams = {engine_key(stream): stream for stream, _ in self._seating.seats.values()}
        for stream in streams.values():
            with suppress(NsRayError):  # what cannot be used, the stream itself will tell
                await self._ready(enhancer, stream)

    def _compare(self, host: str, doing: Mapping[str, Doing]) -> list[str]:
        """Learn what a host does: streams that it should have and does not, as it was started again, come back."""
        for name, its in doing.items():
            stream = self._streams.get(name)
            if stream is None:  # of before this manager's time
                stream = self._streams[name] = _Stream(replace(its.order, begun=True), Seat(host, its.placement))
                self._seating.seats[name] = its.order.stream, stream.seat
            if its.ended and not stream.ended:
                stream.ended = True
                self._seating.leave(name)
        # Ended ones too, until they are removed: their clients may not have been told.
        return [name for name, stream in self._streams.items() if stream.seat.host == host and name not in doing]

    async def _reseat(self) -> list[str]:
        """Find others for streams that have lost a worker; those whose host is another are returned."""
        hosts = self._seating.actors.get("host", [])
        moved = []
        for name, ended in self._streams.items():
            if ended.ended and hosts and ended.seat.host not in hosts:  # somebody must tell how it ended
                ended.seat = replace(ended.seat, host=hosts[0])
                moved.append(name)
        for name in self._seating.without_worker():
            stream, before = self._seating.seats[name]
            found = self._streams.get(name)
            if found is not None:
                stream = found.order.stream
            try:
                seat = self._seating.seat(stream)
            except ConfigError:  # there is nobody now; perhaps there will be
                self._seating.seats[name] = stream, before
                continue
            if found is None:  # it is about to be begun
                continue
            found.seat = seat
            if found.seat.host != before.host:
                moved.append(name)
            else:
                await self._leniently(self._crew.move(before.host, name, found.seat.placement))
        return [*moved, *await self._go_home()]

    async def _go_home(self) -> list[str]:
        """Give streams back to those who had them before they died; those whose host is another are returned."""
        homeward = {}
        by_host: dict[str, list[str]] = {}
        for name, seat in self._seating.homeward().items():
            found = self._streams.get(name)
            if found is None or found.halted or found.ended:
                del self._seating.homes[name]
                continue
            if seat.host in self._silent:
                continue
            homeward[name] = seat
            if seat.host != found.seat.host:
                by_host.setdefault(found.seat.host, []).append(name)
        told = await asyncio.gather(*(self._leniently(self._crew.release(*one)) for one in by_host.items()))
        unknown = [name for names, gone in zip(by_host.values(), told, strict=True) if gone is None for name in names]
        released = {name for gone in told if gone is not None for name in gone}
        for name in homeward.keys() - unknown:
            await self._seat_again(name, homeward[name], released)
        return sorted(released)

    async def _seat_again(self, name: str, seat: Seat, released: Collection[str]) -> None:
        found = self._streams[name]
        before, stream = found.seat, found.order.stream
        if seat.host != before.host and name not in released:  # it cannot go, and will not be asked again
            del self._seating.homes[name]
            seat = replace(seat, host=before.host)
        if seat.placement.enhancer != before.placement.enhancer:
            with suppress(NsRayError):  # what cannot be used, the stream itself will tell
                await self._leniently(self._crew.prepare_enhancer(seat.placement.enhancer, stream))
        found.seat = seat
        self._seating.seats[name] = stream, seat
        if name not in released:
            await self._leniently(self._crew.move(seat.host, name, seat.placement))


def _kind(speed: DecoderSpeed) -> str:
    return speed.device.partition(":")[0]


def _is_let_in(plan: Plan) -> bool:
    """Whether its streams are let in by what there is time for."""
    return plan.paced and plan.admission is not None
