"""Peak signal-to-noise ratio."""

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

_ROWS = 32


def mse(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Mean squared difference of two uint8 arrays of one shape.

    Raises:
        ValueError: the shapes differ, or the arrays are empty.
    """
    if a.shape != b.shape or not a.size:
        raise ValueError(f"cannot compare {a.shape} with {b.shape}")
    total = 0
    for top in range(0, len(a), _ROWS):  # few rows at a time stay in cache
        difference = np.subtract(a[top : top + _ROWS], b[top : top + _ROWS], dtype=np.int16)
        square = np.multiply(difference, difference, out=difference).view(np.uint16)  # 255 ** 2 fits
        total += int(square.sum(dtype=np.uint64))
    return total / a.size


def psnr(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """PSNR in dB for 8 bits (peak 255); infinite for equal arrays.

    Raises:
        ValueError: the shapes differ, or the arrays are empty.
    """
    return psnr_of_mse(mse(a, b))


def psnr_of_mse(error: float) -> float:
    """PSNR in dB of a mean squared error of 8-bit samples; infinite for 0."""
    return 10 * math.log10(255**2 / error) if error > 0 else math.inf


def mean_psnr(errors: Iterable[float]) -> float:
    """Mean of the frames' PSNRs in dB, from their mean squared errors; NaN for no frames."""
    values = [psnr_of_mse(error) for error in errors]
    return sum(values) / len(values) if values else math.nan
