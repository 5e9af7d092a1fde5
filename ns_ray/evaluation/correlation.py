"""How well one figure tells another."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_FEWEST = 3
"""Pairs that a coefficient is told of; any two lie on a line."""

Values = NDArray[Any]
"""Numbers (n,)."""


def pearson(a: Values, b: Values) -> float | None:
    """Pearson's coefficient, -1..1; None for fewer than 3 pairs, or where one of the two never changes."""
    if len(a) < _FEWEST or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return round(float(np.corrcoef(a, b)[0, 1]), 4)


def spearman(a: Values, b: Values) -> float | None:
    """Spearman's coefficient: Pearson's, of the ranks; equal values share their mean rank."""
    return pearson(_ranks(a), _ranks(b))


def correlations(a: Values, b: Values) -> dict[str, float | int | None]:
    """Both, and of how many pairs, as JSON has them."""
    return {"pairs": len(a), "pearson": pearson(a, b), "spearman": spearman(a, b)}


def _ranks(values: Values) -> NDArray[np.float64]:
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    means: NDArray[np.float64] = counts.cumsum() - (counts - 1) / 2
    return means[which]
