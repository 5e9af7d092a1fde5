"""Frame rates told from times."""

import random
from fractions import Fraction

import pytest

from ns_ray.video.rates import ASSUMED, STANDARD, believable, frame_rate, measured_rate

MS = Fraction(1, 1000)
NTSC = Fraction(30000, 1001)


@pytest.mark.parametrize("base", [MS, Fraction(1, 90000), Fraction(1, 15360), Fraction(1, 10**9)])
@pytest.mark.parametrize("rate", [Fraction(25), NTSC, Fraction(30), Fraction(50), Fraction(60000, 1001), Fraction(60)])
def test_constant_rates_are_told_from_rounded_times(rate, base):
    assert measured_rate([round(i / rate / base) for i in range(240)], base) == rate


def test_a_clock_of_milliseconds_behind_finer_ticks_is_seen_through():
    assert measured_rate([round(i * 1000 / 30) * 16 for i in range(40)], Fraction(1, 16000)) == 30


def test_missing_frames_and_pauses_leave_a_constant_rate_as_it_is():
    times = [round(i * 1000 / 30) + (60_000 if i > 70 else 0) for i in range(120) if i not in (20, 21, 50)]
    assert measured_rate(times, MS) == 30


def test_times_that_begin_again_count_for_nothing():
    assert measured_rate([round(i % 50 * 1000 / 30) for i in range(200)], MS) == 30


def test_of_a_variable_rate_the_average_counts():
    random.seed(3)
    times = [0]
    for _ in range(200):
        times.append(times[-1] + random.randint(15, 75))
    rate = measured_rate(times, MS)
    assert rate == pytest.approx(200_000 / times[-1], rel=1e-3)
    assert rate.denominator <= 1001
    assert measured_rate(times, MS, Fraction(19)) == 19


def test_nothing_can_be_told_from_one_time():
    assert measured_rate([5], MS) is None
    assert measured_rate([], MS) is None
    assert measured_rate([7, 7, 7], MS) is None
    assert measured_rate([0, 2_000_000], MS) is None, "half an hour a frame"
    assert measured_rate([0, 1, 2, 3], Fraction(1, 90000)) is None


def test_what_a_container_says_counts_where_times_agree():
    assert frame_rate(NTSC, Fraction(30)) == (NTSC, "")
    assert frame_rate(Fraction(40000, 1333), Fraction(30)) == (30, "")
    rate, note = frame_rate(Fraction(60), Fraction(30))
    assert (rate, note) == (30, "its container says 60 frames/s, its times 30: times count")
    assert frame_rate(None, Fraction(24)) == (24, "")
    assert frame_rate(None, None, Fraction(25)) == (25, "")
    rate, note = frame_rate(None, None)
    assert rate == ASSUMED
    assert "assumed" in note


def test_ticks_are_no_rate():
    assert believable(Fraction(1000), MS) is None
    assert believable(Fraction(90000), Fraction(1, 90000)) is None
    assert believable(Fraction(0), MS) is None
    assert believable(None, MS) is None
    assert believable(Fraction(24), Fraction(1, 24)) == 24
    assert len(set(STANDARD)) == len(STANDARD)
