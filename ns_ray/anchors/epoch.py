"""What goes into and comes out of the selection of one epoch; all of it plain values that pickle."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ns_ray.brief_pickle import briefly_pickled
from ns_ray.codecs.records import FrameRecord, FrameType
from ns_ray.errors import SelectionError

Sizes = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class StreamEpoch:
    """One stream's frames of one epoch.

    Attributes:
        stream: its name, unique in the epoch.
        records: its coded frames in decode order.
        gop_left: coded frames of the GOP still to come after this epoch; None where that is unknown.
        cost_ms: GPU milliseconds that one of its anchors takes.
        fraction: 0..1, its own anchors a shown frame; None for the policy's. Policies without one ignore it.
        priority: its gains count so many times where streams compete; above 0, and finite.

    Raises:
        SelectionError: one of them is out of range.
    """

    stream: str
    records: Sequence[FrameRecord]
    gop_left: int | None = None
    cost_ms: float = 0.0
    fraction: float | None = None
    priority: float = 1.0

    def __post_init__(self) -> None:
        if self.gop_left is not None and self.gop_left < 0:
            raise SelectionError(f"stream {self.stream}: gop_left must be None, 0 or more; got {self.gop_left}")
        if not 0 <= self.cost_ms < math.inf:
            raise SelectionError(f"stream {self.stream}: cost_ms must be 0 or more, and finite; got {self.cost_ms}")
        if self.fraction is not None and not 0 <= self.fraction <= 1:
            raise SelectionError(f"stream {self.stream}: fraction must be None or lie in 0..1; got {self.fraction}")
        if not 0 < self.priority < math.inf:
            raise SelectionError(f"stream {self.stream}: priority must be above 0, and finite; got {self.priority}")

    @property
    def shown(self) -> int:
        """How many of its frames a plain decoder outputs."""
        return sum(record.shown for record in self.records)


def shown_since_key(records: Sequence[FrameRecord], before: int = 0) -> int:
    """Shown frames since the last KEY frame, itself included, after `records`; `before`: what that was before them."""
    for record in records:
        before = (0 if record.type is FrameType.KEY else before) + record.shown
    return before


def _no_sizes() -> Sizes:
    return np.empty(0, np.uint32)


@briefly_pickled
@dataclass(frozen=True, slots=True, eq=False)
class StreamState:
    """What selection remembers of a stream from one epoch to the next.

    Attributes:
        carry: bytes of residual accumulated since the last anchor or KEY frame.
        sizes: uint32 (frames,), bytes of the latest coded frames, at most 2 GOPs of them.
        credit: anchors that are due to it from the epochs before; below 0 where it had them early. See `policies`.
        waited: its shown frames since its last anchor.
        since_key: its coded frames after its last KEY frame, or all of them where there was none.
        begun: whether it has had an anchor.

    Raises:
        SelectionError: carry, waited or since_key is negative, or credit not finite.
    """

    carry: int = 0
    sizes: Sizes = field(default_factory=_no_sizes)
    credit: float = 0.0
    waited: int = 0
    since_key: int = 0
    begun: bool = False

    def __post_init__(self) -> None:
        for name in ("carry", "waited", "since_key"):
            if getattr(self, name) < 0:
                raise SelectionError(f"{name} must be 0 or more; got {getattr(self, name)}")
        if not math.isfinite(self.credit):
            raise SelectionError(f"credit must be finite; got {self.credit}")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, StreamState):
            return NotImplemented
        mine, others = ((s.carry, s.credit, s.waited, s.since_key, s.begun) for s in (self, other))
        return mine == others and np.array_equal(self.sizes, other.sizes)

    __hash__ = None  # type: ignore[assignment]  # it holds an array


@dataclass(frozen=True, slots=True)
class Choice:
    """The anchors of one stream in one epoch.

    Attributes:
        positions: indices into the epoch's records, most valuable first (baselines: in decode order).
        gains: the marginal gain of each when it was taken, over the stream's norm (see `normalisers`); 0 for KEY
            frames, which reset the residual themselves, and for baselines, which do not weigh frames.
        state: what the stream's next epoch starts from.
    """

    positions: tuple[int, ...]
    gains: tuple[float, ...]
    state: StreamState
