"""A host's part of a selection, after the scheduler's: the anchors of its streams, and what they go on from."""

import numpy as np
from numpy.typing import NDArray

from ns_ray.anchors.award import Award
from ns_ray.anchors.epoch import Choice, StreamState
from ns_ray.anchors.gains import accumulated
from ns_ray.anchors.offer import places_in
from ns_ray.anchors.ranking import Ranking
from ns_ray.anchors.table import EpochTable
from ns_ray.errors import SelectionError


def settle(ranking: Ranking, award: Award) -> dict[str, Choice]:
    """Takes the best frames of each stream, as many as it was awarded.

    Returns:
        For every stream, also those without an anchor, its choice; in the ranking's order.

    Raises:
        SelectionError: the award is another ranking's.
    """
    picks, counts, taken = ranking.picks, ranking.counts, award.taken
    if taken.shape != counts.shape or (taken > counts).any():
        raise SelectionError(f"an award of {taken.sum()} anchors to {len(taken)} streams is no answer to this ranking")
    chosen = places_in(counts) < np.repeat(taken, counts)
    anchors = np.zeros(ranking.table.kinds.shape, np.bool_)
    anchors[picks.rows[chosen], picks.positions[chosen]] = True
    positions, gains = picks.positions[chosen].tolist(), picks.gains[chosen].tolist()
    ends = taken.cumsum()
    parts = map(slice, (ends - taken).tolist(), ends.tolist())
    return {
        name: Choice(tuple(positions[part]), tuple(gains[part]), state)
        for name, part, state in zip(ranking.names, parts, after(ranking.table, anchors, award.credits), strict=True)
    }


def after(table: EpochTable, anchors: NDArray[np.bool_], credits: NDArray[np.float64]) -> list[StreamState]:
    """What the streams of an epoch go on from.

    Args:
        table: the epoch.
        anchors: bool (streams, frames).
        credits: float64 (streams,), anchors still due to each.
    """
    carries = accumulated(table, anchors)[:, -1].tolist()
    waited = _waited(table, anchors).tolist()
    since_keys = _since_keys(table).tolist()
    begun = (table.begun | anchors.any(axis=1)).tolist()
    return list(map(StreamState, carries, table.recent, credits.tolist(), waited, since_keys, begun))


def _waited(table: EpochTable, anchors: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Shown frames of each stream since its last anchor: int64 (streams,)."""
    last = _last(anchors)
    since: NDArray[np.int64] = (table.shown & (np.arange(anchors.shape[1]) > last[:, None])).sum(axis=1)
    return since + np.where(last < 0, table.waited, 0)


def _since_keys(table: EpochTable) -> NDArray[np.int64]:
    """Coded frames of each stream after its last KEY frame: int64 (streams,)."""
    last = _last(table.resets)
    return table.lengths - 1 - last + np.where(last < 0, table.since_keys, 0)


def _last(marked: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The last marked column of each row; -1 where there is none."""
    last: NDArray[np.int64] = np.where(marked, np.arange(marked.shape[1]), -1).max(axis=1)
    return last
