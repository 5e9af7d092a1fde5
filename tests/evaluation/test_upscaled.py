"""Bilinear as libyuv has it, by its definition."""

import numpy as np
import pytest

from ns_ray.evaluation.upscaled import upscaled
from ns_ray.picture.yuv import Yuv420


def test_outermost_samples_coincide():
    rng = np.random.default_rng(1)
    lr = Yuv420(*(rng.integers(0, 256, shape, np.uint8) for shape in ((6, 8), (3, 4), (3, 4))))
    hr = upscaled(lr, (24, 18), "libyuv")
    for small, large in zip(lr.planes, hr.planes, strict=True):
        rows, columns = (np.linspace(0, n - 1, 3 * n) for n in small.shape)
        top, left = (
            np.minimum(rows.astype(int), small.shape[0] - 2),
            np.minimum(columns.astype(int), small.shape[1] - 2),
        )
        down, right = (rows - top)[:, None], (columns - left)[None]
        a = small.astype(float)
        upper = a[top][:, left] * (1 - right) + a[top][:, left + 1] * right
        lower = a[top + 1][:, left] * (1 - right) + a[top + 1][:, left + 1] * right
        assert np.abs(upper * (1 - down) + lower * down - large).max() <= 0.51
        assert (large[0, 0], large[-1, -1]) == (small[0, 0], small[-1, -1])


@pytest.mark.parametrize("name", ["bilinear", "bicubic", "libyuv"])
def test_all_planes_have_the_size_of_the_original(name):
    lr = Yuv420(*(np.full(shape, 90, np.uint8) for shape in ((5, 7), (3, 4), (3, 4))))
    hr = upscaled(lr, (21, 15), name)
    assert [plane.shape for plane in hr.planes] == [(15, 21), (8, 11), (8, 11)]
    assert all((plane == 90).all() for plane in hr.planes)
