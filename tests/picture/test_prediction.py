"""The prediction of anchors: to the bit what docs/hybrid-format.md says, written down here once more, plainly."""

import numpy as np
import pytest

from ns_ray.picture.prediction import WEIGHTS, predicted, with_residual
from ns_ray.picture.yuv import Yuv420

SIZES = [(1, 1), (2, 5), (7, 3), (9, 12)]


def picture(rows: int, columns: int, seed: int = 0) -> Yuv420:
    noise = np.random.default_rng(seed)
    sizes = (rows, columns), ((rows + 1) // 2, (columns + 1) // 2), ((rows + 1) // 2, (columns + 1) // 2)
    return Yuv420(*(noise.choice(np.array([0, 3, 90, 128, 250, 255], np.uint8), size) for size in sizes))


def plainly(plane, scale, rows, columns):
    """One sample after the other, in Python's own integers."""
    height, width = plane.shape
    made = np.empty((rows, columns), np.uint8)
    for y in range(rows):
        for x in range(columns):
            total = 0
            for j, down in enumerate(WEIGHTS[scale][y % scale]):
                for i, across in enumerate(WEIGHTS[scale][x % scale]):
                    row = min(max(y // scale + j - 3, 0), height - 1)
                    column = min(max(x // scale + i - 3, 0), width - 1)
                    total += down * across * int(plane[row, column])
            made[y, x] = min(max((total + 2048) // 4096, 0), 255)
    return made


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
@pytest.mark.parametrize("size", SIZES)
def test_prediction_is_what_the_format_says(size, scale):
    lr = picture(*size)
    rows, columns = size[0] * scale, size[1] * scale
    made = predicted(lr, scale)
    assert np.array_equal(made.y, plainly(lr.y, scale, rows, columns))
    for plane, source in ((made.u, lr.u), (made.v, lr.v)):
        assert np.array_equal(plane, plainly(source, scale, (rows + 1) // 2, (columns + 1) // 2))


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_flat_pictures_stay_flat_and_weights_fit_16_bits(scale):
    lr = Yuv420(*(np.full(size, level, np.uint8) for size, level in (((6, 8), 255), ((3, 4), 0), ((3, 4), 128))))
    assert [set(plane.ravel().tolist()) for plane in predicted(lr, scale).planes] == [{255}, {0}, {128}]
    assert all(sum(phase) == 64 and sum(map(abs, phase)) <= 128 for phase in WEIGHTS[scale])
    assert WEIGHTS[scale] == tuple(phase[::-1] for phase in reversed(WEIGHTS[scale]))


def test_planes_may_be_views_of_a_decoders_memory():
    lr = picture(12, 18)
    wide = Yuv420(*(np.hstack([plane, plane])[:, : plane.shape[1]] for plane in lr.planes))
    turned = Yuv420(*(np.ascontiguousarray(plane.T).T for plane in lr.planes))
    for view in (wide, turned):
        assert all(map(np.array_equal, predicted(view, 3).planes, predicted(lr, 3).planes))


def test_a_residual_is_added_and_clipped():
    lr = picture(5, 6)
    prediction = predicted(lr, 2)
    for level in (0, 127, 128, 129, 255):
        made = with_residual(lr, Yuv420(*(np.full_like(plane, level) for plane in prediction.planes)), 2)
        for plane, before in zip(made.planes, prediction.planes, strict=True):
            assert np.array_equal(plane, np.clip(before.astype(int) + level - 128, 0, 255))
