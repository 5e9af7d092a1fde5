"""One choice of anchors for all streams against one for each GPU's own, by the quality that is really seen."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

import numpy as np

from ns_ray.anchors.policies import Policy
from ns_ray.client.reconstruct import Mode
from ns_ray.evaluation.apart import Streams, proxy_gain, share_lost
from ns_ray.evaluation.choice import choose_together
from ns_ray.evaluation.correlation import correlations
from ns_ray.evaluation.method import Name
from ns_ray.evaluation.placement import Group, Placement, placements

Gains = Mapping[Group, Mapping[Mode, float]]
"""What a stream gains over bilinear, dB, where it is chosen for together with others, itself among them."""


class ApartPlan:
    """Which placements to compare, and so what is to be measured of each stream.

    Attributes:
        whole: all streams.
        chosen: the anchors of each stream of a group that is chosen for together; `whole` is one.
        lost: the placements, and the share of the proxy's gain that each loses against one choice for all, rising.
    """

    def __init__(self, streams: Streams, gpus: Sequence[int], most: int, policy: Policy) -> None:
        """Choose for every group.

        Args:
            streams: the streams, of whole epochs, so that all placements have equally many anchors.
            gpus: numbers of GPUs to compare; those with more GPUs than streams, and 1, have no placements.
            most: placements of each number of GPUs, from the one that loses least by the proxy to the one that loses
                most, evenly.
            policy: by which the streams of one group compete.
        """
        self.whole: Group = tuple(streams)
        self.chosen: dict[Group, dict[str, frozenset[Name]]] = {}
        self.lost: list[tuple[Placement, float]] = []
        self._streams, self._policy = streams, policy
        self._proxies: dict[Group, float] = {}
        gain = self._proxy_gain((self.whole,))
        for number in sorted({*gpus} - {1}):
            found = [(one, share_lost(self._proxy_gain(one), gain)) for one in placements(self.whole, number)]
            found.sort(key=lambda one: one[1])
            picked = np.linspace(0, len(found) - 1, min(most, len(found))).round().astype(int).tolist()
            self.lost += [found[i] for i in picked]
        needed = {self.whole, *(group for placement, _ in self.lost for group in placement)}
        self.chosen = {group: anchors for group, anchors in self.chosen.items() if group in needed}

    def groups(self, stream: str) -> dict[Group, frozenset[Name]]:
        """The stream's anchors in each of the groups that it is in."""
        return {group: anchors[stream] for group, anchors in self.chosen.items() if stream in group}

    def compared(self, gains: Mapping[str, Gains]) -> dict[str, Any]:
        """What each placement loses.

        Args:
            gains: what each stream gains in each of its groups.

        Returns:
            Under `together`: `anchors` of each stream, and the means over the streams of what `plain` and `best` gain
            over bilinear, dB; under `apart`, for each placement: `gpus`, `groups`, `anchors`, `proxy_lost` (a share),
            and what is lost of `together`'s means, dB, by mode; under `proxy_told`, how well the third tells these.
        """
        modes: tuple[Mode, ...] = ("plain", "best")
        whole = {mode: fmean(gains[name][self.whole][mode] for name in self.whole) for mode in modes}
        apart: list[dict[str, Any]] = []
        for placement, lost in self.lost:
            row: dict[str, Any] = {"gpus": len(placement), "groups": [list(group) for group in placement]}
            row["anchors"] = {name: len(self.chosen[group][name]) for group in placement for name in group}
            row["proxy_lost"] = round(lost, 5)
            for mode in modes:
                gained = fmean(gains[name][group][mode] for group in placement for name in group)
                row[mode] = round(whole[mode] - gained, 4)
            apart.append(row)
        proxy = np.array([row["proxy_lost"] for row in apart])
        return {
            "together": {"anchors": {name: len(self.chosen[self.whole][name]) for name in self.whole}}
            | {mode: round(gain, 4) for mode, gain in whole.items()},
            "apart": apart,
            "proxy_told": {mode: correlations(proxy, np.array([row[mode] for row in apart])) for mode in modes},
        }

    def _proxy_gain(self, placement: Placement) -> float:
        """The mean over all streams."""
        for group in placement:
            if group not in self.chosen:
                mine = {name: self._streams[name] for name in group}
                self.chosen[group] = choose_together(mine, self._policy)
                self._proxies[group] = len(group) * proxy_gain(mine, self.chosen[group])
        return sum(self._proxies[group] for group in placement) / len(self.whole)
