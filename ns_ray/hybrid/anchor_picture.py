"""Pictures of anchors: compressed by any codec, and as a player has them behind it (docs/hybrid-format.md)."""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from ns_ray.errors import HybridError
from ns_ray.hybrid.anchor_image import AnchorImage, decode_anchor, encode_jpeg, require_size
from ns_ray.hybrid.av1_image import coded_size, decode_av1, encode_av1
from ns_ray.hybrid.grey_bytes import counts, expected_bytes
from ns_ray.hybrid.grey_jpeg import decode_grey, encode_grey
from ns_ray.hybrid.hevc_image import decode_hevc, encode_hevc, even_size
from ns_ray.picture.coding import Coding
from ns_ray.picture.convert import from_rgb
from ns_ray.picture.fitted import fitted
from ns_ray.picture.prediction import with_residual
from ns_ray.picture.stacked import stacked_shape, unstacked
from ns_ray.picture.yuv import Yuv420


def encode_image(picture: NDArray[np.uint8], coding: Coding) -> bytes:
    """Compress what an engine's picture was made into (`ns_ray.sr.compressible`); the image names no frame yet.

    Args:
        picture: RGB (rows, columns, 3) for `jpeg`; else stacked planes, of the picture or of its residual.
        coding: the codec, its quality, and what the image may take.

    Raises:
        ConfigError: the codec has no encoder here.
        HybridError: the encoder does not take the picture.
    """
    expected = None
    if coding.limit and coding.codec == "jpeg-residual":
        expected = expected_bytes(picture.shape, counts(picture)).tolist()
    return fitted(partial(_encoded, picture), coding, expected)


def _encoded(picture: NDArray[np.uint8], coding: Coding) -> bytes:
    match coding.codec:
        case "jpeg":
            return encode_jpeg(picture, coding.quality)
        case "jpeg-residual":
            return encode_grey(picture, coding.quality)
        case "hevc":
            return encode_hevc(unstacked(picture), coding.quality)
        case _:
            return encode_av1(unstacked(picture), coding.quality)


def anchor_picture(image: AnchorImage, lr: Yuv420, scale: int) -> Yuv420:
    """The HR picture of an anchor.

    Args:
        image: the anchor.
        lr: the decoded LR picture of its frame, in BT.709, limited range.
        scale: HR over LR.

    Returns:
        The picture, in BT.709, limited range.

    Raises:
        HybridError: it is damaged, or not `scale` times the size of `lr`; names the frame.
    """
    rows, columns = (side * scale for side in lr.y.shape)
    if image.codec == "jpeg":
        return from_rgb(decode_anchor(image, (columns, rows)))
    require_size(image, (columns, rows))
    try:
        planes = _planes(image, rows, columns)
    except HybridError as error:
        raise HybridError(f"anchor {image.name}: {error}") from error
    return with_residual(lr, planes, scale) if image.codec.endswith("-residual") else planes


def _planes(image: AnchorImage, rows: int, columns: int) -> Yuv420:
    if image.codec == "jpeg-residual":
        return unstacked(decode_grey(image.data, stacked_shape(rows, columns)), columns)
    if image.codec == "hevc":
        even = decode_hevc(image.data, even_size((columns, rows)))
    else:
        even = decode_av1(image.data, coded_size((columns, rows)))
    return Yuv420(even.y[:rows, :columns], even.u, even.v)
