"""Images within a number of bytes, of an encoder that is but a curve."""

import pytest

from ns_ray.picture.coding import Coding
from ns_ray.picture.fitted import ENOUGH, fitted


class Curve:
    """Takes so many bytes at quality 50, and twice as many for so many points more."""

    def __init__(self, middle: float, doubling: float, rough: int = 0) -> None:
        self.middle, self.doubling, self.rough = middle, doubling, rough
        self.tried: list[int] = []

    def __call__(self, coding: Coding) -> bytes:
        self.tried.append(coding.quality)
        smooth = round(self.middle * 2 ** ((coding.quality - 50) / self.doubling))
        return bytes(smooth + coding.quality % 2 * self.rough)


def test_without_a_limit_it_is_encoded_once_at_its_quality():
    curve = Curve(2000, 20)
    assert len(fitted(curve, Coding("av1", 60))) == round(2000 * 2**0.5)
    assert curve.tried == [60]


@pytest.mark.parametrize("quality", [30, 40, 60, 95])
def test_a_limit_that_is_not_reached_lowers_nothing(quality):
    curve = Curve(2000, 20)
    assert len(fitted(curve, Coding("av1", quality, 10**6))) == len(Curve(2000, 20)(Coding("av1", quality)))
    assert max(curve.tried) == curve.tried[-1] == quality


@pytest.mark.parametrize("doubling", [14, 18, 22, 27])
@pytest.mark.parametrize("limit", [1200, 2500, 7000])
@pytest.mark.parametrize("rough", [0, 100])
def test_a_limit_is_nearly_used_and_never_passed(doubling, limit, rough):
    curve = Curve(3000, doubling, rough)
    size = len(fitted(curve, Coding("av1", 95, limit)))
    assert (ENOUGH if not rough else 0.85) * limit <= size <= limit
    assert len(curve.tried) == len(set(curve.tried)) <= 5


def test_usual_curves_take_two_encodings():
    for doubling in (21, 22, 23):
        curve = Curve(4000, doubling)
        fitted(curve, Coding("av1", 95, 5000))
        assert len(curve.tried) == 2


def test_where_nothing_fits_the_smallest_is_taken():
    curve = Curve(3000, 30)
    assert len(fitted(curve, Coding("jpeg", 90, 10))) == len(Curve(3000, 30)(Coding("jpeg", 1)))
    assert curve.tried == [40, 1]


def test_the_same_picture_gives_the_same_image():
    images = [fitted(Curve(3000, 25, 40), Coding("av1", 80, 2000)) for _ in range(2)]
    assert images[0] == images[1]


def test_what_is_expected_is_tried_first():
    curve = Curve(3000, 14)
    expected = [3000 * 2 ** ((quality - 50) / 14) for quality in range(1, 101)]
    size = len(fitted(curve, Coding("jpeg-residual", 95, 1500), expected))
    assert ENOUGH * 1500 <= size <= 1500
    assert len(curve.tried) == 1


@pytest.mark.parametrize("wrong", [0.7, 1.3])
def test_what_is_expected_wrongly_is_put_right_by_the_first_try(wrong):
    curve = Curve(3000, 14)
    expected = [wrong * 3000 * 2 ** ((quality - 50) / 14) for quality in range(1, 101)]
    size = len(fitted(curve, Coding("jpeg-residual", 95, 1500), expected))
    assert ENOUGH * 1500 <= size <= 1500
    assert len(curve.tried) == 2


def test_qualities_that_give_the_same_image_are_not_tried():
    """Where steps are coarse: 60 takes too little to be content, 61 to 69 take as much, 70 too much."""
    tried = []

    def encode(coding: Coding) -> bytes:
        tried.append(coding.quality)
        return bytes(900 if coding.quality < 70 else 1200)

    assert len(fitted(encode, Coding("jpeg-residual", 95, 1000), [900.0] * 69 + [1200.0] * 31)) == 900
    assert len(tried) == 1
