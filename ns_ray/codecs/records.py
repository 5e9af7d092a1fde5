"""Frame records: what anchor selection knows of a coded frame, whatever its codec."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from ns_ray.brief_pickle import briefly_pickled


class FrameType(IntEnum):
    """How a coded frame counts in anchor selection, in order of precedence."""

    KEY = 0
    ALTREF = 1  # coded but hidden
    NORMAL = 2


@briefly_pickled
@dataclass(frozen=True, slots=True)
class FrameRecord:
    """One coded frame, in decode order, without its pixels.

    Attributes:
        video_index: number of the packet (shown frame) that carries it, from 0 at the start of the stream.
        super_index: its number among the coded frames of that packet.
        type: KEY, ALTREF or NORMAL.
        size: compressed bytes, the proxy of its residual.
        shown: whether a plain decoder outputs it; an ALTREF frame never is.
        refreshed: reference slots it replaces, bit i for slot i (VP9 section 7.2, refresh_frame_flags).
        existing: true where the packet only shows a frame decoded before (show_existing_frame).
        width: luma samples of the coded frame, or of the one that is shown again.
        height: luma samples.
        lower_layer: a spatial layer that its packet does not show: a packet shows one picture, its last shown frame.
            It is hidden whatever its header says, and never an anchor; a KEY frame stays one.
    """

    video_index: int
    super_index: int
    type: FrameType
    size: int
    shown: bool = True
    refreshed: int = 0
    existing: bool = False
    width: int = 0
    height: int = 0
    lower_layer: bool = False

    @property
    def name(self) -> str:
        """`video_index.super_index`."""
        return f"{self.video_index}.{self.super_index}"

    def __reduce__(self) -> tuple[Any, ...]:  # a dataclass's own way of being pickled takes three times as long
        return FrameRecord, (
            self.video_index,
            self.super_index,
            self.type,
            self.size,
            self.shown,
            self.refreshed,
            self.existing,
            self.width,
            self.height,
            self.lower_layer,
        )
