"""What enhancers and decoders have time for, what streams need of it, and whether that fits: pure numbers.

A worker's time is filled to `FULL`; what is left is for epochs that are larger than others. Anchors can be lowered to a
stream's least, decoding cannot.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

FULL = 0.9
"""Part of a worker's time that is given away."""
_STEPS = 100


@dataclass(frozen=True, slots=True)
class Need:
    """What one stream needs of those who work for it.

    Attributes:
        stream: its name.
        enhancer, decoder: who works for it.
        kind: what the time for an anchor depends on; see `Capacity.anchor_seconds`.
        anchors: anchors a second that it asks for.
        least: anchors a second that it is not lowered below; `anchors` where it is not lowered at all.
        anchor_seconds: what one takes its enhancer, compression included, as was measured; 0 where nothing was.
        decoding: seconds that a second of it takes its decoder; 0 where that was not measured.
    """

    stream: str
    enhancer: str
    decoder: str
    kind: str
    anchors: float
    least: float
    anchor_seconds: float
    decoding: float


@dataclass(frozen=True, slots=True)
class Capacity:
    """What there is to work.

    Attributes:
        parts: for each enhancer that is there, 0..1, the part of its measured speed that counts; see `overload`.
        anchor_seconds: by enhancer, what an anchor takes it, of the kinds that are asked for, in that proportion.
    """

    parts: Mapping[str, float]
    anchor_seconds: Mapping[str, float]

    def limit(self, enhancer: str) -> float:
        """Seconds of an enhancer that a second may take."""
        return FULL * self.parts.get(enhancer, 0.0)

    @property
    def anchors(self) -> float:
        """Anchors a second that all enhancers are counted on to make; those that were not measured left out."""
        return sum(self.limit(name) / seconds for name, seconds in self.anchor_seconds.items() if seconds > 0)


def factor(needs: Sequence[Need], capacity: Capacity) -> float:
    """What every stream's fraction is multiplied by so that no enhancer has too much to do: 1 where there is time.

    Whole hundredths, rounded down. Where even the least of all is too much, what lowers all to that. Enhancers that are
    not there do not count: their streams have others soon.
    """
    found = [1.0]
    for enhancer, its in _by(needs, lambda need: need.enhancer).items():
        if enhancer in capacity.parts:
            one = _factor_of(its, capacity.limit(enhancer))
            found.append(_least_factor(its) if one is None else floored(one))
    return min(found)


def lacks(needs: Sequence[Need], new: Need, capacity: Capacity) -> str:
    """Why there is no room for a stream beside others; empty where there is.

    Args:
        needs: those of the others.
        new: its own; only those who would work for it are looked at.
        capacity: what there is.
    """
    decoded = new.decoding + sum(need.decoding for need in needs if need.decoder == new.decoder)
    if new.decoding and decoded > FULL:
        return (
            f"its decoder {new.decoder} would be busy {decoded:.0%} of the time, of which {FULL:.0%} are given away: "
            "add decoders (decoder.actors)"
        )
    beside = [need for need in needs if need.enhancer == new.enhancer]
    least = sum(need.least * need.anchor_seconds for need in [*beside, new])
    if new.enhancer not in capacity.parts or not new.least or least <= capacity.limit(new.enhancer):
        return ""
    asked, floor = sum(need.anchors for need in needs), sum(need.least for need in needs)
    return (
        f"it asks for {_told(new.anchors, new.least)} anchors a second, others for {_told(asked, floor)}; "
        f"enhancers are counted on for {capacity.anchors:.3g} ({FULL:.0%} of what was measured, with compression): "
        "add enhancers (--num-gpus, enhancer.actors), ask for a smaller fraction, or have fractions lowered "
        "(admission.mode=degrade, admission.floor)"
    )


def _told(anchors: float, least: float) -> str:
    return f"{anchors:.3g}" + ("" if math.isclose(anchors, least) else f" (at the floor {least:.3g})")


def busy(needs: Iterable[Need], by: float) -> dict[str, float]:
    """Seconds a second that enhancers are asked for, where fractions are multiplied by a factor."""
    found = defaultdict[str, float](float)
    for need in needs:
        found[need.enhancer] += max(need.least, by * need.anchors) * need.anchor_seconds
    return found


def decoding(needs: Iterable[Need]) -> float:
    """Seconds a second that the busiest decoder is asked for."""
    found = defaultdict[str, float](float)
    for need in needs:
        found[need.decoder] += need.decoding
    return max(found.values(), default=0.0)


def floored(value: float) -> float:
    """Whole hundredths, rounded down: what is told to everybody does not change with every trifle."""
    return math.floor(value * _STEPS + 1e-9) / _STEPS


def _factor_of(needs: Sequence[Need], limit: float) -> float | None:
    """The largest factor by which these take no more than the limit; None where their least is too much."""
    work = [(need.anchors * need.anchor_seconds, need.least * need.anchor_seconds) for need in needs]
    # From the one that comes to its least first: once it is there, it is not lowered with the others.
    work = sorted((one for one in work if one[0] > 0), key=lambda one: -one[1] / one[0])
    full = sum(asked for asked, _ in work)
    for asked, least in work:
        found = limit / full
        if least <= found * asked:
            return min(1.0, found)
        limit, full = limit - least, full - asked
    return None if work else 1.0


def _least_factor(needs: Iterable[Need]) -> float:
    """What lowers each to its least."""
    return min((need.least / need.anchors for need in needs if need.anchors > 0), default=1.0)


def _by(needs: Iterable[Need], key: Callable[[Need], str]) -> dict[str, list[Need]]:
    found: dict[str, list[Need]] = {}
    for need in needs:
        found.setdefault(key(need), []).append(need)
    return found
