"""What a host offers of its streams' frames: numbers alone, so that they are cheap to send and to merge."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Offer:
    """The ranked frames of some streams in one epoch; those of one stream are together, the best first.

    Attributes:
        names: the streams.
        counts: int64 (streams,), frames ranked of each.
        kinds: int8 (ranked,), a FrameType each, or `table.NEVER`.
        gains: float64 (ranked,), the marginal gain of each, times its stream's priority; never rises within a kind.
        waited: int64 (streams,), shown frames since the last anchor, before the epoch.
        begun: bool (streams,), which had an anchor before the epoch.
        shown: int64 (streams,), frames of the epoch that are shown.
        frames: int64 (streams,), its coded frames.
        costs: float64 (streams,), GPU milliseconds an anchor.
        credits: float64 (streams,), anchors due from before.
        fractions: float64 (streams,), the streams' own anchors a shown frame; NaN for the policy's.
    """

    names: tuple[str, ...]
    counts: NDArray[np.int64]
    kinds: NDArray[np.int8]
    gains: NDArray[np.float64]
    waited: NDArray[np.int64]
    begun: NDArray[np.bool_]
    shown: NDArray[np.int64]
    frames: NDArray[np.int64]
    costs: NDArray[np.float64]
    credits: NDArray[np.float64]
    fractions: NDArray[np.float64]

    def streams(self) -> NDArray[np.int64]:
        """The stream, as an index, of each ranked frame: int64 (ranked,)."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    def places(self) -> NDArray[np.int64]:
        """How many frames of the same stream are better than each: int64 (ranked,)."""
        return places_in(self.counts)


def places_in(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Counts each group up from 0: (2, 3) gives 0 1 0 1 2; int64 (sum of counts,)."""
    places: NDArray[np.int64] = np.arange(counts.sum()) - np.repeat(counts.cumsum() - counts, counts)
    return places


def joined(offers: Sequence[Offer]) -> Offer:
    """One or more offers as one, in their order."""
    if len(offers) == 1:
        return offers[0]
    numbers = [field.name for field in fields(Offer) if field.name != "names"]
    return Offer(
        tuple(name for one in offers for name in one.names),
        *(np.concatenate([getattr(one, name) for one in offers]) for name in numbers),
    )


def load_of(costs: NDArray[np.float64], frames: NDArray[np.int64]) -> float:
    """GPU milliseconds that all frames would take as anchors; whatever the order, the same to the last bit.

    Args:
        costs: float64 (streams,), milliseconds an anchor.
        frames: int64 (streams,), coded frames.
    """
    return math.fsum((costs * frames).tolist())


def share_of(offer: Offer, load: float) -> float:
    """Which part of all streams' load is that of an offer's streams, at most 1; `load`: not 0."""
    return min(1.0, load_of(offer.costs, offer.frames) / load)
