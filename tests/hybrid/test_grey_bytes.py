"""What grey JPEG will take, against what it takes."""

import numpy as np
import pytest

from ns_ray.hybrid.anchor_picture import encode_image
from ns_ray.hybrid.grey_bytes import QUALITIES, STEPS, counts, expected_bytes
from ns_ray.hybrid.grey_jpeg import FINEST, encode_grey, step_of
from ns_ray.picture.coding import Coding


@pytest.fixture(scope="module")
def plane():
    """Noise whose strength differs from place to place, as a residual's does."""
    rng = np.random.default_rng(3)
    strength = np.kron(rng.gamma(0.3, 12, (30, 40)), np.ones((16, 16)))
    smooth = rng.normal(0, 1, strength.shape)
    smooth = (smooth + np.roll(smooth, 1, 0) + np.roll(smooth, 1, 1)) / 2
    return np.clip(128 + smooth * strength, 0, 255).astype(np.uint8)


def test_bytes_are_foretold(plane):
    expected = expected_bytes(plane.shape, counts(plane))
    for quality in (10, 30, 50, 70, 86):
        assert expected[quality - 1] == pytest.approx(len(encode_grey(plane, quality)), rel=0.12)


def test_qualities_of_one_step_are_expected_to_take_the_same(plane):
    expected = dict(zip(QUALITIES, expected_bytes(plane.shape, counts(plane)), strict=True))
    for quality in range(1, 91):
        assert step_of(quality) >= FINEST
        same = step_of(quality) == step_of(quality + 1)
        assert (expected[quality] == expected[quality + 1]) == (same or step_of(quality + 1) < STEPS[0])


@pytest.mark.parametrize("share", [0.15, 0.4, 0.7])
def test_an_image_keeps_to_its_limit(plane, share):
    limit = round(share * len(encode_grey(plane, 80)))
    assert 0.8 * limit <= len(encode_image(plane, Coding("jpeg-residual", 80, limit))) <= limit


def test_a_plane_without_anything_has_an_image(plane):
    grey = np.full((9, 21), 128, np.uint8)
    assert len(encode_image(grey, Coding("jpeg-residual", 80, 1000))) == len(encode_grey(grey, 80))
