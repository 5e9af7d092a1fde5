"""The policies that NeuroScaler is compared with: they look at no residual."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ns_ray.anchors.gains import Picks
from ns_ray.anchors.policies import check_fraction
from ns_ray.anchors.table import NEVER, EpochTable
from ns_ray.vp9.records import FrameType


@dataclass(frozen=True, slots=True)
class Uniform:
    """Equally spaced shown frames in each stream, from its first on; never a hidden frame.

    Attributes:
        fraction: 0..1; the anchors of a stream are round(shown frames x fraction), halves to the even number.

    Raises:
        SelectionError: the fraction is another.
    """

    fraction: float

    def __post_init__(self) -> None:
        check_fraction(self.fraction)

    def choose(self, table: EpochTable) -> Picks:
        """Chooses in decode order; shows of frames decoded before are left out of the spacing."""
        chosen = np.zeros_like(table.shown)
        candidates = table.shown & (table.kinds != NEVER)
        for row, count in enumerate(table.shown.sum(axis=1).tolist()):
            positions = np.flatnonzero(candidates[row])
            wanted = min(round(count * self.fraction), len(positions))
            chosen[row, positions[np.arange(wanted) * len(positions) // max(wanted, 1)]] = True
        return _in_decode_order(chosen)


@dataclass(frozen=True, slots=True)
class PerFrame:
    """Every shown frame, also where it was decoded before and is only shown now: each needs its picture."""

    def choose(self, table: EpochTable) -> Picks:
        """Chooses in decode order."""
        return _in_decode_order(table.shown)


@dataclass(frozen=True, slots=True)
class Key:
    """Every KEY frame."""

    def choose(self, table: EpochTable) -> Picks:
        """Chooses in decode order."""
        return _in_decode_order(table.kinds == FrameType.KEY)


def _in_decode_order(chosen: NDArray[np.bool_]) -> Picks:
    rows, positions = np.nonzero(chosen)
    return Picks(rows, positions, np.zeros(len(rows)))
