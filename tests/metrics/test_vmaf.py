"""VMAF by FFmpeg, and what happens where FFmpeg fails."""

from fractions import Fraction

import numpy as np
import pytest

from ns_ray.errors import MediaError
from ns_ray.metrics.vmaf import Vmaf, models
from ns_ray.picture.yuv import Yuv420

SIZE = 240, 180


def picture(number: int, noise: float) -> Yuv420:
    waves = 120 + 60 * np.sin((np.arange(SIZE[0])[None] + 3 * np.arange(SIZE[1])[:, None]) / 7 + number / 50)
    luma = waves + np.random.default_rng(number).normal(0, noise, waves.shape)
    chroma = np.full((SIZE[1] // 2, SIZE[0] // 2), 128, np.uint8)
    return Yuv420(np.clip(luma, 0, 255).astype(np.uint8), chroma, chroma)


def scores(noise: float, frames: int = 4) -> dict[str, list[float]]:
    with Vmaf(SIZE, Fraction(60)) as vmaf:
        for number in range(frames):
            vmaf.add(picture(number, noise), picture(number, 0))
        return vmaf.scores()


def test_each_pair_has_a_score_and_noise_lowers_it():
    clean, noisy = scores(0), scores(25)
    assert set(clean) == set(noisy) == {"vmaf_v1", "vmaf_neg"}
    for name, values in clean.items():
        assert len(values) == len(noisy[name]) == 4
        assert min(values) > max(noisy[name]) + 10


def test_models_follow_size_and_frame_rate():
    assert models(1080, Fraction(30))["vmaf_v1"] == "vmaf_v1.0.16_3d0h"
    assert models(1080, Fraction(60))["vmaf_v1"] == "vmaf_v1.0.16_hfr_3d0h"
    assert models(2160, Fraction(60))["vmaf_v1"] == "vmaf_v1.0.16_hfr_1d5h_2160"


def test_pictures_that_are_too_small_are_refused():
    with pytest.raises(MediaError, match="192x144: 216 columns"):
        Vmaf((192, 144), Fraction(60))


def test_a_death_of_ffmpeg_is_an_error_not_a_hang():
    with pytest.raises(MediaError, match="VMAF cannot be measured"), Vmaf(SIZE, Fraction(60)) as vmaf:
        vmaf._process.kill()
        for number in range(100):
            vmaf.add(picture(number, 0), picture(number, 0))


def test_leaving_early_ends_ffmpeg():
    with Vmaf(SIZE, Fraction(60)) as vmaf:
        vmaf.add(picture(0, 0), picture(0, 0))
    assert vmaf._process.returncode is not None
