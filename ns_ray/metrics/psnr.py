"""Peak signal-to-noise ratio."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NO_ERROR_DB = 100.0
"""What a frame without any error counts as where frames are averaged."""

_ROWS = 32


def squared_error(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> int:
    """Sum of the squared differences of two uint8 arrays of one shape.

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
    return total


def mse(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Mean squared difference of two uint8 arrays of one shape; raises ValueError as `squared_error` does."""
    return squared_error(a, b) / a.size


def psnr(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """PSNR in dB for 8 bits (peak 255); infinite for equal arrays.

    Raises:
        ValueError: the shapes differ, or the arrays are empty.
    """
    return psnr_of_mse(mse(a, b))


def bounded_psnr(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """The same, of arrays without any difference NO_ERROR_DB, so that it can be averaged and written as JSON."""
    return _bounded(mse(a, b))


def psnr_of_mse(error: float) -> float:
    """PSNR in dB of a mean squared error of 8-bit samples; infinite for 0."""
    return 10 * math.log10(255**2 / error) if error > 0 else math.inf


def mean_psnr(errors: Iterable[float]) -> float:
    """Mean of the frames' PSNRs in dB, from their mean squared errors; NaN for no frames."""
    values = [psnr_of_mse(error) for error in errors]
    return sum(values) / len(values) if values else math.nan


@dataclass(frozen=True, slots=True)
class PlaneErrors:
    """How far a picture is from its original, plane by plane, luma first.

    Attributes:
        squared: the planes' sums of squared differences.
        samples: how many samples each plane has.
    """

    squared: tuple[int, ...]
    samples: tuple[int, ...]

    @property
    def psnr_y(self) -> float:
        """PSNR of luma, dB; 100 where there is no error at all, so that frames can be averaged."""
        return _bounded(self.squared[0] / self.samples[0])

    @property
    def psnr(self) -> float:
        """PSNR of all planes, dB: of their summed squared errors over all samples (published step 5); at most 100."""
        return _bounded(sum(self.squared) / sum(self.samples))


def plane_errors(picture: Sequence[NDArray[np.uint8]], original: Sequence[NDArray[np.uint8]]) -> PlaneErrors:
    """Compare two pictures plane by plane: luma, then chroma, uint8.

    Raises:
        ValueError: their planes differ in number or shape, or are empty.
    """
    squared = tuple(squared_error(a, b) for a, b in zip(picture, original, strict=True))
    return PlaneErrors(squared, tuple(plane.size for plane in original))


def _bounded(error: float) -> float:
    return min(psnr_of_mse(error), NO_ERROR_DB)
