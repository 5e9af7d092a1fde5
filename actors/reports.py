"""What hosts tell of their streams."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from ns_ray.actors.orders import Order, Placement
from ns_ray.brief_pickle import briefly_pickled
from ns_ray.report.results import AnchorResult, EpochResult

State = Literal["running", "done", "failed", "stopped", "refused"]
_MOST_REASONS = 3


@briefly_pickled
@dataclass(frozen=True, slots=True)
class Totals:
    """What came of a stream so far.

    Attributes:
        seconds: media time written.
        shown, hidden: frames of that.
        encoded: frames encoded anew.
        damaged: packets that could not be decoded.
        reasons: why, one of each kind.
        lr_bytes: bytes of the packets written.
        anchor_bytes: of the anchors.
        anchors: how many, by type of frame.
        dropped: anchors chosen but not enhanced.
        still, unpaid: anchors left out for a rate; see `EpochResult`.
        late: epochs whose inference was late.
        epochs: epochs written.
        switches: how often an enhancer switched to its weights.
        switch_seconds: what that took.
        cpu_seconds: CPU time of its work, by stage.
    """

    seconds: float = 0.0
    shown: int = 0
    hidden: int = 0
    encoded: int = 0
    damaged: int = 0
    reasons: tuple[str, ...] = ()
    lr_bytes: int = 0
    anchor_bytes: int = 0
    anchors: Mapping[str, int] = field(default_factory=dict)
    dropped: int = 0
    still: int = 0
    unpaid: int = 0
    late: int = 0
    epochs: int = 0
    switches: int = 0
    switch_seconds: float = 0.0
    cpu_seconds: Mapping[str, float] = field(default_factory=dict)


def first_of_each_kind(reasons: Iterable[str]) -> tuple[str, ...]:
    """Some reasons: those that differ in numbers alone are one."""
    kinds: dict[str, str] = {}
    for reason in reasons:
        kinds.setdefault("".join(c for c in reason if not c.isdigit()), reason)
    return tuple(kinds.values())[:_MOST_REASONS]


def added(one: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    """Sums by key."""
    return {key: one.get(key, 0) + other.get(key, 0) for key in {**one, **other}}


def counted(one: Mapping[str, int], kinds: Iterable[str]) -> dict[str, int]:
    """Counts with more of some kinds."""
    return dict(Counter(one) + Counter(kinds))


@briefly_pickled
@dataclass(frozen=True, slots=True)
class EpochReport:
    """One epoch that was written: what became of it, and its anchors."""

    result: EpochResult
    anchors: tuple[AnchorResult, ...]


@briefly_pickled
@dataclass(frozen=True, slots=True)
class StreamReport:
    """One stream: what became of it so far.

    Attributes:
        name: its name.
        input: the video it comes from.
        state: `running`, or how it ended; `stopped` where it was told to, `refused` where it never began.
        reason: why it ended early, or is not whole.
        notes: what its user should know of it, each once.
        totals: figures.
        output: its file, once that is finished: a path, or a URL.
        output_bytes: the file's size.
        node: the node whose disk it is on; empty where everybody sees it.
        session: names the session that tells this, once that knows where it goes on.
        begun_at: shown frames that were written when that session began.
    """

    name: str
    input: str
    state: State
    reason: str
    notes: tuple[str, ...]
    totals: Totals
    output: str = ""
    output_bytes: int = 0
    node: str = ""
    session: str = ""
    begun_at: int = 0


@briefly_pickled
@dataclass(frozen=True, slots=True)
class HostReport:
    """What a host tells.

    Attributes:
        born: of which process this is, as a host that was started again counts anew.
        streams: those that have changed since the last question, and ended ones until they are removed.
        epochs: those written since the last question, as far as they are kept.
        after: number of the last of them, to be named in the next question.
    """

    born: str
    streams: tuple[StreamReport, ...]
    epochs: tuple[EpochReport, ...]
    after: int


@briefly_pickled
@dataclass(frozen=True, slots=True)
class HostView:
    """A host as it is now, for who looks on.

    Attributes:
        streams: all it has.
        placements: who works for them, by stream.
        epochs: what became of the latest ones.
        levels: its gauges, by name and tag; see `METRICS`.
    """

    streams: tuple[StreamReport, ...]
    placements: Mapping[str, Placement]
    epochs: tuple[EpochResult, ...]
    levels: Mapping[tuple[str, str], float]


@dataclass(frozen=True, slots=True)
class AnchorCounts:
    """How enhancers kept up, as a host counts it for its paced streams.

    Attributes:
        born: of which process this is, as a host that was started again counts anew.
        anchors: by enhancer, anchors that were chosen, and of these the ones given up as they were late.
    """

    born: str
    anchors: Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Doing:
    """A stream at a host: what is to be done, by whom, and whether it has ended."""

    order: Order
    placement: Placement
    ended: bool
