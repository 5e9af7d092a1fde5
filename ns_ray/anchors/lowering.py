"""By what the fractions of all streams are lowered where there is no time for all of their anchors."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Lowering(NamedTuple):
    """One for all streams of a plan.

    Attributes:
        factor: 0..1, what every fraction is multiplied by.
        floor: 0..1, anchors a shown frame that none falls below by that; a smaller fraction stays as it is.
    """

    factor: float = 1.0
    floor: float = 0.0

    def of(self, fractions: NDArray[np.float64]) -> NDArray[np.float64]:
        """What fractions become: float64, of the same shape."""
        lowered: NDArray[np.float64] = np.maximum(np.minimum(fractions, self.floor), self.factor * fractions)
        return lowered


NOT_LOWERED = Lowering()
