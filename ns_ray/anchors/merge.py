"""One order of the ranked frames of all streams."""

import numpy as np
from numpy.typing import NDArray

from ns_ray.anchors.offer import Offer
from ns_ray.codecs.records import FrameType

_ALTREF_BIT = np.uint64(1 << 63)
_KEY_WORTH = np.uint64(2**64 - 1)


def best_first(offer: Offer) -> NDArray[np.int64]:
    """Merges the streams' rankings: KEY frames, then ALTREF frames by gain, then NORMAL frames by gain.

    Equal gains go to the stream that would have fewer frames taken before, then to the one that has waited longest for
    an anchor, then by name. Each stream's own order survives, as marginal gains never rise.

    Returns:
        int64 (ranked,), indices into the offer's ranked frames.
    """
    # One sort by worth, and another of the few that are equal there: a lexsort of all takes more than twice as long.
    keys = ~_worths(offer)
    order = np.argsort(keys)
    ordered = keys[order]
    equal = np.zeros(len(order) + 1, np.bool_)
    equal[1:-1] = ordered[1:] == ordered[:-1]
    tied = np.flatnonzero(equal[1:] | equal[:-1])
    among = order[tied]
    streams = offer.streams()[among]
    by = (_name_ranks(offer, streams), -offer.waited[streams], offer.places()[among], keys[among])
    order[tied] = among[np.lexsort(by)]
    return order


def _worths(offer: Offer) -> NDArray[np.uint64]:
    """Integers that compare as kind and then gain do, greater ones better: uint64 (ranked,).

    The bits of floats that are not negative are in the floats' order, and leave the sign's bit to tell the kinds.
    """
    worths = offer.gains.view(np.uint64) | np.where(offer.kinds == FrameType.ALTREF, _ALTREF_BIT, np.uint64(0))
    worths[offer.kinds == FrameType.KEY] = _KEY_WORTH
    return worths


def _name_ranks(offer: Offer, streams: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each of `streams`, a number in the order of the names."""
    present = np.flatnonzero(np.bincount(streams, minlength=len(offer.names)))
    named = sorted(present.tolist(), key=offer.names.__getitem__)
    ranks = np.empty(len(offer.names), np.int64)
    ranks[named] = np.arange(len(named))
    return ranks[streams]


def within(groups: NDArray[np.int64], limits: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which elements are among the first `limits[group]` of their group: bool, as `groups`."""
    order = np.argsort(groups, kind="stable")
    counts = np.bincount(groups, minlength=len(limits))
    kept = np.empty(len(groups), np.bool_)
    kept[order] = np.arange(len(groups)) - np.repeat(counts.cumsum() - counts, counts) < np.repeat(limits, counts)
    return kept


def affordable(costs: NDArray[np.float64], limit: float) -> NDArray[np.int64]:
    """Takes one after the other; what does not fit any more is passed over in favour of cheaper ones that do.

    Args:
        costs: float64 (n,), 0 or more each.
        limit: what those taken may cost in all.

    Returns:
        int64 (taken,), their indices, rising.
    """
    spent, taken = 0.0, [np.empty(0, np.int64)]
    left = np.arange(len(costs))
    while len(left):  # each pass ends at the next one that does not fit
        totals = np.cumsum(np.append(spent, costs[left]))
        fit = int(np.searchsorted(totals, limit, side="right")) - 1
        taken.append(left[:fit])
        spent = totals[fit]
        left = left[fit:]
        left = left[spent + costs[left] <= limit]
    return np.concatenate(taken)
