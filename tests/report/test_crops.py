"""Which frames and windows are shown."""

import numpy as np
import streams

from ns_ray.client.rebuild import HrFrame
from ns_ray.report.crops import WINDOW, crop, last_of_each, most_changed


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


def test_the_window_lies_where_most_changes():
    before = np.full((800, 1000), 90, np.uint8)
    after = before.copy()
    after[304:616, 400:816] += 5
    after[0:40, 0:40] = 255  # much, but in few places
    assert most_changed(before, after) == (400, 304, *WINDOW)
    assert most_changed(after, before) == (400, 304, *WINDOW)


def test_the_window_of_a_small_picture_is_all_of_it(tmp_path):
    before = np.zeros((65, 99), np.uint8)
    assert most_changed(before, before) == (0, 0, 98, 64)
    picture = streams.pictures(1)[0]
    found = crop(HrFrame(0, 0, picture, picture, "anchor"), picture, tmp_path)
    assert found.psnr == found.window_psnr == {"bicubic": 100, "enhanced": 100}
