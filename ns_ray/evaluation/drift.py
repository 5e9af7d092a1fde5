"""How far the frames of a stream are from their anchors, as selection sees it: from frame records alone."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ns_ray.anchors.gains import since_last
from ns_ray.codecs.records import FrameRecord, FrameType
from ns_ray.evaluation.method import Name


@dataclass(frozen=True, slots=True, eq=False)
class Drift:
    """One value a frame.

    Attributes:
        residuals: int64 (frames,), bytes coded since the last anchor or KEY frame, by which gains are reckoned (see
            `anchors.gains`); 0 at an anchor.
        frames: int64 (frames,), coded frames since the last anchor, hidden ones too; 0 at an anchor, -1 before the
            first one.
    """

    residuals: NDArray[np.int64]
    frames: NDArray[np.int64]

    def at(self, index: NDArray[np.int64]) -> "Drift":
        """Some frames, in the order of `index`."""
        return Drift(self.residuals[index], self.frames[index])


def drift(records: Sequence[FrameRecord], anchors: Collection[Name]) -> Drift:
    """The drift of all coded frames of a stream, in decode order."""
    count = len(records)
    taken = np.fromiter(((one.video_index, one.super_index) in anchors for one in records), np.bool_, count)
    keys = np.fromiter((one.type is FrameType.KEY and not one.existing for one in records), np.bool_, count)
    sizes = np.fromiter((one.size for one in records), np.int64, count)
    places = np.arange(count)
    last = np.maximum.accumulate(np.where(taken, places, -1))
    residuals = since_last(sizes.cumsum()[None], (taken | keys)[None])[0]
    return Drift(residuals, np.where(last < 0, -1, places - last))


def shown_places(records: Sequence[FrameRecord]) -> NDArray[np.int64]:
    """The places of the shown frames among the coded ones: int64 (shown,)."""
    return np.flatnonzero(np.fromiter((one.shown for one in records), np.bool_, len(records)))


def residual_wiped_out(records: Sequence[FrameRecord], anchors: Collection[Name], first: int = 0) -> float:
    """What the anchors of a stream gain by the proxy: residual that frames do not carry, over the mean frame size.

    Args:
        records: the coded frames in decode order.
        anchors: the chosen ones.
        first: video_index of the first frame that counts.
    """
    counts = np.fromiter((one.video_index >= first for one in records), np.bool_, len(records))
    without, carried = (drift(records, chosen).residuals[counts].sum() for chosen in ((), anchors))
    size = sum(one.size for one in records) / max(1, len(records))
    return float(without - carried) / (size or 1.0)
