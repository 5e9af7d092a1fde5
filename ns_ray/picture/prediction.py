"""What an anchor's residual refers to: its LR picture, upscaled in integers (docs/hybrid-format.md, "Prediction")."""

from typing import Final

import numpy as np

from ns_ray.picture import _prediction
from ns_ray.picture.yuv import Plane, Yuv420

WEIGHTS: Final = {
    1: ((0, 0, 0, 64, 0, 0, 0),),
    2: ((1, -6, 16, 62, -12, 3, 0), (0, 3, -12, 62, 16, -6, 1)),
    3: ((1, -8, 25, 56, -13, 3, 0), (0, 0, -3, 70, -3, 0, 0), (0, 3, -13, 56, 25, -8, 1)),
    4: (
        (1, -9, 29, 53, -13, 3, 0),
        (0, -3, 5, 69, -9, 2, 0),
        (0, 2, -9, 69, 5, -3, 0),
        (0, 3, -13, 53, 29, -9, 1),
    ),
}
"""By scale, for each phase the weights of 7 LR samples, in 1/64: a Lanczos kernel of 3 lobes, centred, sharpened by a
twentieth of its second difference, which leaves up to 0.7 dB less of a DNN's work to code than that kernel alone."""
ZERO: Final = 128
"""The sample of a residual that stands for none."""
_TABLES = {scale: np.array(weights, np.int16) for scale, weights in WEIGHTS.items()}


def predicted(lr: Yuv420, scale: int) -> Yuv420:
    """The prediction of the HR picture of an LR one; chroma planes have half its luma size, rounded up.

    Args:
        lr: the picture, in BT.709, limited range.
        scale: 1 to 4.
    """
    rows, columns = (scale * side for side in lr.y.shape)
    shapes = (rows, columns), ((rows + 1) // 2, (columns + 1) // 2)
    y, u, v = (
        _prediction.upscaled(plane, *shapes[min(at, 1)], _TABLES[scale])
        for at, plane in enumerate(map(_rows, lr.planes))
    )
    return Yuv420(y, u, v)


def with_residual(lr: Yuv420, residual: Yuv420, scale: int) -> Yuv420:
    """The HR picture: the prediction with a residual added to it, clipped to 8 bits.

    Args:
        lr: the LR picture, in BT.709, limited range.
        residual: of the prediction's size; a sample of 128 adds nothing.
        scale: 1 to 4.
    """
    return Yuv420(
        *(_added(plane, change) for plane, change in zip(predicted(lr, scale).planes, residual.planes, strict=True))
    )


def _added(plane: Plane, residual: Plane) -> Plane:
    total = np.add(plane, residual, dtype=np.int16)
    np.clip(total, ZERO, ZERO + 255, out=total)
    return np.subtract(total, ZERO, dtype=np.int16).astype(np.uint8)


def _rows(plane: Plane) -> Plane:
    """A plane whose rows are contiguous."""
    return plane if plane.strides[1] == 1 and plane.strides[0] > 0 else np.ascontiguousarray(plane)
