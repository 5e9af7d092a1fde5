"""Frame records: what anchor selection knows of a coded frame."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from ns_ray.brief_pickle import briefly_pickled
from ns_ray.codecs.vp9.header import FrameHeader


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


def record(
    header: FrameHeader, video_index: int, super_index: int, size: int, *, lower_layer: bool = False
) -> FrameRecord:
    """The record of a coded frame of `size` bytes from its parsed header."""
    shown = header.show and not lower_layer
    if header.key:
        kind = FrameType.KEY
    elif shown:
        kind = FrameType.NORMAL
    else:
        kind = FrameType.ALTREF
    return FrameRecord(
        video_index,
        super_index,
        kind,
        size,
        shown,
        header.refreshed,
        header.show_existing is not None,
        header.width,
        header.height,
        lower_layer,
    )


def packet_records(headers: Sequence[FrameHeader], sizes: Sequence[int], video_index: int) -> list[FrameRecord]:
    """The records of all coded frames of a packet, one each, in decode order.

    The frame that the packet shows is the last whose header says so, as libvpx has it. Other shown ones, and hidden
    ones of another size, are lower layers.

    Args:
        headers: of its frames.
        sizes: their bytes.
        video_index: number of the packet.
    """
    top = max((i for i, header in enumerate(headers) if header.show), default=None)

    def is_lower(index: int) -> bool:
        if top is None or index == top:
            return False
        header, shown = headers[index], headers[top]
        return header.show or (header.width, header.height) != (shown.width, shown.height)

    return [
        record(header, video_index, index, size, lower_layer=is_lower(index))
        for index, (header, size) in enumerate(zip(headers, sizes, strict=True))
    ]
