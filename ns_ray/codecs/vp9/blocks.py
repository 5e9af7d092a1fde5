"""The blocks of a coded frame: modes, references and motion vectors, read without decoding a pixel.

The work is done in C++ (`native/`), after the VP9 bitstream specification.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ns_ray.codecs.records import FrameType
from ns_ray.codecs.vp9 import _vp9
from ns_ray.codecs.vp9.header import MAX_PIXELS, Interpolation

if TYPE_CHECKING:
    from typing_extensions import Buffer

BLOCK: Final = np.dtype(
    [
        ("x", "u2"),  # top left luma sample; multiples of 8, inside the frame
        ("y", "u2"),
        ("width", "u1"),  # luma samples, 8 to 64; may reach beyond the frame's edge
        ("height", "u1"),
        ("sub_width", "u1"),  # size of the parts with modes and vectors of their own: 4 or 8, or the block's size
        ("sub_height", "u1"),
        ("ref_slot", "i1", 2),  # reference slot 0..7 of each prediction, -1 for none; (-1, -1) is an intra block
        ("ref_frame", "u1", 2),  # 0 none (or intra), 1 LAST, 2 GOLDEN, 3 ALTREF
        ("filter", "u1"),  # an Interpolation
        ("skip", "u1"),  # 1: no coefficients were coded
        ("segment", "u1"),  # segment_id, 0..7
        ("tx_size", "u1"),  # 0: 4x4, 1: 8x8, 2: 16x16, 3: 32x32 (luma)
        ("y_mode", "u1"),  # a Mode (of the last part where there are parts)
        ("uv_mode", "u1"),  # a Mode; intra blocks only
        ("qindex", "u2"),  # quantiser index in force, segment feature included
        ("tokens", "u2"),  # non-zero coefficients in all planes, at most 65535
        ("mv", "i2", (4, 2, 2)),  # [quarter in raster order][prediction][row, column], 1/8 luma sample
    ]
)
"""A block, as `native/block.hpp` lays it out. A part larger than a quarter repeats its vector in each."""

TILE: Final = np.dtype(
    [
        ("row", "u2"),
        ("column", "u2"),
        ("bytes", "u4"),
        ("unread_bits", "u4"),  # never shifted into the bool decoder
        ("value_zero", "?"),  # nothing was left in the decoder's value either: true of encoders that flush with zeros
        ("_", "V3"),
    ]
)
"""How a tile's bool decoder ended. What it never read is all zeros, as section 9.2.3 demands."""

if BLOCK.itemsize != _vp9.BLOCK_SIZE or TILE.itemsize != _vp9.TILE_SIZE:
    raise ImportError("ns_ray.codecs.vp9._vp9 was built from other sources: install the package again")


class Mode(IntEnum):
    """Prediction modes (sections 7.4.5 and 7.4.6)."""

    DC = 0
    V = 1
    H = 2
    D45 = 3
    D135 = 4
    D117 = 5
    D153 = 6
    D207 = 7
    D63 = 8
    TM = 9
    NEAREST = 10
    NEAR = 11
    ZERO = 12
    NEW = 13


@dataclass(frozen=True, slots=True)
class FrameBlocks:
    """One coded frame. A frame that only shows an earlier one has no blocks and no tiles.

    Attributes:
        blocks: array of BLOCK, in coded order.
        tiles: array of TILE, in coded order.
        width: luma samples; of the frame shown where show_existing is set.
        height: luma samples.
        render_size: width and height meant for display.
        profile: 0 to 3.
        bit_depth: 8, 10 or 12.
        subsampling: log2 of the chroma subsampling across and down: (1, 1) is 4:2:0.
        show_frame: whether a decoder outputs it.
        show_existing: the reference slot shown, where the frame does nothing else.
        key: a key frame.
        intra_only: not a key frame, but without inter blocks all the same.
        error_resilient: depends on no probabilities or vectors of earlier frames.
        frame_parallel: its probabilities are not adapted to its content.
        refresh_flags: reference slots it replaces, bit i for slot i.
        ref_slots: slots of LAST, GOLDEN and ALTREF; -1 in intra frames.
        ref_sizes: width and height of the frames there; (0, 0) in intra frames.
        sign_bias: whether LAST, GOLDEN and ALTREF lie in the future.
        base_qindex: quantiser index, 0 to 255.
        lossless: coded without loss.
        loop_filter_level: 0 (no loop filter) to 63.
        filter: interpolation filter of all blocks, or SWITCHABLE.
        tile_columns: tiles across.
        tile_rows: tiles down.
        compound_allowed: blocks may average two predictions.
        segmentation: segmentation is on.
        segment_map: the frame codes a segmentation map; without one an earlier map goes on.
        size: bytes that it takes, the zeros behind it included.
    """

    blocks: NDArray[np.void]
    tiles: NDArray[np.void]
    width: int
    height: int
    render_size: tuple[int, int]
    profile: int
    bit_depth: int
    subsampling: tuple[int, int]
    show_frame: bool
    show_existing: int | None
    key: bool
    intra_only: bool
    error_resilient: bool
    frame_parallel: bool
    refresh_flags: int
    ref_slots: tuple[int, int, int]
    ref_sizes: tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
    sign_bias: tuple[bool, bool, bool]
    base_qindex: int
    lossless: bool
    loop_filter_level: int
    filter: Interpolation
    tile_columns: int
    tile_rows: int
    compound_allowed: bool
    segmentation: bool
    segment_map: bool
    size: int

    @property
    def type(self) -> FrameType:
        """How the frame counts in anchor selection."""
        if self.key:
            return FrameType.KEY
        return FrameType.NORMAL if self.show_frame else FrameType.ALTREF


class BlockParser:
    """Parses the coded frames of one stream, in decode order.

    It keeps what VP9 carries from frame to frame: probabilities, sizes in the reference slots, previous vectors, the
    segmentation map. After a BitstreamError it is as it was before that frame; go on at the next key frame.

    Args:
        max_pixels: the largest frame that is parsed; memory is bounded to about 5 bytes per pixel of it.
    """

    def __init__(self, max_pixels: int = MAX_PIXELS) -> None:
        self._parser = _vp9.Parser(max_pixels)

    def parse(self, frame: Buffer, *, alone: bool = True) -> FrameBlocks:
        """Parse one coded frame.

        Every tile, and the compressed header, must end in zeros (section 9.2.3): where something was read wrongly they
        practically never do. There is no exception; no encoder is known that does not keep to it.

        Other threads run meanwhile.

        Args:
            frame: one element of a superframe.
            alone: false where other frames may follow it, without an index; `size` then tells where they begin.

        Raises:
            BitstreamError: the frame is damaged, larger than max_pixels, or refers to frames not parsed before.
        """
        facts: dict[str, Any] = self._parser.parse(frame, alone)
        facts["blocks"] = facts["blocks"].view(BLOCK)
        facts["tiles"] = facts["tiles"].view(TILE)
        facts["filter"] = Interpolation(facts["filter"])
        return FrameBlocks(**facts)
