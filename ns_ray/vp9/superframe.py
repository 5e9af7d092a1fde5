"""Superframes: several coded frames in one packet (VP9 bitstream specification, Annex B)."""

from ns_ray.errors import BitstreamError


def split(packet: bytes) -> list[memoryview]:
    """Split a packet into its coded frames, in decode order.

    Args:
        packet: a whole packet as it comes from the container.

    Returns:
        Views into `packet`, one a coded frame; one view where the packet is no superframe.

    Raises:
        BitstreamError: the packet is empty, or its index claims more bytes than there are.
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
        return [data]
    frames: list[memoryview] = []
    start = 0
    for i in range(count):
        at = index + 1 + i * width
        end = start + int.from_bytes(data[at : at + width], "little")
        if end > index:
            raise BitstreamError(f"frame {i} of a superframe ends at byte {end}, beyond its index at {index}")
        if end > start:  # encoders write size 0 for a frame they dropped
            frames.append(data[start:end])
        start = end
    if not frames:
        raise BitstreamError("a superframe index lists no frame")
    return frames
