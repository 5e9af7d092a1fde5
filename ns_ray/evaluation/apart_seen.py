"""One choice of anchors for all streams against one for each GPU's own, by the quality that is really seen.

Where anchors are chosen over all streams, gains are divided by a norm, so the other norms are compared there too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import Any

import numpy as np

from ns_ray.anchors.normalisers import Normaliser
from ns_ray.anchors.policies import Fraction
from ns_ray.client.reconstruct import Mode
from ns_ray.evaluation.apart import Streams, proxy_gain, share_lost
from ns_ray.evaluation.choice import choose_together
from ns_ray.evaluation.correlation import correlations
from ns_ray.evaluation.method import Name
from ns_ray.evaluation.placement import Group, Placement, placements

Gains = Mapping[str, Mapping[Mode, float]]
"""What a stream gains over bilinear, dB, by the choices that `ApartPlan.choices` has of it."""
OTHER_NORMALISERS: tuple[Normaliser, ...] = ("gop", "none")
"""Than the default."""
MODES: tuple[Mode, ...] = ("plain", "best")


class ApartPlan:
    """Which placements to compare, and so what is to be measured of each stream.

    Attributes:
        whole: all streams.
        lost: the placements, and the share of the proxy's gain that each loses against one choice for all; of each
            number of GPUs rising.
    """

    def __init__(self, streams: Streams, gpus: Sequence[int], most: int, policy: Fraction) -> None:
        """Choose for every group of streams that placements have.

        Args:
            streams: the streams, of whole epochs, so that all placements have equally many anchors.
            gpus: numbers of GPUs to compare; those with more GPUs than streams, and 1, have no placements.
            most: placements of each number of GPUs, 0 for none; they range evenly from the one that loses least by the
                proxy to the one that loses most.
            policy: by which the streams of one group compete.
        """
        self.whole: Group = tuple(streams)
        self.lost: list[tuple[Placement, float]] = []
        self._streams, self._policy = streams, policy
        self._chosen: dict[Group, dict[str, frozenset[Name]]] = {}
        self._proxies: dict[Group, float] = {}
        gain = self._proxy_gain((self.whole,))
        for number in sorted({*gpus} - {1}) if most else ():
            found = [(one, share_lost(self._proxy_gain(one), gain)) for one in placements(self.whole, number)]
            found.sort(key=lambda one: one[1])
            picked = np.linspace(0, len(found) - 1, min(most, len(found))).round().astype(int).tolist()
            self.lost += [found[i] for i in picked]
        needed = {self.whole, *(group for placement, _ in self.lost for group in placement)}
        self._made = {_label(group): anchors for group, anchors in self._chosen.items() if group in needed}
        for normaliser in OTHER_NORMALISERS:
            self._made[_over_all(normaliser)] = choose_together(streams, replace(policy, normaliser=normaliser))

    def choices(self, stream: str) -> dict[str, frozenset[Name]]:
        """The stream's anchors: in each group that it is in, by the names joined, and over all by other normalisers."""
        return {label: anchors[stream] for label, anchors in self._made.items() if stream in anchors}

    def compared(self, gains: Mapping[str, Gains]) -> dict[str, Any]:
        """What each placement loses.

        Args:
            gains: what each stream gains by each of its choices.

        Returns:
            Under `together`, by normaliser: `anchors` of each stream, and the means over the streams of what `plain`
            and `best` gain over bilinear, dB. Under `apart`, for each placement: `gpus`, `groups`, `anchors`,
            `proxy_lost` (a share), and by mode what is lost of those means, dB, against one choice by the policy's own
            normaliser. Under `proxy_told`, how well `proxy_lost` tells that.
        """

        def row(placement: Placement, label: str | None = None) -> dict[str, Any]:
            labels = {name: label or _label(group) for group in placement for name in group}
            found: dict[str, Any] = {"anchors": {name: len(self._made[labels[name]][name]) for name in labels}}
            for mode in MODES:
                found[mode] = round(fmean(gains[name][labels[name]][mode] for name in labels), 4)
            return found

        whole = row((self.whole,))
        apart: list[dict[str, Any]] = []
        for placement, proxy_lost in self.lost:
            found = row(placement)
            found |= {str(mode): round(whole[mode] - found[mode], 4) for mode in MODES}
            groups = [list(group) for group in placement]
            apart.append({"gpus": len(groups), "groups": groups, "proxy_lost": round(proxy_lost, 5), **found})
        proxy = np.array([one["proxy_lost"] for one in apart])
        others = {normaliser: row((self.whole,), _over_all(normaliser)) for normaliser in OTHER_NORMALISERS}
        return {
            "together": {str(self._policy.normaliser): whole, **others},
            "apart": apart,
            "proxy_told": {mode: correlations(proxy, np.array([one[mode] for one in apart])) for mode in MODES},
        }

    def _proxy_gain(self, placement: Placement) -> float:
        """The mean over all streams."""
        for group in placement:
            if group not in self._chosen:
                mine = {name: self._streams[name] for name in group}
                self._chosen[group] = choose_together(mine, self._policy)
                self._proxies[group] = len(group) * proxy_gain(mine, self._chosen[group])
        return sum(self._proxies[group] for group in placement) / len(self.whole)


def _over_all(normaliser: Normaliser) -> str:
    return f"all, normaliser {normaliser}"


def _label(group: Group) -> str:
    return "+".join(group)
