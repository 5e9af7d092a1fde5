"""Anchors as JPEG pictures, in one step."""

import numpy as np
from numpy.typing import NDArray

from ns_ray.hybrid.anchor_image import AnchorImage, encode_jpeg, tag


def encode_anchor(rgb: NDArray[np.uint8], video_index: int, super_index: int, quality: int) -> AnchorImage:
    """Compress an HR picture, (height, width, 3), of a frame."""
    return tag(encode_jpeg(rgb, quality), video_index, super_index)
