"""Policies: which frames of an epoch become anchors. Any object with `choose` is one; see `baselines` too.

Those by gain have a horizon: how long the last anchor of an epoch is thought to serve.
`gop`, as published: to the end of the GOP. That draws anchors to the ends of epochs, as if the next ones had none.
`gap`: until the next epoch's first anchor can be expected, a mean distance between anchors after this epoch.

Where a fraction of the frames are anchors, an epoch has a whole number of them; what was rounded away, or could not be
had, is due to the streams in the epochs after it (their credit), so that small fractions and short epochs get theirs.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ns_ray.anchors.gains import RANKED_ONE_IN, Picks, across_streams, rank
from ns_ray.anchors.table import EpochTable
from ns_ray.errors import SelectionError

Horizon = Literal["gap", "gop"]
Credits = NDArray[np.float64]
"""Anchors due to each stream of an epoch from what came before it: float64 (streams,)."""


class Policy(Protocol):
    """Chooses the anchors of all streams of an epoch."""

    def choose(self, table: EpochTable) -> tuple[Picks, Credits]:
        """Returns the anchors, those of one row most valuable first, and the credits that the streams go on with."""
        ...


@dataclass(frozen=True, slots=True)
class Fraction:
    """So many anchors a shown frame, the best first (NeuroScaler, SIGCOMM 2022, section 5).

    A stream gets no more than are ranked of it: a fifth of its frames, or its KEY frames where they are more.

    Attributes:
        fraction: 0..1; anchors a shown frame. See `due`.
        scope: `all`: the streams compete for the anchors of all, and share the credit equally; `stream`: each has its
            own.
        horizon: `gap` or `gop`, as above.

    Raises:
        SelectionError: the fraction, the scope or the horizon is another.
    """

    fraction: float
    scope: Literal["all", "stream"] = "all"
    horizon: Horizon = "gap"

    def __post_init__(self) -> None:
        check_fraction(self.fraction)
        if self.scope not in ("all", "stream"):
            raise SelectionError(f"scope must be 'all' or 'stream'; got {self.scope!r}")
        _check_horizon(self.horizon)

    def choose(self, table: EpochTable) -> tuple[Picks, Credits]:
        """Chooses by gain while there are anchors left."""
        shown = table.shown.sum(axis=1)
        gap = 1 / self.fraction if self.fraction else math.inf
        picks = across_streams(table, rank(table, _reach(self.horizon, gap)))
        streams = len(shown)
        # The purse that each stream's anchors are taken from.
        purses = np.zeros(streams, np.int64) if self.scope == "all" else np.arange(streams)
        dues = [
            due(int(shown[of].sum()), self.fraction, table.credits[of])
            for of in (purses == purse for purse in range(purses.max(initial=-1) + 1))
        ]
        taken = purses[picks.rows]
        chosen = _affordable(picks, taken.tolist(), [1] * len(taken), [count for _, count in dues])
        given = np.bincount(purses[chosen.rows], minlength=len(dues))
        members = np.bincount(purses, minlength=len(dues))
        left = np.minimum(np.array([owed for owed, _ in dues]) - given, 1.0) / members
        return chosen, left[purses] if streams else table.credits


@dataclass(frozen=True, slots=True)
class Budget:
    """As many anchors as the GPUs have time for, the best first.

    An anchor that does not fit is passed over in favour of cheaper ones that do.

    Attributes:
        gpus: how many, 1 or more.
        epoch_ms: milliseconds of each that an epoch may take, above 0.
        horizon: `gap` or `gop`, as above.

    Raises:
        SelectionError: one of them is out of range.
    """

    gpus: int
    epoch_ms: float
    horizon: Horizon = "gap"

    def __post_init__(self) -> None:
        if self.gpus < 1:
            raise SelectionError(f"gpus must be 1 or more; got {self.gpus}")
        if not 0 < self.epoch_ms < math.inf:
            raise SelectionError(f"epoch_ms must be above 0, and finite; got {self.epoch_ms}")
        _check_horizon(self.horizon)

    def choose(self, table: EpochTable) -> tuple[Picks, Credits]:
        """Chooses by gain while there is time left."""
        gap = float(table.costs @ table.lengths) / (self.gpus * self.epoch_ms)
        picks = across_streams(table, rank(table, _reach(self.horizon, gap)))
        costs = table.costs[picks.rows].tolist()
        return _affordable(picks, [0] * len(costs), costs, [self.gpus * self.epoch_ms]), table.credits


def check_fraction(fraction: float) -> None:
    """Raises SelectionError unless the fraction lies in 0..1."""
    if not 0 <= fraction <= 1:
        raise SelectionError(f"fraction must lie in 0..1; got {fraction}")


def due(shown: int, fraction: float, credits: Credits) -> tuple[float, int]:
    """What streams that share their anchors are owed in an epoch, and how many they get, halves to the even number.

    What is left of it is shared out among them as credit for their next epoch. More than one anchor never is: what
    could not be given as there were too few frames to choose from does not pile up.

    Args:
        shown: frames that they show in the epoch.
        fraction: anchors a shown frame.
        credits: what was left before.
    """
    owed = math.fsum((shown * fraction, *credits.tolist()))
    return owed, max(0, round(owed))


def _check_horizon(horizon: str) -> None:
    if horizon not in ("gap", "gop"):
        raise SelectionError(f"horizon must be 'gap' or 'gop'; got {horizon!r}")


def _reach(horizon: Horizon, gap: float) -> float:
    """For `rank`, where anchors are `gap` frames apart as far as they are ranked."""
    return math.inf if horizon == "gop" else max(RANKED_ONE_IN, gap)


def _affordable(picks: Picks, purses: Sequence[int], costs: Sequence[float], limits: Sequence[float]) -> Picks:
    """Keeps each pick whose cost still fits the limit of its purse."""
    spent = [0.0] * len(limits)
    kept = []
    for index, (purse, cost) in enumerate(zip(purses, costs, strict=True)):
        if spent[purse] + cost <= limits[purse]:
            spent[purse] += cost
            kept.append(index)
    return picks.at(np.array(kept, np.int64))
