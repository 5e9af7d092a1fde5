"""A host's part of a selection, before the scheduler's: its streams' frames ranked, each stream on its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ns_ray.anchors.epoch import StreamEpoch, StreamState
from ns_ray.anchors.gains import Picks
from ns_ray.anchors.offer import Offer
from ns_ray.anchors.policies import Policy
from ns_ray.anchors.table import EpochTable, tabulate
from ns_ray.errors import SelectionError


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """What stays at the host until the scheduler has answered.

    Attributes:
        names: the streams, in the table's order.
        table: their epoch.
        picks: the ranked frames, stream by stream, the best first.
        counts: int64 (streams,), how many each has.
    """

    names: tuple[str, ...]
    table: EpochTable
    picks: Picks
    counts: NDArray[np.int64]


def offer(
    epochs: Sequence[StreamEpoch], states: Mapping[str, StreamState], policy: Policy, load: float
) -> tuple[Ranking, Offer]:
    """Ranks the frames of a host's streams (NeuroScaler, SIGCOMM 2022, section 5).

    Args:
        epochs: the streams that take part, each once.
        states: what earlier choices left, by stream; streams without one start afresh, others are ignored.
        policy: see `policies` and `baselines`.
        load: as the last award told, the same for all hosts; 0 before the first.

    Returns:
        What `settle` needs, and what `award` needs.

    Raises:
        SelectionError: a stream comes twice, or a frame's size does not fit 32 bits.
    """
    names = tuple(epoch.stream for epoch in epochs)
    if len(set(names)) < len(names):
        twice = next(name for index, name in enumerate(names) if name in names[:index])
        raise SelectionError(f"stream {twice}: it comes twice in one epoch; names must be unique")
    table = tabulate(epochs, states)
    picks = policy.rank(table, load)
    picks = picks.at(np.argsort(picks.rows, kind="stable"))
    counts = np.bincount(picks.rows, minlength=len(names))
    return Ranking(names, table, picks, counts), Offer(
        names=names,
        counts=counts,
        kinds=table.kinds[picks.rows, picks.positions],
        gains=picks.gains * table.priorities[picks.rows],
        waited=table.waited,
        begun=table.begun,
        shown=table.shown.sum(axis=1),
        frames=table.lengths,
        costs=table.costs,
        credits=table.credits,
        fractions=table.fractions,
    )
