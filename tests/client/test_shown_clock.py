from fractions import Fraction

import pytest

from ns_ray.client.shown_clock import ShownClock
from ns_ray.video.packets import SidePacket

MS = Fraction(1, 1000)


def placed(times, rate=Fraction(25)):
    clock = ShownClock(MS, rate)
    both = [clock.place(pts) for pts in times]
    return [pts for pts, _ in both], [note for _, note in both if note]


@pytest.mark.parametrize("times", [[0, 40, 80], [3_600_000, 3_600_040, 3_700_000], [7, 8, 9]])
def test_times_stay_as_they_are(times):
    assert placed(times) == (times, [])


def test_what_begins_before_0_is_moved_there():
    times, notes = placed([-80, -40, 0, 50])
    assert times == [0, 40, 80, 130]
    assert len(notes) == 1


def test_times_that_go_back_follow_on():
    times, notes = placed([500, 540, 0, 40, 90])
    assert times == [500, 540, 580, 620, 670]
    assert "times went back by 0.540 s" in notes[0]


def test_what_lies_beside_moves_along():
    clock, base = ShownClock(MS, Fraction(25)), Fraction(1, 48_000)

    def beside(pts):
        return clock.beside(SidePacket(0, b"", pts, 960, True), base).pts

    clock.place(500)
    assert beside(23_712) == 23_712
    clock.place(540)
    clock.place(0)  # joined here: what came since the picture before is of either part
    assert beside(27_000) == 27_000
    assert beside(480) == 480 + 580 * 48
    clock.place(40)
    assert beside(1920) == 1920 + 580 * 48


def test_what_lies_beside_never_goes_back():
    """At the seam, what is left of one file's sound would overlap that of the next."""
    clock, base = ShownClock(MS, Fraction(25)), Fraction(1, 48_000)

    def beside(pts, track=0):
        return clock.beside(SidePacket(track, b"", pts, 960, True), base)

    clock.place(0)
    clock.place(40)
    assert beside(1900).pts == 1900
    assert beside(1900).pts == 1900
    clock.place(0)
    assert beside(3800).pts == 3800
    assert beside(-300) is None
    assert beside(-300, 1).pts == -300 + 80 * 48
    assert beside(660).pts == 660 + 80 * 48
