"""Structural similarity."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

_SIGMA, _RADIUS = 1.5, 5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_ROWS = 256  # rows at a time, to bound memory


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
        x, y = (torch.from_numpy(np.array(plane[rows], np.float32)) for plane in (a, b))
        values = _map(x, y)
        total += float(values.sum(dtype=torch.float64))
        count += values.numel()
    return total / count


def _map(x: Tensor, y: Tensor) -> Tensor:
    mean_x, mean_y, square_x, square_y, product = _blur(torch.stack((x, y, x * x, y * y, x * y)))
    covariance = product - mean_x * mean_y
    variances = square_x - mean_x**2 + square_y - mean_y**2
    luminance = (2 * mean_x * mean_y + _C1) / (mean_x**2 + mean_y**2 + _C1)
    similarity: Tensor = luminance * (2 * covariance + _C2) / (variances + _C2)
    return similarity


def _blur(planes: Tensor) -> Tensor:
    offsets = torch.arange(-_RADIUS, _RADIUS + 1, dtype=torch.float32)
    window = torch.exp(-(offsets**2) / (2 * _SIGMA**2))
    window /= window.sum()
    rows = functional.conv2d(planes[:, None], window.view(1, 1, -1, 1))
    return functional.conv2d(rows, window.view(1, 1, 1, -1))[:, 0]
