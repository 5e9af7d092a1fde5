"""Which frames and windows are shown."""

import numpy as np
import pytest
import streams

from ns_ray.client.rebuild import HrFrame
from ns_ray.report.crops import WINDOW, crop, last_of_each, most_changed, still


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
    """Two planes that differ a little in one window, and much in few places; and that nothing stands still."""
    before = np.full((800, 1000), 90, np.uint8)
    after = before.copy()
    after[304:604, 400:800] += 5
    after[0:40, 0:40] = 255
    return before, after, np.zeros(before.shape, bool)


def test_the_window_lies_where_most_changes(planes):
    before, after, unmoved = planes
    assert most_changed(before, after, unmoved) == (400, 304, *WINDOW)
    assert most_changed(after, before, unmoved) == (400, 304, *WINDOW)


def test_what_stands_still_is_not_shown(planes):
    before, after, unmoved = planes
    lettering = np.s_[304:604:8, 400:800]
    after[lettering] = 255
    assert most_changed(before, after, unmoved)[:2] == (400, 304)
    after[0:300, 0:400] = 92
    unmoved[304:604, 400:800] = True
    assert most_changed(before, after, unmoved) == (0, 0, *WINDOW)
    unmoved[:] = True
    assert most_changed(before, after, unmoved)[:2] == (400, 304), "all stands still"
    unmoved[100:110, 0:10] = False
    assert most_changed(before, after, unmoved)[:2] == (0, 0), "all but little"


def test_still_is_what_the_codec_left_as_it_was():
    lr = np.arange(12, dtype=np.uint8).reshape(3, 4)
    before = lr.copy()
    before[0, 0] = 99
    found = still(lr, before, (6, 8))
    assert not found[:2, :2].any()
    assert found.sum() == 6 * 8 - 4
    assert not still(lr, None, (6, 8)).any()
    assert not still(lr, before[:2], (6, 8)).any()


def test_the_window_of_a_small_picture_is_all_of_it(tmp_path):
    before = np.zeros((65, 99), np.uint8)
    assert most_changed(before, before, before.astype(bool)) == (0, 0, 98, 64)
    picture = streams.pictures(1)[0]
    found = crop(HrFrame(0, 0, picture, picture, "anchor"), picture, None, tmp_path)
    assert found.psnr == found.window_psnr == {"bicubic": 100, "enhanced": 100}
