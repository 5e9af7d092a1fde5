"""Lets streams in, and says what becomes of the fractions of those that are there; see docs/control.md."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from ns_ray.actors.messages import Stream
from ns_ray.actors.orders import Order, Placement, Plan
from ns_ray.actors.reports import AnchorCounts
from ns_ray.actors.service.seating import Seating, engine_key, samples_a_second
from ns_ray.anchors.capacity import Capacity, Need, busy, decoding, factor, lacks
from ns_ray.anchors.lowering import Lowering
from ns_ray.anchors.overload import Overload
from ns_ray.picture.coding import Coding
from ns_ray.report.results import Standing
from ns_ray.sr.spec import ModelSpec
from ns_ray.video.block import PacketBlock

_NOTHING = (0, 0)


@dataclass(frozen=True, slots=True)
class Running:
    """A stream that has been let in: what is to be done, and by whom."""

    order: Order
    placement: Placement


def anchor_kind(stream: Stream, coding: Coding) -> str:
    """What an enhancer's time for an anchor depends on: `WIDTHxHEIGHT model codec`."""
    return f"{engine_key(stream)} {coding.codec}"


def usual_coding(stream: Stream, plan: Plan, packets: PacketBlock) -> Coding:
    """How anchors are compressed, with the bytes that the plan's rate leaves each where all video is as its start."""
    count = plan.policy.asks(None) * len(packets)
    if plan.rate is None or not count:
        return plan.coding
    earned = plan.rate.earned(len(packets) / float(stream.info.frame_rate), len(packets.data))
    samples = stream.info.width * stream.info.height * ModelSpec.parse(stream.model).scale ** 2
    return plan.coding._replace(limit=max(plan.coding.least_bytes(samples), round(earned / count)))


class Admitting:
    """Compares what streams ask for with what there is, which changes: enhancers come, go, and do not keep up.

    Streams count that are paced and whose plan says how they are let in.

    Attributes:
        anchor_seconds: what an anchor takes, compression included, by enhancer and `anchor_kind`.
        standing: how it stands now.
    """

    def __init__(self, seating: Seating) -> None:
        """Set up for streams that have seats there."""
        self.anchor_seconds: dict[tuple[str, str], float] = {}
        self.standing = Standing()
        self._seating = seating
        self._overloads: dict[str, Overload] = {}
        self._kept: dict[str, AnchorCounts] = {}
        self._last: tuple[frozenset[str], frozenset[str], tuple[float, ...]] = frozenset(), frozenset(), ()

    def lacks(self, new: Running, others: Iterable[Running], silent: Collection[str]) -> str:
        """Why there is no room for a stream beside others; empty where there is."""
        counted = self._needs([new])
        if not counted:
            return ""
        needs = self._needs(others)
        return lacks(needs, counted[0], self._capacity([*needs, *counted], silent))

    def refuse(self) -> None:
        """Count a stream that was not let in."""
        self.standing = replace(self.standing, refused=self.standing.refused + 1)

    def judge(
        self, now: float, kept: Mapping[str, AnchorCounts], running: Iterable[Running], silent: Collection[str]
    ) -> None:
        """Learn from hosts, by name, how enhancers kept up; what those who are silent leave undone is no overload."""
        late = dict[str, tuple[int, int]]()
        for host, its in kept.items():
            before = self._kept.get(host, its)  # of who is new here it is not known when that was
            known = before.anchors if before.born == its.born else {}
            for enhancer, (chosen, given_up) in its.anchors.items():
                old, more = known.get(enhancer, _NOTHING), late.get(enhancer, _NOTHING)
                late[enhancer] = more[0] + chosen - old[0], more[1] + given_up - old[1]
        hosts = self._seating.actors.get("host", ())
        self._kept = {host: its for host, its in {**self._kept, **kept}.items() if host in hosts}
        asked = busy(self._needs(running), self.standing.factor)
        for name in self._seating.actors.get("enhancer", ()):
            overload = self._overloads.setdefault(name, Overload(now))
            if name in silent:
                overload.forget(now)
            else:
                overload.take(now, *late.get(name, _NOTHING), asked.get(name, 0.0))

    def reckon(self, now: float, running: Iterable[Running], silent: Collection[str]) -> bool:
        """Reckon anew what there is time for; whether anything is otherwise than before."""
        needs = self._needs(running)
        capacity = self._capacity(needs, silent)
        names, there = frozenset(need.stream for need in needs), frozenset(capacity.parts)
        parts = tuple(capacity.parts.values())
        before, self._last = self._last, (names, there, parts)
        cause = next(
            (
                why
                for why, old, new in zip(("streams", "enhancers", "overload"), before, self._last, strict=True)
                if old != new
            ),
            "",
        )
        if cause == "enhancers":  # what is late while streams are handed over tells nothing of speed
            for overload in self._overloads.values():
                overload.forget(now)
        by = factor(needs, capacity)
        anchors = capacity.anchors
        if not cause and (by, anchors) == (self.standing.factor, self.standing.capacity):
            return False
        self.standing = Standing(
            now,
            cause,
            by,
            sum(need.anchors for need in needs),
            anchors,
            len(needs),
            len(there),
            decoding(needs),
            self.standing.refused,
        )
        return True

    def forget(self, kinds: Collection[str]) -> None:
        """Forget enhancers that are gone, and what is known of kinds of anchors but these."""
        there = {*self._seating.actors.get("enhancer", ())}
        self._overloads = {name: one for name, one in self._overloads.items() if name in there}
        self.anchor_seconds = {
            key: seconds for key, seconds in self.anchor_seconds.items() if key[0] in there and key[1] in kinds
        }

    def _needs(self, running: Iterable[Running]) -> list[Need]:
        return [self._need(one) for one in running if one.order.plan.paced and one.order.plan.admission is not None]

    def _need(self, one: Running) -> Need:
        order, placement = one.order, one.placement
        stream, plan = order.stream, order.plan
        rate = float(stream.info.frame_rate)
        asks = rate * plan.policy.asks(order.fraction)
        least = asks
        if plan.admission is not None and plan.admission.mode == "degrade":
            least = rate * plan.policy.lowered(Lowering(0.0, plan.admission.floor)).asks(order.fraction)
        kind = anchor_kind(stream, plan.coding)
        decoder = self._seating.decoders.get(placement.decoder)
        return Need(
            stream.name,
            placement.enhancer,
            placement.decoder,
            kind,
            asks,
            least,
            self._seconds(placement.enhancer, kind),
            samples_a_second(stream) / decoder.speed if decoder is not None else 0.0,
        )

    def _seconds(self, enhancer: str, kind: str) -> float:
        """What an anchor takes; what the DNN alone takes where no more is known."""
        known = self.anchor_seconds.get((enhancer, kind))
        return known or self._seating.engine_ms.get((enhancer, kind.rpartition(" ")[0]), 0.0) / 1000

    def _capacity(self, needs: Iterable[Need], silent: Collection[str]) -> Capacity:
        """Of all enhancers that answer, for anchors of the kinds that are asked for, in that proportion."""
        there = [name for name in self._seating.actors.get("enhancer", ()) if name not in silent]
        parts = {name: self._overloads[name].part if name in self._overloads else 1.0 for name in there}
        asked = defaultdict[str, float](float)
        for need in needs:
            asked[need.kind] += need.anchors
        total = sum(asked.values())
        seconds = {
            name: sum(count * self._seconds(name, kind) for kind, count in asked.items()) / total if total else 0.0
            for name in there
        }
        return Capacity(parts, seconds)
