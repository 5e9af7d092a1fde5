"""A stream's state rebuilt from what became of its past: a host that died goes on from its output files."""

from collections.abc import Sequence

import numpy as np

from ns_ray.anchors.epoch import StreamEpoch, StreamState
from ns_ray.anchors.settle import after
from ns_ray.anchors.table import tabulate
from ns_ray.vp9.records import FrameRecord


def recall(records: Sequence[FrameRecord], anchors: Sequence[int], credit: float = 0.0) -> StreamState:
    """The state that selection had after these frames.

    The same to the last bit if `records` reach back to the stream's start, or over `table.WINDOW` frames and the last
    anchor. Else `waited`, and `carry` where there was no KEY frame either, are what is known of them. Anchors that were
    chosen but never made are in no file: then the state is that of a selection without them.

    Args:
        records: the stream's latest coded frames in decode order.
        anchors: indices of those that became anchors.
        credit: anchors due to the stream, which no file tells; the awards do.

    Raises:
        SelectionError: a frame's size does not fit 32 bits, or credit is not finite.
    """
    table = tabulate([StreamEpoch("recalled", records)], {})
    chosen = np.zeros(table.kinds.shape, np.bool_)
    chosen[0, list(anchors)] = True
    (state,) = after(table, chosen, np.array([credit]))
    return state
