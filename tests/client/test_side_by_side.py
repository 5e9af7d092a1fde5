"""Pictures side by side, with names, and parts of them enlarged."""

import numpy as np
import pytest

from ns_ray.client.side_by_side import Zoom, side_by_side
from ns_ray.errors import ConfigError
from ns_ray.picture.yuv import Yuv420


def grey(rows: int, columns: int, value: int) -> Yuv420:
    half = ((rows + 1) // 2, (columns + 1) // 2)
    return Yuv420(*(np.full(shape, value, np.uint8) for shape in ((rows, columns), half, half)))


@pytest.mark.parametrize(("rows", "columns"), [(1080, 1920), (120, 200), (65, 97), (8, 6), (1, 1)])
def test_names_are_written_in_the_corners_alone(rows, columns):
    left, right = grey(rows, columns, 90), grey(rows, columns, 160)
    both = side_by_side({"left": left, "a much longer name": right})
    assert both.y.shape == (rows, 2 * columns)
    assert both.u.shape == ((rows + 1) // 2, 2 * ((columns + 1) // 2))
    assert (left.y == 90).all(), "pictures that may be shown again stay as they are"
    if rows > 100:
        assert both.y[: rows // 10, :columns].max() > 200, "letters"
        assert both.y[: rows // 10, :columns].min() < 60, "a darker box behind them"
        assert (both.y[rows // 4 :, :columns] == 90).all()
        assert (both.y[rows // 4 :, columns:] == 160).all()
        assert not np.array_equal(both.y[: rows // 10, :columns] > 200, both.y[: rows // 10, columns:] > 200)


@pytest.mark.parametrize("times", [2, 3, 7])
@pytest.mark.parametrize("middle", [(None, None), (0, 0), (10_000, 10_000), (31, 17)])
def test_a_part_is_as_large_as_the_whole_and_made_of_its_samples(times, middle):
    y = np.arange(66 * 98, dtype=np.uint32).reshape(66, 98).astype(np.uint8)
    picture = Yuv420(y, y[:33, :49], y[33:, 49:])
    part = Zoom(times, *middle).of(picture)
    assert [plane.shape for plane in part.planes] == [plane.shape for plane in picture.planes]
    small = part.y[::times, ::times]
    found = [
        (top, left)
        for top in range(0, 66, 2)
        for left in range(0, 98, 2)
        if np.array_equal(y[top : top + small.shape[0], left : left + small.shape[1]], small)
    ]
    assert found
    assert np.array_equal(small.repeat(times, 0).repeat(times, 1)[:66, :98], part.y)


def test_a_zoom_is_read():
    assert Zoom.parse("3") == Zoom(3)
    assert Zoom.parse("2:960:540") == Zoom(2, 960, 540)
    for wrong in ("", "1", "2:3", "x", "2:-1:4", "2:3:4:5"):
        with pytest.raises(ConfigError, match="2:X:Y"):
            Zoom.parse(wrong)
