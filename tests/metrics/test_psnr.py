"""PSNR against its definition in float64."""

import math

import numpy as np
import pytest

from ns_ray.metrics.psnr import mean_psnr, mse, plane_errors, psnr


@pytest.mark.parametrize("shape", [(1, 1), (7, 13), (48, 64), (5, 4, 3)])
def test_definition(shape: tuple[int, ...]) -> None:
    noise = np.random.default_rng(0)
    a, b = noise.integers(0, 256, (2, *shape), np.uint8)
    error = np.mean((a.astype(np.float64) - b) ** 2)
    assert mse(a, b) == pytest.approx(error, rel=1e-12)
    assert psnr(a, b) == pytest.approx(10 * np.log10(255**2 / error), rel=1e-12)


def test_extremes() -> None:
    black, white = np.zeros((2, 33000), np.uint8), np.full((2, 33000), 255, np.uint8)
    assert psnr(black, white) == 0
    assert psnr(black, black) == math.inf


def test_strided_planes() -> None:
    wide = np.random.default_rng(1).integers(0, 256, (8, 32), np.uint8)
    assert mse(wide[:, :16], wide[::-1, 1::2]) == mse(wide[:, :16].copy(), wide[::-1, 1::2].copy())


def test_mean() -> None:
    assert mean_psnr([255**2, 255**2 / 100]) == pytest.approx(10)
    assert math.isnan(mean_psnr([]))


@pytest.mark.parametrize("shape", [(2, 3), (0, 4)])
def test_what_cannot_be_compared(shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="cannot compare"):
        mse(np.zeros((0, 4), np.uint8), np.zeros(shape, np.uint8)[:0] if shape[0] == 0 else np.zeros(shape, np.uint8))


def test_all_planes_by_hand() -> None:
    noise = np.random.default_rng(2)
    shapes = (48, 64), (24, 32), (24, 32)
    a, b = ([noise.integers(0, 256, shape, np.uint8) for shape in shapes] for _ in range(2))
    errors = plane_errors(a, b)
    squared = [float(np.square(x.astype(float) - y).sum()) for x, y in zip(a, b, strict=True)]
    assert errors.psnr == pytest.approx(10 * np.log10(255**2 * (48 * 64 * 1.5) / sum(squared)), rel=1e-12)
    assert errors.psnr_y == pytest.approx(10 * np.log10(255**2 * 48 * 64 / squared[0]), rel=1e-12)


def test_planes_without_an_error_can_be_averaged() -> None:
    planes = [np.zeros((2, 2), np.uint8)] * 3
    assert (plane_errors(planes, planes).psnr, plane_errors(planes, planes).psnr_y) == (100, 100)
    with pytest.raises(ValueError, match="longer"):
        plane_errors(planes[:2], planes)
