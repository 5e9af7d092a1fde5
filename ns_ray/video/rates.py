"""A video's frame rate, told from when its pictures are shown."""

import statistics
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

STANDARD = [
    *(Fraction(n * 1000, d) for n in (24, 25, 30, 48, 50, 60, 90, 100, 120, 144, 240) for d in (1000, 1001)),
    *(Fraction(n) for n in (5, 10, 12, 15, 20)),
    Fraction(25, 2),
    Fraction(15000, 1001),
]
ASSUMED = Fraction(30)
_ACCURACY = Fraction(1, 1000)  # seconds; many times come from clocks of milliseconds, whatever the ticks
_NEAR = Fraction(1, 100)  # of a rate, within which a container is believed
_LOWEST, _HIGHEST = Fraction(1, 1000), Fraction(1000)
_REGULAR = Fraction(9, 10)  # of the intervals of a video of constant rate, some of whose frames may be missing


def nearest(rate: Fraction, accuracy: Fraction) -> Fraction:
    """The standard rate next to `rate`, if it is as near as `accuracy` (relative); else `rate` itself."""
    known = min(STANDARD, key=lambda standard: abs(standard - rate))
    return known if abs(rate / known - 1) <= accuracy else rate


def measured_rate(times: Sequence[int], time_base: Fraction, whole: Fraction | None = None) -> Fraction | None:
    """Frames a second by the times of consecutive pictures.

    Where all but a few come at the same interval, to the accuracy of clocks, the rate is what that interval says, a
    standard one if near; else it is the average.

    Args:
        times: of pictures, in the order they come, in ticks; those that go back or repeat count for nothing.
        time_base: seconds a tick.
        whole: the average over the whole video, where that is known.

    Returns:
        The rate, None where there are too few times to tell, or they tell of no video.
    """
    steps = [(b - a) * time_base for a, b in pairwise(times) if b > a]
    if not steps:
        return None
    accuracy = max(time_base, _ACCURACY)
    middle = statistics.median_low(steps)
    regular = [step for step in steps if abs(step - middle) <= accuracy]
    if len(regular) >= _REGULAR * len(steps):
        steps = regular
    elif whole is not None:
        return whole
    span = sum(steps, Fraction(0))
    rate = nearest(len(steps) / span, 2 * accuracy / span).limit_denominator(1001)
    return rate if _LOWEST <= rate <= _HIGHEST else None


def believable(rate: Fraction | None, time_base: Fraction) -> Fraction | None:
    """A container's rate; None where it is none, absurd, or only the ticks of its clock."""
    if rate is None or not _LOWEST <= rate <= _HIGHEST or (rate == 1 / time_base and rate > max(STANDARD)):
        return None
    return rate


def frame_rate(
    stated: Fraction | None, measured: Fraction | None, guessed: Fraction | None = None
) -> tuple[Fraction, str]:
    """The rate to go by, and what is to be said of it (empty where nothing).

    Args:
        stated: what the container says, where that can be believed.
        measured: what times say, where there are any.
        guessed: what is taken where neither is known.
    """
    if measured is None:
        known = stated or guessed
        return (known, "") if known else (ASSUMED, f"its frame rate cannot be told: {ASSUMED} frames/s are assumed")
    if stated is None:
        return measured, ""
    if abs(measured / stated - 1) <= _NEAR:  # one of both may be rounded
        return (measured if measured in STANDARD and stated not in STANDARD else stated), ""
    return measured, f"its container says {float(stated):.4g} frames/s, its times {float(measured):.4g}: times count"
