"""The worth of a frame as an anchor, and the greedy ranking by it (NeuroScaler, SIGCOMM 2022, section 5).

Non-anchor frames are rebuilt from anchors and lose a little with every residual that is only upscaled. The
loss at a frame is estimated by the bytes coded since the last anchor, so an anchor is worth the bytes that it
wipes out times the frames that profit.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ns_ray.anchors.table import NEVER, EpochTable
from ns_ray.codecs.records import FrameType


@dataclass(frozen=True, slots=True)
class Picks:
    """Frames of an EpochTable; those of one row come most valuable first.

    Attributes:
        rows: int64 (picks,), the stream.
        positions: int64 (picks,), the frame.
        gains: float64 (picks,), marginal gain when taken, over the stream's norm.
    """

    rows: NDArray[np.int64]
    positions: NDArray[np.int64]
    gains: NDArray[np.float64]

    def at(self, index: NDArray[np.int64]) -> "Picks":
        """Some of them, in the order of `index`."""
        return Picks(self.rows[index], self.positions[index], self.gains[index])


def accumulated(table: EpochTable, anchors: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Residual bytes at every frame since the last anchor or KEY frame, or since before the epoch.

    The defining updates (taking frame k lowers A from k to the next anchor by A_k) come down to this,
    whatever the order of taking.

    Args:
        table: (streams, frames).
        anchors: bool (streams, frames).

    Returns:
        int64 (streams, frames); padding repeats a row's last value.
    """
    return since_last(_totals(table), anchors | table.resets)


def rank(table: EpochTable, reaches: NDArray[np.float64], norms: NDArray[np.float64], one_in: int) -> Picks:
    """Ranks each stream on its own: KEY frames, then ALTREF, then NORMAL frames, the last two greedily.

    Equal gains go to the earlier frame. One pass of the loop takes one frame of every stream.

    Args:
        table: the epoch.
        reaches: float64 (streams,), frames after the epoch, rounded up, that its last anchor is thought to serve if the
            GOP goes on so long.
        norms: float64 (streams,), what gains are divided by, above 0.
        one_in: at most one frame in so many is ranked, rounded up; KEY frames always are.
    """
    beyond = np.ceil(np.minimum(table.horizons - table.lengths, reaches)).astype(np.int64)
    horizons = table.lengths + beyond
    keys = table.kinds == FrameType.KEY
    taken = table.resets.copy()
    left = np.where(keys, NEVER, table.kinds)  # the kinds of the frames still to be ranked
    counts = keys.sum(axis=1)
    limits = np.maximum(counts, -(-table.lengths // one_in))
    totals = _totals(table)

    rows, positions = np.nonzero(keys)
    passes = [Picks(rows, positions, np.zeros(len(rows)))]
    while True:
        kinds = left.min(axis=1)
        rows = np.flatnonzero((kinds < NEVER) & (counts < limits))
        if not len(rows):
            break
        gains = since_last(totals, taken) * _frames_served(taken, horizons)
        positions = np.where(left == kinds[:, None], gains, -1).argmax(axis=1)[rows]
        passes.append(Picks(rows, positions, gains[rows, positions] / norms[rows]))
        taken[rows, positions] = True
        left[rows, positions] = NEVER
        counts[rows] += 1
    return Picks(
        np.concatenate([picks.rows for picks in passes]),
        np.concatenate([picks.positions for picks in passes]),
        np.concatenate([picks.gains for picks in passes]),
    )


def _totals(table: EpochTable) -> NDArray[np.int64]:
    """Bytes up to and with every frame, the carry included: int64 (streams, frames)."""
    totals: NDArray[np.int64] = table.carries[:, None] + table.sizes.cumsum(axis=1)
    return totals


def since_last(totals: NDArray[np.int64], resets: NDArray[np.bool_]) -> NDArray[np.int64]:
    """What was added to `totals` since the last reset: as totals never fall, that one's is the highest.

    Args:
        totals: int64 (streams, frames), running sums.
        resets: bool (streams, frames).
    """
    return totals - np.maximum.accumulate(np.where(resets, totals, 0), axis=1)


def _frames_served(resets: NDArray[np.bool_], horizons: NDArray[np.int64]) -> NDArray[np.int64]:
    """Frames from each one, itself included, to the next reset or the horizon: int64 (streams, frames)."""
    columns = np.arange(resets.shape[1])
    ends = np.append(np.where(resets, columns, horizons[:, None])[:, 1:], horizons[:, None], axis=1)
    served: NDArray[np.int64] = np.minimum.accumulate(ends[:, ::-1], axis=1)[:, ::-1] - columns
    return served
