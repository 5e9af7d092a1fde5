"""The records of VP9's coded frames, from their headers."""

from collections.abc import Sequence

from ns_ray.codecs.records import FrameRecord, FrameType
from ns_ray.codecs.vp9.header import FrameHeader


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
