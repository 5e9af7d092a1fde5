"""JPEG 2000 of the published sizes."""

import numpy as np
import pytest
from PIL import features

from ns_ray.errors import ConfigError
from ns_ray.evaluation.jpeg2000 import BITS_A_PIXEL, decode_j2k, encode_j2k, j2k_quality_for
from ns_ray.evaluation.method import ImageCodec
from ns_ray.metrics.psnr import mse

PUBLISHED_KB = {80: 405, 85: 608, 90: 810, 95: 1200}


def test_a_quality_is_the_rate_of_the_published_sizes():
    rng = np.random.default_rng(0)
    rgb = np.cumsum(rng.integers(-9, 10, (192, 256, 3)), axis=1).clip(-120, 120).astype(np.int16) + 128
    rgb = rgb.astype(np.uint8)
    errors = []
    for quality, size in PUBLISHED_KB.items():
        image = encode_j2k(rgb, quality)
        assert len(image) == pytest.approx(size * 1024 * rgb.shape[0] * rgb.shape[1] / (3840 * 2160), rel=0.03)
        picture = decode_j2k(image)
        assert picture.shape == rgb.shape
        errors.append(mse(picture, rgb))
    assert errors == sorted(errors, reverse=True)
    assert encode_j2k(rgb, 90) == encode_j2k(rgb, 90)


def test_published_qualities_by_share():
    assert [j2k_quality_for(share) for share in (0.01, 0.05, 0.075, 0.1, 0.15)] == [95, 95, 95, 90, 85]
    assert [ImageCodec.published("jpeg", share).quality for share in (0.05, 0.075, 0.1)] == [95, 90, 88]
    assert set(BITS_A_PIXEL) == set(PUBLISHED_KB)


def test_what_is_not_known_is_refused(monkeypatch):
    rgb = np.zeros((8, 8, 3), np.uint8)
    with pytest.raises(ConfigError, match=r"0\.2: choose 0\.\.0\.15"):
        j2k_quality_for(0.2)
    with pytest.raises(ConfigError, match="quality 50"):
        encode_j2k(rgb, 50)
    monkeypatch.setattr(features, "check", lambda feature: False)
    with pytest.raises(ConfigError, match="OpenJPEG"):
        encode_j2k(rgb, 90)
