"""The policies that NeuroScaler is compared with, which look at no residual; and to choose nothing.

Their streams do not compete: the frames that they rank are those that they choose.
"""

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from ns_ray.anchors.gains import Picks
from ns_ray.anchors.lowering import Lowering
from ns_ray.anchors.offer import Offer
from ns_ray.anchors.policies import Credits, check_fraction, due, own_fractions
from ns_ray.anchors.table import NEVER, EpochTable
from ns_ray.codecs.records import FrameType
from ns_ray.errors import SelectionError


class _Apart:
    """Every stream gets the frames that were chosen of it; nothing is owed."""

    __slots__ = ()

    @property
    def competes(self) -> bool:
        """Never."""
        return False

    def award(self, offer: Offer) -> tuple[NDArray[np.int64], Credits]:
        """All of them."""
        return offer.counts, offer.credits

    def of_share(self, share: float) -> Self:
        """The same."""
        return self

    def asks(self, own: float | None) -> float:
        """Nothing that is known before."""
        return 0.0

    def lowered(self, by: Lowering) -> Self:
        """The same: others are compared with it as it is."""
        return self


@dataclass(frozen=True, slots=True)
class Uniform(_Apart):
    """Equally spaced frames in each stream, from its first on.

    Attributes:
        fraction: 0..1; anchors of a stream a shown frame, where it has no fraction of its own. See `policies.due`.
        among: `shown`: the frames that are shown, over all of the epoch, never a hidden one; `coded`, as published:
            all coded frames, hidden ones included, of which anchor i of n is the one numbered i (frames // n).

    Raises:
        SelectionError: one of them is another.
    """

    fraction: float
    among: Literal["shown", "coded"] = "shown"

    def __post_init__(self) -> None:
        check_fraction(self.fraction)
        if self.among not in ("shown", "coded"):
            raise SelectionError(f"among must be 'shown' or 'coded'; got {self.among!r}")

    def rank(self, table: EpochTable, load: float) -> Picks:
        """Chooses in decode order; shows of frames decoded before are left out of the spacing."""
        chosen = np.zeros_like(table.shown)
        candidates = table.kinds != NEVER
        if self.among == "shown":
            candidates &= table.shown
        wanted = due(self._owed(table.shown.sum(axis=1), table.credits, table.fractions))
        for row, count in enumerate(np.minimum(wanted, candidates.sum(axis=1)).tolist()):
            positions = np.flatnonzero(candidates[row])
            chosen[row, positions[self._spaced(len(positions), count)]] = True
        return _in_decode_order(chosen)

    def award(self, offer: Offer) -> tuple[NDArray[np.int64], Credits]:
        """All that were chosen; what is left is due to the stream later."""
        owed = self._owed(offer.shown, offer.credits, offer.fractions)
        return offer.counts, np.minimum(owed - offer.counts, 1.0)

    def asks(self, own: float | None) -> float:
        """Its fraction."""
        return self.fraction if own is None else own

    def _spaced(self, frames: int, count: int) -> NDArray[np.int64]:
        """The numbers of `count` among `frames`."""
        numbers = np.arange(count)
        return numbers * (frames // max(count, 1)) if self.among == "coded" else numbers * frames // max(count, 1)

    def _owed(self, shown: NDArray[np.int64], credits: Credits, fractions: NDArray[np.float64]) -> NDArray[np.float64]:
        return shown * own_fractions(fractions, self.fraction) + credits


@dataclass(frozen=True, slots=True)
class PerFrame(_Apart):
    """Every shown frame, also where it was decoded before and is only shown now: each needs its picture."""

    def rank(self, table: EpochTable, load: float) -> Picks:
        """Chooses in decode order."""
        return _in_decode_order(table.shown)

    def asks(self, own: float | None) -> float:
        """All of them."""
        return 1.0


@dataclass(frozen=True, slots=True)
class Key(_Apart):
    """Every KEY frame."""

    def rank(self, table: EpochTable, load: float) -> Picks:
        """Chooses in decode order."""
        return _in_decode_order(table.kinds == FrameType.KEY)


@dataclass(frozen=True, slots=True)
class Nothing(_Apart):
    """No frame: for streams that come too late to be chosen for. What is due to them stays due."""

    def rank(self, table: EpochTable, load: float) -> Picks:
        """Chooses none."""
        return _in_decode_order(np.zeros_like(table.shown))


def _in_decode_order(chosen: NDArray[np.bool_]) -> Picks:
    rows, positions = np.nonzero(chosen)
    return Picks(rows, positions, np.zeros(len(rows)))
