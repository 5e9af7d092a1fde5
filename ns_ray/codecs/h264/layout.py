"""How the arrays of a parsed frame are laid out, as `ns_ray/native/codecs/h264` has them."""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Final

import numpy as np

from ns_ray.codecs.h264 import _h264

BLOCK: Final = np.dtype(
    [
        ("mv", "i2", (2, 2)),  # [list][row, column], quarter luma sample; zero where the list is not used
        ("reference", "i1", 2),  # refIdxL0 and refIdxL1 of the block's slice, -1 where not used; (-1, -1): intra
        ("picture", "i1", 2),  # the same as indices into the frame's `references`
    ]
)
"""4x4 luma samples."""

MACROBLOCK: Final = np.dtype(
    [
        ("type", "u1"),  # a MacroblockType
        ("qp", "u1"),  # QPY, 0 to 51
        ("transform_8x8", "?"),
        ("coded", "u1"),  # coded_block_pattern: a bit for each 8x8 luma block, plus 16 (DC) or 32 for chroma
        ("slice", "u2"),  # index into the frame's slices
    ]
)
"""16x16 luma samples."""

SLICE: Final = np.dtype(
    [
        ("first_macroblock", "u4"),  # its address, in raster order
        ("type", "u1"),  # a SliceType
        ("weighting", "u1"),  # a Weighting
        ("luma_log2", "u1"),  # denominators of explicit weights
        ("chroma_log2", "u1"),
        ("active", "u1", 2),  # entries of each list
        ("deblocking", "?"),  # whether the deblocking filter runs in it
        ("qp", "u1"),  # SliceQPY
        ("pictures", "i1", (2, 16)),  # the lists, as indices into the frame's `references`; -1: not there
        ("explicit_weights", "i2", (2, 16, 3, 2)),  # [list][reference][Y, Cb, Cr][weight, offset]
        ("implicit_weights", "i2", (16, 16)),  # [refIdxL0][refIdxL1], of list 1 in 1/64; list 0 has the rest
    ]
)
"""A slice: what prediction from its blocks takes beside them (section 8.4.2.3)."""

if (BLOCK.itemsize, MACROBLOCK.itemsize, SLICE.itemsize) != (
    _h264.BLOCK_SIZE,
    _h264.MACROBLOCK_SIZE,
    _h264.SLICE_SIZE,
):
    raise ImportError("ns_ray.codecs.h264._h264 was built from other sources: install the package again")


class MacroblockType(IntEnum):
    """What a macroblock is predicted from."""

    INTRA_4X4 = 0
    INTRA_8X8 = 1
    INTRA_16X16 = 2
    PCM = 3
    INTER = 4
    SKIP = 5  # P_Skip or B_Skip: nothing but motion, and that is derived


class SliceType(IntEnum):
    """slice_type modulo 5."""

    P = 0
    B = 1
    I = 2  # noqa: E741


class Weighting(IntEnum):
    """How predictions are weighted: evenly, as the slice says, or by distance in time (B only)."""

    DEFAULT = 0
    EXPLICIT = 1
    IMPLICIT = 2


class Coded(IntFlag):
    """What of a block has coefficients in the transforms that cover it."""

    LUMA = 1
    CHROMA = 2
