"""Times in a file whose unit is not that of its tracks, such that every track's own ticks can be told again."""

from collections.abc import Iterable, Sequence
from fractions import Fraction

_NANOSECONDS = 1_000_000_000
_DECADES = (100_000, 10_000, 1_000, 100, 10, 1)
_UNITS = [1_000_000, *(digit * decade for decade in _DECADES for digit in (5, 2, 1))]


def unit_for(time_bases: Iterable[Fraction]) -> int:
    """Nanoseconds of the unit in which times of all these time bases (seconds a tick) keep apart.

    It is a millisecond, or the longest of 500, 200, 100, 50, ... microseconds that is shorter than each tick or a
    whole part of it: then the nearest unit is less than half a tick away, or none. Nothing is finer than a nanosecond.
    """
    ticks = [base * _NANOSECONDS for base in time_bases]
    return next((unit for unit in _UNITS if all(unit < tick or tick % unit == 0 for tick in ticks)), 1)


def to_units(ticks: int, time_base: Fraction, unit: int) -> int:
    """A time in ticks as the nearest number of units (of so many nanoseconds)."""
    return _nearest(ticks * time_base.numerator * _NANOSECONDS, time_base.denominator * unit)


def to_ticks(seconds: Fraction, time_base: Fraction) -> int:
    """A time in seconds, told by a file, as the nearest number of ticks."""
    return _nearest(seconds.numerator * time_base.denominator, seconds.denominator * time_base.numerator)


def is_steady(times: Sequence[int], step: Fraction, slack: Fraction = Fraction(1)) -> bool:
    """Whether times in rising order are one step apart, each to within `slack`."""
    parts = step.denominator
    return all(abs((time - times[0]) * parts - at * step.numerator) <= slack * parts for at, time in enumerate(times))


def _nearest(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)
