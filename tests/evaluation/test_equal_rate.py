"""Figures between measured rates."""

import math

import pytest

from ns_ray.evaluation.equal_rate import at_rate


def test_between_points_it_runs_straight_over_the_logarithm():
    points = [(16.0, 40.0), (1.0, 30.0), (4.0, 36.0)]
    assert at_rate(points, 2) == pytest.approx(33)
    assert at_rate(points, 4) == pytest.approx(36)
    assert at_rate(points, 4 * math.sqrt(4)) == pytest.approx(38)


@pytest.mark.parametrize("rate", [0.5, 17.0])
def test_outside_nothing_is_told(rate):
    assert at_rate([(1.0, 30.0), (16.0, 40.0)], rate) is None
    assert at_rate([], rate) is None
