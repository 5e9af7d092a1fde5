"""One choice of anchors for all streams against one for each GPU's own, by what the proxy says that anchors gain."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from ns_ray.anchors.policies import Policy
from ns_ray.codecs.records import FrameRecord
from ns_ray.evaluation.choice import EPOCH, choose_together
from ns_ray.evaluation.drift import residual_wiped_out
from ns_ray.evaluation.looped import many
from ns_ray.evaluation.method import Name
from ns_ray.evaluation.placement import Placement, Way, placed

Streams = Mapping[str, Sequence[FrameRecord]]
"""The coded frames of each stream in decode order."""
Chosen = Mapping[str, frozenset[Name]]
"""The anchors of each stream."""

WARM_UP = 3
"""Epochs that do not count, a GOP: nothing is remembered of the streams yet, and those that begin amid one are."""
DRAWS = 10
"""Random placements of each number of GPUs."""


def chosen_apart(streams: Streams, placement: Placement, policy: Policy) -> dict[str, frozenset[Name]]:
    """The anchors where those of each GPU's streams are chosen among these alone."""
    return {
        name: anchors
        for group in placement
        for name, anchors in choose_together({name: streams[name] for name in group}, policy).items()
    }


def proxy_gain(streams: Streams, chosen: Chosen, first: int = 0) -> float:
    """The mean over the streams of what `residual_wiped_out` says, a coded frame.

    Args:
        streams: the streams.
        chosen: their anchors.
        first: video_index of the first frame that counts.
    """
    return fmean(
        residual_wiped_out(records, chosen[name], first) / max(1, sum(one.video_index >= first for one in records))
        for name, records in streams.items()
    )


def share_lost(gain: float, whole: float) -> float:
    """The share of a gain, `whole`, that is lost where it is only `gain`; 0 where there is none to lose."""
    return 1 - gain / whole if whole > 0 else 0.0


def simulate_apart(contents: Streams, count: int, epochs: int, gpus: Sequence[int], policy: Policy) -> dict[str, Any]:
    """Choose for many streams made of a few, without any picture.

    Args:
        contents: what they are made of: see `looped.many`.
        count: how many.
        epochs: that count, after some to warm up.
        gpus: numbers of GPUs to compare.
        policy: by which the streams of one choice compete.

    Returns:
        `streams`, `epochs`; under `together`, chosen for all at once: `anchors`, `gain` (mean frame sizes that a frame
        does not carry) and each content's `share` of anchors a shown frame; under `apart`, for each number of GPUs and
        way to place streams: `anchors`, the share of the gain that is `lost`, and that of the anchors that are `moved`
        to other streams. Placed at random: the means of several draws, and the worst one's `most_lost`.
    """
    packets = (WARM_UP + epochs) * EPOCH
    first = WARM_UP * EPOCH
    streams = many(contents, count, packets)
    together = choose_together(streams, policy)
    counts = _counts(together, first)
    whole = proxy_gain(streams, together, first)
    shares = {
        content: sum(mine) / len(mine) / (packets - first)
        for content in contents
        if (mine := [number for name, number in counts.items() if name.rpartition("@")[0] == content])
    }
    alike = sorted(streams, key=lambda name: shares[name.rpartition("@")[0]])

    def apart(number: int, way: Way, seed: int) -> dict[str, float]:
        chosen = chosen_apart(streams, placed(alike, number, way, seed), policy)
        others = _counts(chosen, first)
        moved = sum(abs(others[name] - counts[name]) for name in counts) / 2
        return {
            "anchors": sum(others.values()),
            "lost": share_lost(proxy_gain(streams, chosen, first), whole),
            "moved": moved / max(1, sum(counts.values())),
        }

    made: list[dict[str, Any]] = []
    for number in gpus:
        ways: tuple[tuple[Way, int], ...] = (("alike", 1), ("spread", 1), ("random", DRAWS))
        for way, draws in ways:
            drawn = [apart(number, way, seed) for seed in range(draws)]
            means = {key: round(fmean(one[key] for one in drawn), 5) for key in drawn[0]}
            made.append({"gpus": number, "way": way, **means, "most_lost": round(max(one["lost"] for one in drawn), 5)})
    return {
        "streams": len(streams),
        "epochs": epochs,
        "together": {
            "anchors": sum(counts.values()),
            "gain": round(whole, 4),
            "share": {content: round(share, 4) for content, share in shares.items()},
        },
        "apart": made,
    }


def _counts(chosen: Chosen, first: int) -> dict[str, int]:
    """Each stream's anchors from packet `first` on."""
    return {name: sum(video_index >= first for video_index, _ in anchors) for name, anchors in chosen.items()}
