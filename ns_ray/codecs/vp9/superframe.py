"""Superframes: several coded frames in one packet (VP9 bitstream specification, Annex B)."""

from typing import Final

from ns_ray.errors import BitstreamError

MAX_FRAMES: Final = 8
"""Coded frames that an index can list."""


def split(packet: bytes) -> list[memoryview]:
    """Split a packet into its coded frames, in decode order.

    A packet may hold several frames without an index: see `PacketSplitter`.

    Args:
        packet: a whole packet as it comes from the container.

    Returns:
        Views into `packet`, one a coded frame; one view where the packet is no superframe.

    Raises:
        BitstreamError: the packet is empty, its index is not whole (no frame ends in a byte that looks like an
            index's last), or the index claims an empty frame or more bytes than there are.
    """
    data = memoryview(packet)
    if not data:
        raise BitstreamError("an empty packet holds no frame")
    marker = data[-1]
    if marker & 0b11100000 != 0b11000000:
        return [data]
    count = (marker & 7) + 1
    width = (marker >> 3 & 3) + 1
    index = len(data) - 2 - count * width
    if index < 0 or data[index] != marker:
        raise BitstreamError("a packet ends like a superframe index, but its index does not begin so")
    frames: list[memoryview] = []
    start = 0
    for i in range(count):
        at = index + 1 + i * width
        end = start + int.from_bytes(data[at : at + width], "little")
        if end > index:
            raise BitstreamError(f"frame {i} of a superframe ends at byte {end}, beyond its index at {index}")
        if end == start:
            raise BitstreamError(f"frame {i} of a superframe is empty")
        frames.append(data[start:end])
        start = end
    return frames
