"""Flicker: how much a picture's error changes from one frame to the next."""

import math

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]
_ROWS = 32  # rows at a time, to stay in cache


class Flicker:
    """Takes the frames of one stream in order.

    An error that stays where it is cannot be seen to flicker, however large; one that jumps whenever an anchor comes
    can. So the figure is the root mean square of the change of (picture - original), in levels of luma.
    """

    def __init__(self) -> None:
        """Start before the first frame."""
        self._last: NDArray[np.int16] | None = None

    def add(self, picture: Plane, original: Plane) -> float | None:
        """The figure of the next frame.

        Args:
            picture: luma, (height, width).
            original: luma of the same shape.

        Returns:
            None for the first frame.

        Raises:
            ValueError: the shapes differ.
        """
        if picture.shape != original.shape:
            raise ValueError(f"cannot compare {picture.shape} with {original.shape}")
        error = np.subtract(picture, original, dtype=np.int16)
        last, self._last = self._last, error
        if last is None:
            return None
        total = 0
        for top in range(0, len(error), _ROWS):
            change = error[top : top + _ROWS].astype(np.int32) - last[top : top + _ROWS]
            total += int(np.vdot(change, change))
        return math.sqrt(total / error.size)
