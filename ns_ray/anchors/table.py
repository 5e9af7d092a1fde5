"""The streams of an epoch side by side, as padded matrices, so that NumPy works on all of them at once."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from ns_ray.anchors.epoch import Sizes, StreamEpoch, StreamState
from ns_ray.codecs.records import FrameType
from ns_ray.errors import SelectionError

NEVER = 3
"""The kind, after those of FrameType, of what can be no anchor: padding, shows of existing frames, lower layers."""

WINDOW = 240
"""Coded frames that a stream's average frame size looks back on: 2 GOPs."""

LARGEST_SIZE = 2**32 - 1
"""Bytes of a frame, as windows keep them in 32 bits."""

# Maps of these are the quickest way out of many records: no line of Python runs for any of them.
_SIZE, _TYPE, _SHOWN, _EXISTING, _LOWER_LAYER = map(attrgetter, ("size", "type", "shown", "existing", "lower_layer"))


@dataclass(frozen=True, slots=True)
class EpochTable:
    """One row a stream, one column a coded frame in decode order; short rows end in padding of size 0.

    Attributes:
        sizes: int64 (streams, frames), bytes.
        kinds: int8 (streams, frames), a FrameType or NEVER.
        resets: bool (streams, frames), the KEY frames, those of lower layers too.
        shown: bool (streams, frames).
        lengths: int64 (streams,), coded frames of each stream.
        horizons: int64 (streams,), the position where the GOP ends, or else the epoch.
        carries: int64 (streams,), bytes accumulated before the epoch.
        costs: float64 (streams,), GPU milliseconds an anchor.
        credits: float64 (streams,), anchors due from before.
        fractions: float64 (streams,), the streams' own anchors a shown frame; NaN for the policy's.
        priorities: float64 (streams,), how many times gains count.
        waited: int64 (streams,), shown frames since the last anchor, before the epoch.
        since_keys: int64 (streams,), coded frames after the last KEY frame, before the epoch.
        begun: bool (streams,), which had an anchor before the epoch.
        recent: for each stream, the sizes of its latest coded frames, this epoch's included.
        averages: float64 (streams,), the mean of `recent`, in bytes; 1 where that would be 0.
    """

    sizes: NDArray[np.int64]
    kinds: NDArray[np.int8]
    resets: NDArray[np.bool_]
    shown: NDArray[np.bool_]
    lengths: NDArray[np.int64]
    horizons: NDArray[np.int64]
    carries: NDArray[np.int64]
    costs: NDArray[np.float64]
    credits: NDArray[np.float64]
    fractions: NDArray[np.float64]
    priorities: NDArray[np.float64]
    waited: NDArray[np.int64]
    since_keys: NDArray[np.int64]
    begun: NDArray[np.bool_]
    recent: tuple[Sizes, ...]
    averages: NDArray[np.float64]


def tabulate(epochs: Sequence[StreamEpoch], states: Mapping[str, StreamState]) -> EpochTable:
    """Lays epochs out in the order given; a stream without a state starts afresh.

    Raises:
        SelectionError: a frame's size does not fit 32 bits.
    """
    lengths = np.array([len(epoch.records) for epoch in epochs], np.int64)
    # At least one column, so that the last one of every row holds what the epoch leaves.
    columns = max(1, int(lengths.max(initial=0)))
    filled = np.arange(columns) < lengths[:, None]
    records = [one for epoch in epochs for one in epoch.records]

    sizes = np.zeros(filled.shape, np.int64)
    sizes[filled] = np.fromiter(map(_SIZE, records), np.int64, len(records))
    if sizes.min(initial=0) < 0 or sizes.max(initial=0) > LARGEST_SIZE:
        row = np.flatnonzero(((sizes < 0) | (sizes > LARGEST_SIZE)).any(axis=1))[0]
        raise SelectionError(f"stream {epochs[row].stream}: frame sizes must lie in 0..2^32-1 bytes")
    types = np.frombuffer(bytes(map(_TYPE, records)), np.int8)
    existing = np.frombuffer(bytes(map(_EXISTING, records)), np.bool_)
    kinds = np.full(filled.shape, NEVER, np.int8)
    kinds[filled] = np.where(existing | np.frombuffer(bytes(map(_LOWER_LAYER, records)), np.bool_), NEVER, types)
    resets = np.zeros(filled.shape, np.bool_)
    resets[filled] = (types == FrameType.KEY) & ~existing
    shown = np.zeros(filled.shape, np.bool_)
    shown[filled] = np.frombuffer(bytes(map(_SHOWN, records)), np.bool_)

    fresh = StreamState()
    before = [states.get(epoch.stream, fresh) for epoch in epochs]
    added = sizes.astype(np.uint32)
    recent = tuple(
        np.concatenate((state.sizes, row[:length]))[-WINDOW:]
        for state, row, length in zip(before, added, lengths.tolist(), strict=True)
    )
    return EpochTable(
        sizes=sizes,
        kinds=kinds,
        resets=resets,
        shown=shown,
        lengths=lengths,
        horizons=lengths + np.array([epoch.gop_left or 0 for epoch in epochs], np.int64),
        carries=np.array([state.carry for state in before], np.int64),
        costs=np.array([epoch.cost_ms for epoch in epochs], np.float64),
        credits=np.array([state.credit for state in before], np.float64),
        fractions=np.array([math.nan if epoch.fraction is None else epoch.fraction for epoch in epochs], np.float64),
        priorities=np.array([epoch.priority for epoch in epochs], np.float64),
        waited=np.array([state.waited for state in before], np.int64),
        since_keys=np.array([state.since_key for state in before], np.int64),
        begun=np.array([state.begun for state in before], np.bool_),
        recent=recent,
        averages=np.array([int(window.sum()) / max(len(window), 1) or 1.0 for window in recent]),
    )
