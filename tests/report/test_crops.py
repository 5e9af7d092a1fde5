"""Which frames and windows are shown."""

import numpy as np
import pytest
import streams

from ns_ray.client.rebuild import HrFrame
from ns_ray.report.crops import WINDOW, crop, last_of_each, lettering, most_changed


def frames(kinds: str):
    """`a` is an anchor, `r` is rebuilt, `!` must not be asked for."""
    picture = streams.pictures(1)[0]
    for number, kind in enumerate(kinds):
        assert kind != "!", "a frame more than is needed"
        yield HrFrame(number, number, picture, picture, "anchor" if kind == "a" else "rebuilt"), number


def numbers(kinds: str, wanted: range) -> list[int]:
    return [number for _, number in last_of_each(frames(kinds), wanted)]


def test_a_rebuilt_frame_of_the_range_and_the_anchor_before_it():
    assert numbers("arraar!", range(5, 9)) == [5, 4]
    assert numbers("arraaar!", range(3, 9)) == [6, 5]


def test_what_there_is_where_there_is_less():
    assert numbers("arra", range(8, 12)) == [2, 3]
    assert numbers("aaaa!", range(2, 4)) == [3]
    assert numbers("rrr!", range(2, 4)) == [2]
    assert numbers("", range(2, 4)) == []


@pytest.fixture
def planes():
    """Two planes that differ a little in one window, and much in few places; and no lettering."""
    before = np.full((800, 1000), 90, np.uint8)
    after = before.copy()
    after[304:604, 400:800] += 5
    after[0:40, 0:40] = 255
    return before, after, np.zeros(before.shape, bool)


def test_the_window_lies_where_most_changes(planes):
    before, after, signs = planes
    assert most_changed(before, after, signs) == (400, 304, *WINDOW)
    assert most_changed(after, before, signs) == (400, 304, *WINDOW)


def test_windows_with_lettering_are_left_out(planes):
    before, after, signs = planes
    after[0:300, 0:400] = 92
    signs[304:604:4, 400:800] = True
    assert most_changed(before, after, signs) == (0, 0, *WINDOW)
    signs[::4] = True  # everywhere
    assert most_changed(before, after, signs)[:2] == (400, 304)


def test_lettering_is_what_is_sharp_and_stands_still():
    lr = np.full((30, 40), 90, np.uint8)
    lr[10:20, 10:20] = 200  # a sign
    lr[10:20, 30] = 200  # passes by
    before = lr + np.uint8(4)  # as codecs have it
    before[:, 30] = 90
    found = lettering(lr, before, (60, 80))
    assert found[20:40, 20:22].all()
    assert not found[24:38, 24:38].any()
    assert not found[:, 60:62].any()
    assert not lettering(lr, None, (60, 80)).any()
    assert not lettering(lr, before[:20], (60, 80)).any()


def test_the_window_of_a_small_picture_is_all_of_it(tmp_path):
    before = np.zeros((65, 99), np.uint8)
    assert most_changed(before, before, before.astype(bool)) == (0, 0, 98, 64)
    picture = streams.pictures(1)[0]
    found = crop(HrFrame(0, 0, picture, picture, "anchor"), picture, None, tmp_path)
    assert found.psnr == found.window_psnr == {"bicubic": 100, "enhanced": 100}
