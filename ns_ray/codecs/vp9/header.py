"""The uncompressed header of a coded frame (VP9 bitstream specification, sections 6.2 and 7.2).

Headers are read in C++ (`native/header_reader.hpp`); `help(FrameHeader)` tells what they hold.
"""

from enum import IntEnum

from ns_ray.codecs.vp9._vp9 import MAX_PIXELS, ColorConfig, FrameHeader, HeaderParser

__all__ = ["MAX_PIXELS", "ColorConfig", "FrameHeader", "HeaderParser", "Interpolation"]


class Interpolation(IntEnum):
    """Interpolation filter of inter prediction (interp_filter)."""

    SMOOTH = 0
    REGULAR = 1
    SHARP = 2
    BILINEAR = 3
    SWITCHABLE = 4
