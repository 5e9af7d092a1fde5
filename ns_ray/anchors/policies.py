"""Policies: which frames of an epoch become anchors. See `baselines` too.

Those by gain (`ByGain`) have a horizon: how long the last anchor of an epoch is thought to serve.
`gop`, as in the published engine: to the end of the GOP. That draws anchors to the ends of epochs, as if the next ones
had none.
`epoch`, as in the published code that measured quality: to the end of the epoch, which draws anchors to its middle.
`gap`: until the next epoch's first anchor can be expected, a mean distance between anchors after this epoch.

Where streams compete, shares are fair: a stream's first KEY frame goes before all else, as nothing of it can be
enhanced before, and none takes more than `fair.MOST_SHARES` times its own share of an epoch, whatever it is made of.

Where a fraction of the frames are anchors, an epoch has a whole number of them; what was rounded away, or could not be
had, is due to the streams in the epochs after it (their credit), so that small fractions and short epochs get theirs.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from ns_ray.anchors.fair import first_keys, turns
from ns_ray.anchors.gains import Picks, rank
from ns_ray.anchors.lowering import NOT_LOWERED, Lowering
from ns_ray.anchors.merge import affordable, within
from ns_ray.anchors.normalisers import Normaliser, norms
from ns_ray.anchors.offer import Offer
from ns_ray.anchors.table import EpochTable
from ns_ray.errors import SelectionError

Horizon = Literal["gap", "gop", "epoch"]
Ranked = Literal["fifth", "all"]
Scope = Literal["all", "stream"]
Credits = NDArray[np.float64]
"""Anchors due to each stream of an epoch from what came before it: float64 (streams,)."""


class Policy(Protocol):
    """Says which frames of each stream are the best, and how many of them each stream gets."""

    @property
    def competes(self) -> bool:
        """Whether streams compete; if not, what one gets depends on itself alone, and nobody need be asked."""
        ...

    def rank(self, table: EpochTable, load: float) -> Picks:
        """The frames that could become anchors, those of one row most valuable first; `load` as in `Award`."""
        ...

    def award(self, offer: Offer) -> tuple[NDArray[np.int64], Credits]:
        """How many frames each stream gets of its own, from the best on, and the credit that it goes on with."""
        ...

    def of_share(self, share: float) -> "Policy":
        """What holds for streams that are for once chosen for apart from the others; `share`: 0..1, of all frames."""
        ...

    def asks(self, own: float | None) -> float:
        """Anchors a shown frame, of a stream with its own fraction or None; 0 where nobody can tell before."""
        ...

    def lowered(self, by: Lowering) -> "Policy":
        """The same with lower fractions; itself where it has none that may be lowered."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ByGain:
    """How frames are weighed; as our default, or as one of the two published programs does.

    Attributes:
        horizon: `gap`, `gop` or `epoch`, as above.
        normaliser: `mean`, `gop` or `none`; see `normalisers`.
        ranked: which of a stream's frames can become anchors: its best `fifth` (rounded up; its KEY frames where they
            are more), about as the published engine has it, or `all`, as the published quality code has it. All take
            five times as many numbers to the scheduler, and matter only where a stream could get more than a fifth.

    Raises:
        SelectionError: one of them is another.
    """

    horizon: Horizon = "gap"
    normaliser: Normaliser = "mean"
    ranked: Ranked = "fifth"

    def __post_init__(self) -> None:
        _check("horizon", self.horizon, Horizon)
        _check("normaliser", self.normaliser, Normaliser)
        _check("ranked", self.ranked, Ranked)

    def _rank(self, table: EpochTable, gaps: NDArray[np.float64]) -> Picks:
        """Where anchors are `gaps` frames apart, as far as they are ranked."""
        one_in = 5 if self.ranked == "fifth" else 1
        match self.horizon:
            case "gap":
                reaches = np.maximum(one_in, gaps)
            case "gop":
                reaches = np.full_like(gaps, math.inf)
            case "epoch":
                reaches = np.zeros_like(gaps)
        return rank(table, reaches, norms(table, self.normaliser), one_in)


@dataclass(frozen=True, slots=True)
class Fraction(ByGain):
    """So many anchors a shown frame, the best first (NeuroScaler, SIGCOMM 2022, section 5).

    A stream gets no more than are ranked of it. First KEY frames that are not due yet are had on credit.

    Attributes:
        fraction: 0..1; anchors a shown frame, of streams without a fraction of their own. See `due`.
        scope: `all`: streams of the same fraction compete for the anchors of all these, and share the credit equally;
            `stream`: each has its own.
        lowering: what becomes of all fractions.

    Raises:
        SelectionError: the fraction or the scope is another.
    """

    fraction: float
    scope: Scope = "all"
    lowering: Lowering = NOT_LOWERED

    def __post_init__(self) -> None:
        ByGain.__post_init__(self)
        check_fraction(self.fraction)
        _check("scope", self.scope, Scope)

    @property
    def competes(self) -> bool:
        """In scope `all`."""
        return self.scope == "all"

    def rank(self, table: EpochTable, load: float) -> Picks:
        """By gain; the load does not matter."""
        with np.errstate(divide="ignore"):
            gaps = 1 / self._fractions(table.fractions)
        return self._rank(table, gaps)

    def award(self, offer: Offer) -> tuple[NDArray[np.int64], Credits]:
        """By gain while there are anchors left."""
        streams = len(offer.names)
        fractions = self._fractions(offer.fractions)
        # The purse that each stream's anchors are taken from.
        purses = np.unique(fractions, return_inverse=True)[1] if self.competes else np.arange(streams)
        members = np.bincount(purses)
        owed = _owed(offer, fractions, purses, members)
        first = first_keys(offer) & (fractions > 0)
        ranked, _ = turns(offer, first, offer.shown * fractions)
        limits = np.maximum(due(owed), np.bincount(purses[first], minlength=len(members)))
        chosen = ranked[within(purses[ranked], limits)]
        taken = np.bincount(chosen, minlength=streams)
        left = np.minimum(owed - np.bincount(purses, weights=taken), 1.0) / members
        return taken, left[purses]

    def of_share(self, share: float) -> "Fraction":
        """The same: so many of any streams' frames."""
        return self

    def asks(self, own: float | None) -> float:
        """Its fraction, lowered."""
        return float(self._fractions(np.array(math.nan if own is None else own)))

    def lowered(self, by: Lowering) -> "Fraction":
        """The same by other fractions."""
        return replace(self, lowering=by)

    def _fractions(self, own: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.lowering.of(own_fractions(own, self.fraction))


@dataclass(frozen=True, slots=True)
class Budget(ByGain):
    """As many anchors as the GPUs have time for, the best first.

    An anchor that does not fit is passed over in favour of cheaper ones that do.

    Attributes:
        gpus: how many, 1 or more.
        epoch_ms: milliseconds of each that an epoch may take, above 0.

    Raises:
        SelectionError: one of them is out of range.
    """

    gpus: int
    epoch_ms: float

    def __post_init__(self) -> None:
        ByGain.__post_init__(self)
        if self.gpus < 1:
            raise SelectionError(f"gpus must be 1 or more; got {self.gpus}")
        if not 0 < self.epoch_ms < math.inf:
            raise SelectionError(f"epoch_ms must be above 0, and finite; got {self.epoch_ms}")

    @property
    def competes(self) -> bool:
        """Always."""
        return True

    def rank(self, table: EpochTable, load: float) -> Picks:
        """By gain; the load tells how far anchors are apart."""
        gap = load / (self.gpus * self.epoch_ms)
        return self._rank(table, np.full(len(table.lengths), gap))

    def award(self, offer: Offer) -> tuple[NDArray[np.int64], Credits]:
        """By gain while there is time left; what is beyond a stream's fair share of it comes last."""
        limit = self.gpus * self.epoch_ms
        times = limit * offer.shown / max(1, offer.shown.sum())
        shares = np.divide(times, offer.costs, out=np.full_like(times, math.inf), where=offer.costs > 0)
        ranked = np.concatenate(turns(offer, first_keys(offer), shares))
        chosen = ranked[affordable(offer.costs[ranked], limit)]
        return np.bincount(chosen, minlength=len(offer.names)), offer.credits

    def of_share(self, share: float) -> "Budget":
        """As much of the time."""
        return replace(self, epoch_ms=max(share * self.epoch_ms, math.ulp(0.0)))

    def asks(self, own: float | None) -> float:
        """Nothing: it takes what time there is."""
        return 0.0

    def lowered(self, by: Lowering) -> "Budget":
        """Itself."""
        return self


def check_fraction(fraction: float) -> None:
    """Raises SelectionError unless the fraction lies in 0..1."""
    if not 0 <= fraction <= 1:
        raise SelectionError(f"fraction must lie in 0..1; got {fraction}")


def own_fractions(fractions: NDArray[np.float64], otherwise: float) -> NDArray[np.float64]:
    """The fraction that holds for each stream: its own, or where that is NaN the policy's; float64 (streams,)."""
    return np.where(np.isnan(fractions), otherwise, fractions)


def due(owed: NDArray[np.float64]) -> NDArray[np.int64]:
    """Whole anchors, halves to the even number: int64, as `owed`.

    What is left is credit for the next epoch. More than one anchor never is: what could not be given as there were too
    few frames to choose from does not pile up.
    """
    return np.maximum(0, np.rint(owed)).astype(np.int64)


def _owed(
    offer: Offer, fractions: NDArray[np.float64], purses: NDArray[np.int64], members: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Anchors due to the streams of each purse; whatever their order, the same to the last bit: float64 (purses,)."""
    order = np.argsort(purses, kind="stable")
    shown, credits = offer.shown[order], offer.credits[order].tolist()
    ends = members.cumsum()
    firsts = ends - members
    earned = np.add.reduceat(shown, firsts) * fractions[order][firsts] if len(shown) else np.empty(0)
    parts = zip(earned.tolist(), firsts.tolist(), ends.tolist(), strict=True)
    return np.array([math.fsum((new, *credits[first:end])) for new, first, end in parts], np.float64)


def _check(name: str, value: str, allowed: object) -> None:
    """Raises SelectionError unless a field has one of the values that its type allows."""
    choices = get_args(allowed)
    if value not in choices:
        raise SelectionError(f"{name} must be {' or '.join(map(repr, choices))}; got {value!r}")
