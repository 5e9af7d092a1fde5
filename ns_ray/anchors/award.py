"""The scheduler's part of a selection: what all hosts offered is merged, and each is told what its streams get."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ns_ray.anchors.offer import Offer, joined, load_of
from ns_ray.anchors.policies import Policy


@dataclass(frozen=True, slots=True, eq=False)
class Award:
    """What the streams of an offer get.

    Attributes:
        taken: int64 (streams,); so many of a stream's ranked frames become anchors, the best ones.
        credits: float64 (streams,), anchors due to each in its next epoch.
        load: GPU milliseconds that all coded frames of all streams would take as anchors; for the next offers.
    """

    taken: NDArray[np.int64]
    credits: NDArray[np.float64]
    load: float


def award(offers: Sequence[Offer], policy: Policy) -> list[Award]:
    """Chooses among the frames of all offers; a pure function of them.

    What a stream gets does not depend on how the streams are spread over offers, nor on their order. Where streams do
    not compete (`policy.competes`) it depends on the stream alone, so that a host can ask this of its own offer.

    Args:
        offers: of one epoch; a stream that comes twice is taken for two.
        policy: the one they were made by.

    Returns:
        One for each offer.
    """
    if not offers:
        return []
    everything = joined(offers)
    taken, credits = policy.award(everything)
    return dealt_out(Award(taken, credits, load_of(everything.costs, everything.frames)), offers)


def dealt_out(whole: Award, offers: Sequence[Offer]) -> list[Award]:
    """The award to offers that were joined, as one to each of them.

    So schedulers can stand between: one joins the offers of its hosts, asks for an award to that, and deals it out.
    """
    ends = np.cumsum([len(one.names) for one in offers])[:-1]
    parts = zip(np.split(whole.taken, ends), np.split(whole.credits, ends), strict=True)
    return [Award(taken, credits, whole.load) for taken, credits in parts]
