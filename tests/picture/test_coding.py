import pytest

from ns_ray.errors import ConfigError
from ns_ray.picture.coding import CODECS, Coding


@pytest.mark.parametrize(
    ("fraction", "quality"), [(0.0, 95), (0.05, 95), (0.051, 90), (0.075, 90), (0.1, 88), (0.11, 85), (0.15, 85)]
)
def test_quality_of_jpeg_follows_the_fraction(fraction, quality):
    assert Coding.usual("jpeg", fraction) == Coding("jpeg", quality)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("fraction", [-0.01, 0.151, 1.0, float("nan")])
def test_other_fractions_are_refused(codec, fraction):
    with pytest.raises(ConfigError, match=r"outside 0\.\.0\.15"):
        Coding.usual(codec, fraction)


def test_codecs_tell_pictures_from_residuals():
    assert [Coding.usual(codec, 0.1).residual for codec in CODECS] == [False, True, False, True, False]
