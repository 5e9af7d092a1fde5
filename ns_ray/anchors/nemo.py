"""NEMO's selection (MobiCom 2020), the oracle: anchors chosen by the quality that each would give, measured beforehand.

It needs every frame super-resolved and the original, and each GOP rebuilt once a frame: no live stream can have it. It
tells how much of what anchors can give a selection by codec-level information finds.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ns_ray.errors import SelectionError


def greedy(qualities: NDArray[np.float64], floor: NDArray[np.float64], count: int) -> tuple[list[int], list[float]]:
    """Choose anchors one by one, always the one that adds most to the sum of the frames' qualities.

    A frame has the quality that the best of the chosen anchors gives it, as if others did not help: that is how NEMO
    reckons, so that one rebuilding a candidate is enough (published-scripts.md, "Selection").

    Args:
        qualities: float64 (candidates, frames), dB that each frame has with one candidate as the only anchor.
        floor: float64 (frames,), dB without any.
        count: how many; fewer where there are fewer candidates, or none adds anything.

    Returns:
        The chosen candidates, best first, and what each added to the sum, in dB.

    Raises:
        SelectionError: shapes do not fit, or a value is not finite.
    """
    if qualities.ndim != 2 or floor.shape != qualities.shape[1:]:
        raise SelectionError(f"qualities of shape {qualities.shape} do not fit a floor of shape {floor.shape}")
    if not (np.isfinite(qualities).all() and np.isfinite(floor).all()):
        raise SelectionError("qualities must be finite; cap those of frames that are equal to the original")
    current = floor.copy()
    chosen: list[int] = []
    added: list[float] = []
    for _ in range(min(count, len(qualities))):
        gains = np.maximum(qualities - current, 0.0).sum(axis=1)
        best = int(gains.argmax())
        if gains[best] <= 0.0:
            break
        chosen.append(best)
        added.append(float(gains[best]))
        current = np.maximum(current, qualities[best])
    return chosen, added


def merged(added: Sequence[Sequence[float]], count: int) -> list[int]:
    """How many anchors each stream, or each GOP, gets where they share them: the greatest gains of all.

    Args:
        added: for each stream what its anchors add, as `greedy` tells it: never rising.
        count: anchors of all streams together.

    Returns:
        For each stream so many of its anchors, the best ones; equal gains go to the earlier stream.
    """
    order = sorted((-gain, stream, place) for stream, gains in enumerate(added) for place, gain in enumerate(gains))
    taken = [0] * len(added)
    for _, stream, _ in order[: max(0, count)]:
        taken[stream] += 1
    return taken
