"""Frame records: what anchor selection knows of a coded frame."""

from dataclasses import dataclass
from enum import IntEnum

from ns_ray.vp9.header import FrameHeader


class FrameType(IntEnum):
    """How a coded frame counts in anchor selection, in order of precedence."""

    KEY = 0
    ALTREF = 1  # coded but hidden
    NORMAL = 2


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
    """

    video_index: int
    super_index: int
    type: FrameType
    size: int
    shown: bool = True
    refreshed: int = 0
    existing: bool = False

    @property
    def name(self) -> str:
        """`video_index.super_index`."""
        return f"{self.video_index}.{self.super_index}"


def record(header: FrameHeader, video_index: int, super_index: int, size: int) -> FrameRecord:
    """The record of a coded frame of `size` bytes from its parsed header."""
    if header.key:
        kind = FrameType.KEY
    elif header.show:
        kind = FrameType.NORMAL
    else:
        kind = FrameType.ALTREF
    return FrameRecord(
        video_index, super_index, kind, size, header.show, header.refreshed, header.show_existing is not None
    )
