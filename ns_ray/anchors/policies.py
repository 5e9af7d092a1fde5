"""Policies: which frames of an epoch become anchors. Any object with `choose` is one; see `baselines` too.

Those by gain have a horizon: how long the last anchor of an epoch is thought to serve.
`gop`, as published: to the end of the GOP. That draws anchors to the ends of epochs, as if the next ones had none.
`gap`: until the next epoch's first anchor can be expected, a mean distance between anchors after this epoch.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from ns_ray.anchors.gains import RANKED_ONE_IN, Picks, across_streams, rank
from ns_ray.anchors.table import EpochTable
from ns_ray.errors import SelectionError

Horizon = Literal["gap", "gop"]


class Policy(Protocol):
    """Chooses the anchors of all streams of an epoch."""

    def choose(self, table: EpochTable) -> Picks:
        """Returns the anchors, those of one row most valuable first."""
        ...


@dataclass(frozen=True, slots=True)
class Fraction:
    """So many anchors a shown frame, the best first (NeuroScaler, SIGCOMM 2022, section 5).

    A stream gets no more than are ranked of it: a fifth of its frames, or its KEY frames where they are more.

    Attributes:
        fraction: 0..1; the anchors are round(shown frames x fraction), halves to the even number.
        scope: `all`: the streams compete for the anchors of all; `stream`: each has its own.
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

    def choose(self, table: EpochTable) -> Picks:
        """Chooses by gain while there are anchors left."""
        shown = table.shown.sum(axis=1).tolist()
        gap = 1 / self.fraction if self.fraction else math.inf
        picks = across_streams(table, rank(table, _reach(self.horizon, gap)))
        if self.scope == "all":
            purses, limits = [0] * len(picks.rows), [round(sum(shown) * self.fraction)]
        else:
            purses, limits = picks.rows.tolist(), [round(count * self.fraction) for count in shown]
        return _affordable(picks, purses, [1] * len(purses), limits)


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

    def choose(self, table: EpochTable) -> Picks:
        """Chooses by gain while there is time left."""
        gap = float(table.costs @ table.lengths) / (self.gpus * self.epoch_ms)
        picks = across_streams(table, rank(table, _reach(self.horizon, gap)))
        costs = table.costs[picks.rows].tolist()
        return _affordable(picks, [0] * len(costs), costs, [self.gpus * self.epoch_ms])


def check_fraction(fraction: float) -> None:
    """Raises SelectionError unless the fraction lies in 0..1."""
    if not 0 <= fraction <= 1:
        raise SelectionError(f"fraction must lie in 0..1; got {fraction}")


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
