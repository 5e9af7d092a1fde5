"""Anchors as JPEG 2000 images, for measuring alone: a hybrid stream carries JPEG.

The published qualities of JPEG 2000 are those of another encoder (Kakadu), but the sizes of anchors that go with them
are those of fixed rates: 405, 608, 810 and 1200 KB at 2160p for 80, 85, 90 and 95. Here a quality is that rate, which
OpenJPEG keeps whatever the picture: wavelet 9/7, one layer, reversible to nothing, colours decorrelated, no tiles.
(FFmpeg's own encoder misses the rate it is given by up to 30 % and takes a third more bits for the same PSNR.)
"""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, features

from ns_ray.errors import ConfigError

BITS_A_SAMPLE = {80: 0.4, 85: 0.6, 90: 0.8, 95: 1.2}
"""Bits for each pixel by published quality."""
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
        quality: one of `BITS_A_SAMPLE`.

    Raises:
        ConfigError: another quality, or Pillow was built without OpenJPEG.
    """
    if not features.check("jpg_2000"):
        raise ConfigError("--codec j2k needs a Pillow with OpenJPEG, and this one has none: pip install pillow")
    if quality not in BITS_A_SAMPLE:
        raise ConfigError(f"quality {quality} of JPEG 2000 is not known: choose {', '.join(map(str, BITS_A_SAMPLE))}")
    image = BytesIO()
    # A rate is by how much the picture of 24 bits a sample is to shrink.
    Image.fromarray(rgb).save(
        image,
        "JPEG2000",
        no_jp2=True,
        irreversible=True,
        mct=1,
        quality_mode="rates",
        quality_layers=[24 / BITS_A_SAMPLE[quality]],
    )
    return image.getvalue()


def decode_j2k(image: bytes) -> NDArray[np.uint8]:
    """The picture of an image of `encode_j2k`, RGB (height, width, 3)."""
    with Image.open(BytesIO(image)) as opened:
        return np.array(opened.convert("RGB"))
