"""Quality by the distance to the anchor."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ns_ray.evaluation.figures import share_kept

BOUNDS = (0, 1, 2, 4, 8, 16, 32, 64)
"""Distances from each of these up to the next are told of together; those from the last one on, too."""
SPANS = (*(str(a) if b == a + 1 else f"{a}-{b - 1}" for a, b in pairwise(BOUNDS)), f"{BOUNDS[-1]}+")
"""Their names."""


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
        For each of the `SPANS` that has frames: its name (`since`), how many `frames`, and over them the means of
        `over_bilinear` and `full_over_bilinear`, and the share of the second that is `kept`.
    """
    made = []
    for span, first, end in zip(SPANS, BOUNDS, (*BOUNDS[1:], math.inf), strict=True):
        there = (frames >= first) & (frames < end)
        if there.any():
            gain, best = ((one - bilinear)[there].mean() for one in (seen, full))
            made.append(
                {
                    "since": span,
                    "frames": int(there.sum()),
                    "over_bilinear": round(float(gain), 4),
                    "full_over_bilinear": round(float(best), 4),
                    "kept": share_kept(float(gain), float(best)),
                }
            )
    return made
