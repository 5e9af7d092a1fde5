"""Anchors as JPEG 2000 images, for measuring alone: a hybrid stream carries JPEG.

The published qualities are those of another encoder, but the sizes that go with them (405, 608, 810 and 1200 KB at
2160p for 80, 85, 90 and 95) are those of fixed rates: 0.4, 0.6, 0.8 and 1.2 bits a pixel. Here a quality is that rate,
which OpenJPEG, by Pillow, keeps to 0.1 % whatever the picture. (FFmpeg's own encoder does not: see docs/artifact.md.)
"""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, features

from ns_ray.errors import ConfigError

BITS_A_PIXEL = {80: 0.4, 85: 0.6, 90: 0.8, 95: 1.2}
"""By published quality."""
LARGEST_FRACTION = 0.15


def j2k_quality_for(fraction: float) -> int:
    """The published quality of JPEG 2000 anchors for a share of the frames.

    Raises:
        ConfigError: the share is outside 0..0.15.
    """
    for largest, quality in ((0.075, 95), (0.1, 90), (LARGEST_FRACTION, 85)):
        if 0 <= fraction <= largest:
            return quality
    raise ConfigError(
        f"no quality of JPEG 2000 was published for a share of {fraction:g}: choose 0..{LARGEST_FRACTION}"
    )


def encode_j2k(rgb: NDArray[np.uint8], quality: int) -> bytes:
    """A JPEG 2000 codestream of a picture.

    Args:
        rgb: (height, width, 3).
        quality: one of `BITS_A_PIXEL`.

    Raises:
        ConfigError: another quality, or Pillow was built without OpenJPEG.
    """
    if not features.check("jpg_2000"):
        raise ConfigError("--codec j2k needs a Pillow with OpenJPEG, and this one has none: pip install pillow")
    if quality not in BITS_A_PIXEL:
        raise ConfigError(f"quality {quality} of JPEG 2000 is not known: choose {', '.join(map(str, BITS_A_PIXEL))}")
    image = BytesIO()
    # A rate is by how much the picture, of 24 bits a pixel, is to shrink.
    Image.fromarray(rgb).save(
        image,
        "JPEG2000",
        no_jp2=True,
        irreversible=True,
        mct=1,
        quality_mode="rates",
        quality_layers=[24 / BITS_A_PIXEL[quality]],
    )
    return image.getvalue()


def decode_j2k(image: bytes) -> NDArray[np.uint8]:
    """The picture of an image of `encode_j2k`, RGB (height, width, 3)."""
    with Image.open(BytesIO(image)) as opened:
        return np.array(opened.convert("RGB"))
