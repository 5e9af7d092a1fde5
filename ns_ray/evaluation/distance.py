"""Quality by the distance to the anchor."""

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ns_ray.evaluation.figures import share_kept

BOUNDS = (0, 1, 2, 4, 8, 16, 32, 64)
"""Distances from each of these up to the next are told of together; those from the last one on, too."""


def by_distance(
    frames: NDArray[np.int64],
    seen: NDArray[np.float64],
    bilinear: NDArray[np.float64],
    full: NDArray[np.float64],
) -> list[dict[str, Any]]:
    """Mean quality of the frames at each distance; what is before the first anchor is left out.

    Args:
        frames: int64 (shown frames,), how many frames ago the last anchor was; 0 at an anchor, -1 where there was none.
        seen: dB of what is shown.
        bilinear: dB of the frames that are merely upscaled.
        full: dB of super-resolution of all frames.

    Returns:
        For each of the `BOUNDS` that has frames: `from` and `to` (the last one, included), how many `frames`, and over
        them the means of `over_bilinear` and `full_over_bilinear`, and the share of the second that is `kept`.
    """
    ends = [*BOUNDS, max(BOUNDS[-1], int(frames.max(initial=0))) + 1]
    made = []
    for first, end in pairwise(ends):
        there = (frames >= first) & (frames < end)
        if there.any():
            gain, best = ((one - bilinear)[there].mean() for one in (seen, full))
            made.append(
                {
                    "from": first,
                    "to": end - 1,
                    "frames": int(there.sum()),
                    "over_bilinear": round(float(gain), 4),
                    "full_over_bilinear": round(float(best), 4),
                    "kept": share_kept(float(gain), float(best)),
                }
            )
    return made
