"""Whether a packet shows a picture, from a few bits of its frames' headers."""

from ns_ray.errors import BitstreamError
from ns_ray.vp9.superframe import split

FRAME_MARKER = 0b10
"""The first two bits of every VP9 frame."""


def shows(packet: bytes) -> bool:
    """Whether one of a packet's frames is shown (VP9 specification, section 6.2: show_existing_frame, show_frame).

    A packet that is damaged counts as one that shows something.
    """
    try:
        return any(_shows(frame[0]) for frame in split(packet))
    except BitstreamError:
        return True


def _shows(first: int) -> bool:
    if first >> 6 != FRAME_MARKER:
        return True
    shift = 0 if first >> 4 & 0b11 == 0b11 else 1  # profile 3 has a reserved bit more
    return bool(first >> shift & 0b101)  # show_existing_frame, frame_type, show_frame
