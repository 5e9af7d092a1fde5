"""NEMO's greedy against all choices there are, on small made-up qualities."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ns_ray.anchors.nemo import greedy, merged
from ns_ray.errors import SelectionError


def total(qualities, floor, chosen):
    return np.maximum(floor, qualities[list(chosen)].max(axis=0, initial=-np.inf)).sum()


def test_by_hand():
    floor = np.array([30.0, 30.0, 30.0])
    qualities = np.array([[32.0, 31.5, 30.0], [30.0, 33.0, 32.0], [30.0, 29.0, 32.5]])
    chosen, added = greedy(qualities, floor, 3)
    assert chosen == [1, 0, 2]
    assert added == [5.0, 2.0, 0.5]


def test_what_adds_nothing_is_not_chosen():
    floor = np.array([30.0, 30.0])
    assert greedy(np.array([[29.0, 30.0], [31.0, 30.0]]), floor, 2) == ([1], [1.0])
    assert greedy(np.empty((0, 2)), floor, 2) == ([], [])


@given(st.integers(1, 5), st.integers(1, 4), st.integers(0, 3), st.integers(0, 2**32 - 1))
def test_never_far_below_the_best_choice(candidates, frames, count, seed):
    rng = np.random.default_rng(seed)
    floor = rng.uniform(28, 32, frames)
    qualities = rng.uniform(27, 40, (candidates, frames))
    chosen, added = greedy(qualities, floor, count)
    assert added == sorted(added, reverse=True)
    assert floor.sum() + sum(added) == pytest.approx(total(qualities, floor, chosen))
    best = max(total(qualities, floor, some) for some in combinations(range(candidates), min(count, candidates)))
    assert sum(added) >= (1 - 1 / np.e) * (best - floor.sum()) - 1e-9  # what a greedy is sure of: gains diminish


def test_streams_share_the_greatest_gains():
    assert merged([[5.0, 2.0, 0.5], [3.0, 2.5], []], 4) == [2, 2, 0]
    assert merged([[1.0], [1.0]], 1) == [1, 0]
    assert merged([[1.0]], 0) == [0]


def test_what_does_not_fit_is_refused():
    with pytest.raises(SelectionError, match="do not fit"):
        greedy(np.zeros((2, 3)), np.zeros(2), 1)
    with pytest.raises(SelectionError, match="finite"):
        greedy(np.full((1, 1), np.inf), np.zeros(1), 1)
