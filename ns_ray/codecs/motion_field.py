"""What the coded blocks of any codec come down to: how each of a frame's blocks moved."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

BLOCK: Final = np.dtype(
    [
        ("x", "u2"),  # top left luma sample; multiples of the block's size, inside the frame
        ("y", "u2"),
        ("width", "u1"),  # luma samples, 8 to 64, powers of two; may reach beyond the frame's edge
        ("height", "u1"),
        ("sub_width", "u1"),  # size of the parts that have vectors of their own: the block's, or 4 or 8 in one of 8x8
        ("sub_height", "u1"),
        ("slot", "i1", 2),  # reference slot of each prediction, -1 for none; (-1, -1) is an intra block
        ("filter", "u1"),  # interpolation filter, one of the codec's
        ("skip", "u1"),  # 1: no coefficients were coded
        ("mv", "i2", (4, 2, 2)),  # [quarter in raster order][prediction][row, column], in the codec's unit
    ]
)
"""A block, as `ns_ray/native/codecs/motion_field.hpp` lays it out. A part larger than a quarter repeats its vector."""

SLOTS: Final = 16
"""Reference slots at most; a codec may have fewer."""


class Prediction(IntEnum):
    """How blocks are predicted from references: filters, rounding, edges, unit of the vectors."""

    VP9 = 0  # vectors in 1/8 luma sample


@dataclass(frozen=True, slots=True)
class MotionField:
    """The blocks of one coded frame.

    Attributes:
        blocks: array (n,) of BLOCK, in coded order.
        width: luma samples.
        height: luma samples.
        refreshed: reference slots that the frame replaces, bit i for slot i.
        prediction: how its blocks are predicted.
    """

    blocks: NDArray[np.void]
    width: int
    height: int
    refreshed: int
    prediction: Prediction
