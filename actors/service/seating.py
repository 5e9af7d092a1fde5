"""Who works for which stream: those that have most time for it, and of these the ones that work together already."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ns_ray.actors.messages import Stream
from ns_ray.actors.orders import Placement
from ns_ray.config.actors import DecoderPool
from ns_ray.errors import ConfigError
from ns_ray.report.results import DecodersResult
from ns_ray.share import in_order, least_busy

_NEAR_STREAMS = 4
"""How many streams more than the least busy a worker may have that works with a stream's others already."""


_MUCH = 0.9
"""As busy as this, of the busiest, an enhancer must be at most with a stream for the stream to go there."""


@dataclass(frozen=True, slots=True)
class Seat:
    """A stream's host, and who else works for it."""

    host: str
    placement: Placement


@dataclass(frozen=True, slots=True)
class Measured:
    """A decoder's kind (`cpu` or `cuda`), its speed in samples of luma a second, and why it is not of another kind."""

    kind: str
    speed: float
    reason: str = ""


def engine_key(stream: Stream) -> str:
    """What an engine is made for: `WIDTHxHEIGHT model`."""
    return f"{stream.info.width}x{stream.info.height} {stream.model}"


def samples_a_second(stream: Stream) -> float:
    """Luma samples that decoding a stream takes a second."""
    return float(stream.info.frame_rate) * stream.info.width * stream.info.height


@dataclass(slots=True)
class Seating:
    """What there is to work, what is known of its speed, and who works for whom.

    Attributes:
        config: how streams are shared out among decoders.
        actors: names of all actors, by kind.
        decoders: speeds of decoders; those that are not here count as equal to one another.
        engine_ms: milliseconds an anchor, by enhancer and `engine_key`.
        seats: of every stream, with the stream.
        homes: seats that streams had before they lost somebody, until they have them again.
    """

    config: DecoderPool
    actors: dict[str, list[str]] = field(default_factory=dict)
    decoders: dict[str, Measured] = field(default_factory=dict)
    engine_ms: dict[tuple[str, str], float] = field(default_factory=dict)
    seats: dict[str, tuple[Stream, Seat]] = field(default_factory=dict)
    homes: dict[str, Seat] = field(default_factory=dict)

    def take_names(self, names: Iterable[str]) -> None:
        """Learn which actors there are: `host-0`, `decoder-3`."""
        self.actors = {}
        for name in sorted(names, key=in_order):
            self.actors.setdefault(in_order(name)[0], []).append(name)

    def of(self, kind: str) -> Sequence[str]:
        """The actors of a kind.

        Raises:
            ConfigError: there is none.
        """
        if kind not in self.actors:
            raise ConfigError(f"there is no {kind} any more; start one")
        return self.actors[kind]

    def seat(self, stream: Stream) -> Seat:
        """Give a stream its workers; those that it had and that are still there stay, its host above all.

        Raises:
            ConfigError: there is nobody of a kind.
        """
        _, before = self.seats.pop(stream.name, (stream, None))
        had = before.placement if before is not None else Placement("", "")
        there = {name for names in self.actors.values() for name in names}
        enhancer = had.enhancer if had.enhancer in there else self._enhancer(stream)
        decoder = had.decoder if had.decoder in there else self._decoder(stream, enhancer)
        host = before.host if before is not None and before.host in there else self._host(decoder)
        encoder = had.encoder if had.encoder in there else self._encoder() if "encoder" in self.actors else ""
        cost = self.engine_ms.get((enhancer, engine_key(stream)), 0.0)
        seat = Seat(host, Placement(decoder, enhancer, encoder, cost))
        if before is not None and seat != before:
            self.homes.setdefault(stream.name, before)
        self.seats[stream.name] = stream, seat
        return seat

    def leave(self, name: str) -> None:
        """Take a stream's seat away."""
        self.seats.pop(name, None)
        self.homes.pop(name, None)

    def homeward(self) -> dict[str, Seat]:
        """Streams that lost somebody who is there again: the seats that they could have, nearest to those they had."""
        there = {name for names in self.actors.values() for name in names}
        found = {}
        for name, home in list(self.homes.items()):
            _, now = self.seats[name]
            had, have = home.placement, now.placement
            better = Placement(
                had.decoder if had.decoder in there else have.decoder,
                had.enhancer if had.enhancer in there else have.enhancer,
                had.encoder if had.encoder in there else have.encoder,
                had.cost_ms if had.enhancer in there else have.cost_ms,
            )
            seat = Seat(home.host if home.host in there else now.host, better)
            if seat != now:
                found[name] = seat
            elif seat == home:
                del self.homes[name]
        return found

    def without_worker(self) -> list[str]:
        """Streams one of whose workers is not there."""
        there = {name for names in self.actors.values() for name in names}
        return [
            name
            for name, (_, seat) in self.seats.items()
            if not {seat.host, seat.placement.decoder, seat.placement.enhancer} <= there
            or (seat.placement.encoder and seat.placement.encoder not in there)
        ]

    def evened(self, among: Collection[str], silent: Collection[str]) -> tuple[str, Seat] | None:
        """A stream that another enhancer should have, and its seat then; None where they are about equally busy.

        Args:
            among: streams that may be moved; those of the busiest enhancer are, to the least busy one that is known.
            silent: enhancers that do not answer.
        """
        there = [name for name in self.of("enhancer") if name not in silent]
        busy = dict.fromkeys(there, 0.0)
        for stream, seat in self.seats.values():
            if seat.placement.enhancer in busy:
                busy[seat.placement.enhancer] += self._work(stream, seat.placement.enhancer)
        most = max(busy, key=lambda name: busy[name], default="")
        for name in sorted(self.seats.keys() & {*among}):
            stream, seat = self.seats[name]
            if seat.placement.enhancer != most:
                continue
            known = [one for one in there if one != most and (one, engine_key(stream)) in self.engine_ms]
            then = {one: busy[one] + self._work(stream, one) for one in known}
            if then and min(then.values()) < _MUCH * busy[most]:
                other = least_busy(then)
                cost = self.engine_ms[other, engine_key(stream)]
                return name, replace(seat, placement=replace(seat.placement, enhancer=other, cost_ms=cost))
        return None

    def _work(self, stream: Stream, enhancer: str) -> float:
        """Milliseconds a second that an enhancer would need for all of a stream's frames."""
        return self.engine_ms.get((enhancer, engine_key(stream)), 1.0) * float(stream.info.frame_rate)

    def results(self) -> Mapping[str, DecodersResult]:
        """What decodes, by kind; speeds in frames of the first stream's size a second."""
        if not self.seats:
            return {}
        kinds = {name: self._measured(name).kind for name in self.actors.get("decoder", ())}
        served = Counter(kinds[seat.placement.decoder] for _, seat in self.seats.values())
        first = next(iter(self.seats.values()))[0].info
        found = {}
        for kind in sorted(set(kinds.values())):
            of_kind = [self._measured(name) for name, its in kinds.items() if its == kind]
            speed = of_kind[0].speed / (first.width * first.height) if self.decoders else 0.0
            reason = next((one.reason for one in of_kind if one.reason), "")
            found[kind] = DecodersResult(len(of_kind), speed, served[kind], reason)
        return found

    def _measured(self, decoder: str) -> Measured:
        return self.decoders.get(decoder, Measured("cpu", 1.0))

    def _enhancer(self, stream: Stream) -> str:
        """By time for anchors: each stream asks for about as many."""
        key = engine_key(stream)
        busy = dict.fromkeys(self.of("enhancer"), 0.0)
        for one, seat in [*self.seats.values(), (stream, None)]:
            for name in busy if seat is None else busy.keys() & {seat.placement.enhancer}:
                ms = self.engine_ms.get((name, engine_key(one)), self.engine_ms.get((name, key), 1.0))
                busy[name] += ms * float(one.info.frame_rate)
        return least_busy(busy)

    def _decoder(self, stream: Stream, enhancer: str) -> str:
        busy = dict.fromkeys(self.of("decoder"), 0.0)
        near = set()
        for one, seat in self.seats.values():
            name = seat.placement.decoder
            if name in busy:
                busy[name] += samples_a_second(one)
                if seat.placement.enhancer == enhancer:
                    near.add(name)
        mine = samples_a_second(stream)
        speeds = {name: self._measured(name).speed for name in busy}
        then = {name: (load + mine) / speeds[name] for name, load in busy.items()}
        nvdec = [name for name in busy if self._measured(name).kind != "cpu"]
        return least_busy(then, near, _NEAR_STREAMS * mine / max(speeds.values()), nvdec, self.config.nvdec_full)

    def _host(self, decoder: str) -> str:
        counts = Counter(seat.host for _, seat in self.seats.values())
        near = {seat.host for _, seat in self.seats.values() if seat.placement.decoder == decoder}
        return least_busy({name: counts[name] + 1.0 for name in self.of("host")}, near, _NEAR_STREAMS)

    def _encoder(self) -> str:
        counts = Counter(seat.placement.encoder for _, seat in self.seats.values())
        return least_busy({name: counts[name] + 1.0 for name in self.of("encoder")})
