"""Anchor selection for all streams of an epoch: a pure function, state in and state out.

Whoever holds the last answers can go on from them, so a scheduler that died is rebuilt without loss.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ns_ray.anchors.epoch import Choice, StreamEpoch, StreamState
from ns_ray.anchors.gains import accumulated
from ns_ray.anchors.policies import Policy
from ns_ray.anchors.table import EpochTable, tabulate
from ns_ray.errors import SelectionError

__all__ = ["Choice", "StreamEpoch", "StreamState", "select"]


def select(epochs: Sequence[StreamEpoch], states: Mapping[str, StreamState], policy: Policy) -> dict[str, Choice]:
    """Chooses the anchors of one epoch (NeuroScaler, SIGCOMM 2022, section 5).

    The answer does not depend on the order of `epochs`: streams go by name.

    Args:
        epochs: the streams that take part, each once.
        states: what earlier answers left, by stream; streams without one start afresh, others are ignored.
        policy: see `policies` and `baselines`.

    Returns:
        For every stream, also those without an anchor, its choice; in order of name.

    Raises:
        SelectionError: a stream comes twice, or a frame's size does not fit 32 bits.
    """
    ordered = sorted(epochs, key=lambda epoch: epoch.stream)
    for one, other in pairwise(ordered):
        if one.stream == other.stream:
            raise SelectionError(f"stream {one.stream}: it comes twice in one epoch; names must be unique")
    table = tabulate(ordered, states)
    picks, credits = policy.choose(table)

    anchors = np.zeros(table.kinds.shape, np.bool_)
    anchors[picks.rows, picks.positions] = True
    carries = accumulated(table, anchors)[:, -1].tolist()
    waited = _waited(table, anchors).tolist()
    positions: list[list[int]] = [[] for _ in ordered]
    gains: list[list[float]] = [[] for _ in ordered]
    for row, position, gain in zip(picks.rows.tolist(), picks.positions.tolist(), picks.gains.tolist(), strict=True):
        positions[row].append(position)
        gains[row].append(gain)
    owed = credits.tolist()
    return {
        epoch.stream: Choice(
            tuple(positions[row]),
            tuple(gains[row]),
            StreamState(carries[row], table.recent[row], owed[row], waited[row]),
        )
        for row, epoch in enumerate(ordered)
    }


def _waited(table: EpochTable, anchors: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Shown frames of each stream since its last anchor: int64 (streams,)."""
    columns = np.arange(anchors.shape[1])
    last = np.where(anchors, columns, -1).max(axis=1)
    after: NDArray[np.int64] = (table.shown & (columns > last[:, None])).sum(axis=1)
    return after + np.where(last < 0, table.waited, 0)
