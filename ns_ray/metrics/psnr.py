"""Peak signal-to-noise ratio."""

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


def mse(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Mean squared difference of two uint8 arrays of one shape.

    Raises:
        ValueError: the shapes differ, or the arrays are empty.
    """
    if a.shape != b.shape or not a.size:
        raise ValueError(f"cannot compare {a.shape} with {b.shape}")
    total = 0
    for row_a, row_b in zip(
        a, b, strict=True
    ):  # a row at a time stays in cache; int32 holds its sum up to 33000 samples
        difference = (row_a.astype(np.int32) - row_b).ravel()
        total += int(np.dot(difference, difference))
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
