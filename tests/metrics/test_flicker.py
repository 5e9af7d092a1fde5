"""Flicker: the change of the error, not the error."""

import math

import numpy as np
import pytest

from ns_ray.metrics.flicker import Flicker


def test_an_error_that_stays_does_not_flicker_and_one_that_jumps_does():
    random = np.random.default_rng(1)
    originals = random.integers(40, 200, (3, 40, 24), np.uint8)
    flicker = Flicker()
    assert flicker.add(originals[0] + 9, originals[0]) is None
    assert flicker.add(originals[1] + 9, originals[1]) == 0
    assert flicker.add(originals[2] - 4, originals[2]) == 13


def test_it_is_the_root_of_the_mean_square():
    flicker, original = Flicker(), np.full((34, 10), 100, np.uint8)
    changed = original.copy()
    changed[33, :5] += 8
    flicker.add(original, original)
    assert flicker.add(changed, original) == pytest.approx(math.sqrt(5 * 64 / 340))


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="cannot compare"):
        Flicker().add(np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8))
