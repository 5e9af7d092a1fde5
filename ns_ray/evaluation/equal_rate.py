"""What a way to send video would show at the rate of another one."""

import math
from collections.abc import Iterable
from itertools import pairwise


def at_rate(points: Iterable[tuple[float, float]], rate: float) -> float | None:
    """A figure at a rate, between the measured ones straight over the logarithm of the rate.

    Args:
        points: (rate, figure), rates above 0 and all different, in any order.
        rate: in the same unit.

    Returns:
        None outside of what was measured.
    """
    known = sorted(points)
    for (low, below), (high, above) in pairwise(known):
        if low <= rate <= high:
            share = math.log(rate / low) / math.log(high / low)
            return below + share * (above - below)
    return None
