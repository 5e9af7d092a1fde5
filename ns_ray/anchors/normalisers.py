"""What gains are divided by, so that those of streams of other bitrates compare: a norm for each stream.

Gains of one stream are all divided by the same, so its own order never changes: it matters where streams compete.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ns_ray.anchors.epoch import Sizes
from ns_ray.anchors.gains import since_last
from ns_ray.anchors.offer import places_in
from ns_ray.anchors.table import EpochTable

Normaliser = Literal["mean", "gop", "none"]
"""`mean`: the stream's mean frame size over 2 GOPs (the published engine). `gop`: the sum of its GOP's accumulated
residuals (the published quality code). `none`: 1, gains as they are (published as `engorgio_baseline`)."""


def norms(table: EpochTable, normaliser: Normaliser) -> NDArray[np.float64]:
    """The norm of each stream, above 0: float64 (streams,)."""
    match normaliser:
        case "mean":
            return table.averages
        case "gop":
            return _gop_sums(table)
        case _:
            return np.ones(len(table.lengths))


def _gop_sums(table: EpochTable) -> NDArray[np.float64]:
    """The bytes since the KEY frame, no anchor taken, summed over a GOP's frames; 1 where that would be 0.

    The published code knows whole GOPs beforehand. Here frames still to come count as if each had the stream's mean
    size, and of several GOPs that an epoch touches the largest counts. No GOP is looked back on further than
    `table.recent` goes.
    """
    parts = list(map(_before, table.recent, table.lengths.tolist(), table.since_keys.tolist()))
    counts = np.array([len(part) for part in parts], np.int64)
    rows = np.repeat(np.arange(len(parts)), counts)
    flat = np.concatenate([*parts, np.empty(0)])
    # Whole numbers below 2^53, so exact: what was coded since the KEY frame before the epoch, and its running sums.
    bytes_before = np.bincount(rows, flat, len(parts)).astype(np.int64)
    sums_before = np.bincount(rows, flat * (np.repeat(counts, counts) - places_in(counts)), len(parts)).astype(np.int64)

    residuals = since_last(bytes_before[:, None] + table.sizes.cumsum(axis=1), table.resets)
    filled = np.arange(residuals.shape[1]) < table.lengths[:, None]
    sums = since_last(sums_before[:, None] + (residuals * filled).cumsum(axis=1), table.resets)
    left = table.horizons - table.lengths
    whole = sums[:, -1] + left * residuals[:, -1] + table.averages * (left * (left + 1) / 2)
    largest = np.maximum(sums.max(axis=1), whole)
    return np.where(largest > 0, largest, 1.0)


def _before(window: Sizes, length: int, since: int) -> Sizes:
    """Of the latest frames, the last `since` before those of the epoch, which are the last `length`."""
    end = max(0, len(window) - length)
    return window[max(0, end - since) : end]
