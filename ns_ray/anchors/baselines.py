"""The policies that NeuroScaler is compared with, which look at no residual; and to choose nothing."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ns_ray.anchors.gains import Picks
from ns_ray.anchors.policies import Credits, check_fraction, due
from ns_ray.anchors.table import NEVER, EpochTable
from ns_ray.vp9.records import FrameType


@dataclass(frozen=True, slots=True)
class Uniform:
    """Equally spaced shown frames in each stream, from its first on; never a hidden frame.

    Attributes:
        fraction: 0..1; anchors of a stream a shown frame of it. See `policies.due`.

    Raises:
        SelectionError: the fraction is another.
    """

    fraction: float

    def __post_init__(self) -> None:
        check_fraction(self.fraction)

    def choose(self, table: EpochTable) -> tuple[Picks, Credits]:
        """Chooses in decode order; shows of frames decoded before are left out of the spacing."""
        chosen = np.zeros_like(table.shown)
        credits = np.zeros_like(table.credits)
        candidates = table.shown & (table.kinds != NEVER)
        for row, count in enumerate(table.shown.sum(axis=1).tolist()):
            positions = np.flatnonzero(candidates[row])
            owed, wanted = due(count, self.fraction, table.credits[[row]])
            wanted = min(wanted, len(positions))
            chosen[row, positions[np.arange(wanted) * len(positions) // max(wanted, 1)]] = True
            credits[row] = min(owed - wanted, 1.0)
        return _in_decode_order(chosen), credits


@dataclass(frozen=True, slots=True)
class PerFrame:
    """Every shown frame, also where it was decoded before and is only shown now: each needs its picture."""

    def choose(self, table: EpochTable) -> tuple[Picks, Credits]:
        """Chooses in decode order."""
        return _in_decode_order(table.shown), table.credits


@dataclass(frozen=True, slots=True)
class Key:
    """Every KEY frame."""

    def choose(self, table: EpochTable) -> tuple[Picks, Credits]:
        """Chooses in decode order."""
        return _in_decode_order(table.kinds == FrameType.KEY), table.credits


@dataclass(frozen=True, slots=True)
class Nothing:
    """No frame: for streams that come too late to be chosen for. What is due to them stays due."""

    def choose(self, table: EpochTable) -> tuple[Picks, Credits]:
        """Chooses none."""
        return _in_decode_order(np.zeros_like(table.shown)), table.credits


def _in_decode_order(chosen: NDArray[np.bool_]) -> Picks:
    rows, positions = np.nonzero(chosen)
    return Picks(rows, positions, np.zeros(len(rows)))
