"""Whether a packet shows a picture, and whether decoding can begin at it, from a few bits of its frames' headers."""

from ns_ray.codecs.vp9.superframe import split
from ns_ray.errors import BitstreamError

FRAME_MARKER = 0b10
"""The first two bits of every VP9 frame."""


def shows(packet: bytes) -> bool:
    """Whether one of a packet's frames is shown (VP9 specification, section 6.2: show_existing_frame, show_frame).

    A packet that is damaged counts as one that shows something.
    """
    try:
        return any(map(_shows, split(packet)))
    except BitstreamError:
        return True


def begins(packet: bytes) -> bool:
    """Whether a packet's first frame is a key frame (show_existing_frame and frame_type both 0); not if damaged."""
    first = packet[0]
    return first >> 6 == FRAME_MARKER and not first >> _shift(first) & 0b110


def _shows(frame: memoryview) -> bool:
    first = frame[0]
    return first >> 6 != FRAME_MARKER or bool(first >> _shift(first) & 0b101)


def _shift(first: int) -> int:
    """Bits of a frame's first byte behind show_existing_frame, frame_type and show_frame."""
    return 0 if first >> 4 & 0b11 == 0b11 else 1  # profile 3 has a reserved bit more
