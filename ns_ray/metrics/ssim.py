"""Structural similarity."""

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

_SIGMA, _RADIUS = 1.5, 5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_ROWS = 32  # rows at a time, to stay in cache
_HALF = np.exp(-(np.arange(_RADIUS + 1) ** 2) / (2 * _SIGMA**2))
_WINDOW = (_HALF / (2 * _HALF.sum() - 1)).astype(np.float32)  # from its centre outwards


def ssim(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Mean SSIM of two planes (Wang et al., 2004: Gaussian window of 11x11 and sigma 1.5, where it fits whole).

    Args:
        a: (height, width) uint8, at least 11 samples in each direction.
        b: the same shape.

    Raises:
        ValueError: the shapes differ, or are smaller than the window.
    """
    size = 2 * _RADIUS + 1
    if a.shape != b.shape or a.ndim != 2 or min(a.shape) < size:
        raise ValueError(
            f"SSIM cannot compare {a.shape} with {b.shape}: two planes of one size of {size} or more are due"
        )
    total, count = 0.0, 0
    for top in range(0, a.shape[0] - size + 1, _ROWS):
        rows = slice(top, top + _ROWS + size - 1)
        values = _map(a[rows].astype(np.float32), b[rows].astype(np.float32))
        total += float(values.sum(dtype=np.float64))
        count += values.size
    return total / count


def _map(x: Samples, y: Samples) -> Samples:
    mean_x, mean_y = _blur(x), _blur(y)
    product = mean_x * mean_y
    squares = mean_x**2 + mean_y**2
    variances = _blur(x * x + y * y) - squares
    covariance = _blur(x * y) - product
    similarity = (2 * product + _C1) * (2 * covariance + _C2) / ((squares + _C1) * (variances + _C2))
    return similarity.astype(np.float32, copy=False)


def _blur(plane: Samples) -> Samples:
    for axis in (0, 1):
        length = plane.shape[axis] - 2 * _RADIUS
        # The window is symmetric: samples as far to either side share a weight.
        shifted = [plane[(slice(None),) * axis + (slice(at, at + length),)] for at in range(2 * _RADIUS + 1)]
        plane = shifted[_RADIUS] * _WINDOW[0]
        for distance in range(1, _RADIUS + 1):
            plane += (shifted[_RADIUS - distance] + shifted[_RADIUS + distance]) * _WINDOW[distance]
    return plane
