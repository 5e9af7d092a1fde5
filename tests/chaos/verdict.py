"""What a run in which nodes were killed must show, told from its record alone."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

MOST_SECONDS = 2.0
MOST_GROWTH = 0.1
_FEW_MB = 25.0
_JOINING = 2  # first slots of a stream, which may be late


@dataclass
class NodeKill:
    """A node that was killed.

    Attributes:
        seconds: when, from the run's beginning on.
        kind: what it was for.
        actors: who went with it.
        left: whether others of these kinds were there to go on.
        back: when all of the actors answered again; None if they did not.
    """

    seconds: float
    kind: str
    actors: list[str]
    left: bool
    back: float | None = None


@dataclass
class Seen:
    """A stream as it was seen: its first slot, the one after its last, and those of its epochs that got anchors."""

    name: str
    state: str
    problem: str
    first: int
    end: int
    anchored: set[int] = field(default_factory=set)


@dataclass
class Memory:
    """Megabytes of their own that processes have: those that nobody kills, and all."""

    seconds: float
    lasting: float
    all: float


def without_anchors(stream: Seen, kills: Sequence[NodeKill], slot: float) -> dict[int, float]:
    """Seconds of a stream's video without anchors, by the kill before it; -1 for before any.

    A slot counts for the last kill before its epoch was due, which is a slot after its end.
    """
    times = [kill.seconds for kill in kills]
    missing = Counter(
        bisect_right(times, (number + 2) * slot) - 1
        for number in range(stream.first + _JOINING, stream.end)
        if number not in stream.anchored
    )
    return {kill: count * slot for kill, count in missing.items()}


def costs(streams: Sequence[Seen], kills: Sequence[NodeKill], slot: float) -> list[float]:
    """For each kill the seconds without anchors that it cost the stream that it cost most."""
    found = [without_anchors(stream, kills, slot) for stream in streams]
    return [max((one.get(number, 0.0) for one in found), default=0.0) for number in range(len(kills))]


def unreported(kills: Sequence[NodeKill], losses: Sequence[str]) -> dict[str, int]:
    """Actors that were killed more often than is told of, and by how much."""
    return dict(Counter(actor for kill in kills for actor in kill.actors) - Counter(losses))


def growth(samples: Sequence[float]) -> float:
    """By how much memory grew from the second fifth of a run to its last: a share, 0.1 for a tenth."""
    fifth = len(samples) // 5
    if not fifth:
        return 0.0
    before, after = median(samples[fifth : 2 * fifth]), median(samples[-fifth:])
    return max(0.0, after - before - _FEW_MB) / before


def faults(
    streams: Sequence[Seen],
    kills: Sequence[NodeKill],
    losses: Sequence[str],
    memory: Sequence[Memory],
    slot: float,
) -> list[str]:
    """All that is not as it must be, in words."""
    wrong = [f"{one.name}: {one.problem or one.state}" for one in streams if one.problem or one.state != "done"]
    wrong += [
        f"{kill.seconds:.1f} s, {kill.kind} killed: a stream without anchors for {cost:.1f} s"
        for kill, cost in zip(kills, costs(streams, kills, slot), strict=True)
        if kill.left and cost > MOST_SECONDS
    ]
    wrong += [f"{actor}: {count} deaths not told of" for actor, count in unreported(kills, losses).items()]
    of_each: Mapping[str, list[float]] = {
        "those that nobody kills": [one.lasting for one in memory],
        "all processes": [one.all for one in memory],
    }
    for whose, samples in of_each.items():
        if (grown := growth(samples)) > MOST_GROWTH:
            wrong.append(f"memory of {whose} grew by {grown:.0%}")
    return wrong if streams and kills else [*wrong, "no stream, or nobody killed: this shows nothing"]
