"""What keeps streams that compete from taking it all: whose turn it is, and how often.

By gain alone a stream of KEY frames takes every anchor there is, and one that joins while there are few can wait for
long, with nothing that any of its frames could be rebuilt from.
"""

import numpy as np
from numpy.typing import NDArray

from ns_ray.anchors.merge import best_first
from ns_ray.anchors.offer import Offer
from ns_ray.codecs.records import FrameType

MOST_SHARES = 4
"""So many times its share of an epoch's anchors a stream gets at most, or one anchor where that is less."""


def first_keys(offer: Offer) -> NDArray[np.bool_]:
    """The streams that have had no anchor yet, and have a KEY frame now: bool (streams,)."""
    waiting = ~offer.begun & (offer.counts > 0)
    firsts = (offer.counts.cumsum() - offer.counts)[waiting]
    waiting[waiting] = offer.kinds[firsts] == FrameType.KEY
    return waiting


def turns(
    offer: Offer, first: NDArray[np.bool_], shares: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Whose ranked frames are taken one after the other, while there are anchors.

    First the best frame of those in `first`, then all by `best_first`.

    Args:
        offer: the frames.
        first: bool (streams,).
        shares: float64 (streams,), anchors of the epoch, 0 or more.

    Returns:
        int64 (turns,), streams, each as often as `MOST_SHARES` allows; and int64 (ranked - turns,), those beyond that.
    """
    streams, places = offer.streams(), offer.places()
    order = best_first(offer)
    ahead = (first[streams] & (places == 0))[order]
    order = np.concatenate((order[ahead], order[~ahead]))
    most = np.maximum(1.0, np.ceil(MOST_SHARES * shares))
    fair = (places < most[streams])[order]
    return streams[order[fair]], streams[order[~fair]]
