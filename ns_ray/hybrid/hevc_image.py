"""HEVC still pictures: encoded by NVENC where a GPU has it, else by x265, decoded by FFmpeg, all of them PyAV's."""

from contextlib import suppress
from functools import cache

import numpy as np

from ns_ray.errors import ConfigError, HybridError
from ns_ray.hybrid.nal import LENGTH, PICTURES, PPS, SPS, VPS, hvcc, read_sps, units, with_lengths
from ns_ray.hybrid.still import decode_still, encode_still, grey
from ns_ray.picture.yuv import Yuv420

_NEEDED = (VPS, SPS, PPS, *PICTURES)
_LARGEST_UNIT = 64
"""Of samples, in whole numbers of which pictures are coded: 8 to 64, by the encoder's choice."""


def encode_hevc(picture: Yuv420, quality: int) -> bytes:
    """Compress a picture: parameter sets and one IDR picture, each NAL unit behind its length.

    NVENC and x265 do not give the same bytes, nor do GPUs of two kinds.

    Args:
        picture: in BT.709, limited range.
        quality: 1 to 100, evenly from QP 51 to 1.

    Raises:
        ConfigError: this PyAV has no x265, and NVENC does not run here.
        HybridError: it does not take pictures of that size: they must have 16 rows and columns.
    """
    rows, columns = picture.y.shape
    bottom, right = rows % 2, columns % 2
    if bottom or right:
        picture = Yuv420(np.pad(picture.y, ((0, bottom), (0, right)), "edge"), picture.u, picture.v)
    qp = 51 - round((quality - 1) * 50 / 99)
    if has_nvenc(even_size((columns, rows))):
        with suppress(HybridError):  # GPUs open a limited number of sessions at a time
            return _by_nvenc(picture, qp)
    return _by_x265(picture, qp)


def _by_nvenc(picture: Yuv420, qp: int) -> bytes:
    """QP of intra pictures is told by itself: FFmpeg would lower that of others for them."""
    qps = {f"init_qp{kind}": str(qp) for kind in "IPB"}
    options = {"preset": "p4", "tune": "hq", "rc": "constqp", "bf": "0", "delay": "0", "zerolatency": "1"}
    return _image(encode_still(picture, "hevc_nvenc", options | qps))


def _by_x265(picture: Yuv420, qp: int) -> bytes:
    """On one thread, without psy-rd, which costs 0.1 dB; rdoq-level=2 saves 6 % of the bytes in 1.4 times the time."""
    params = (
        f"qp={qp}:ipratio=1:bframes=0:rc-lookahead=0:psy-rd=0:pools=none:frame-threads=1:wpp=0:"
        "repeat-headers=1:info=0:log-level=none"
    )
    return _image(encode_still(picture, "libx265", {"preset": "medium", "x265-params": params}))


@cache
def has_nvenc(size: tuple[int, int]) -> bool:
    """Whether NVENC runs here and takes pictures of a (width, height): it has a least and a largest size."""
    with suppress(ConfigError, HybridError):
        _by_nvenc(grey(size), 51)
        return True
    return False


def _image(stream: bytes) -> bytes:
    image = with_lengths(stream)
    return b"".join(image[begin - LENGTH : end] for kind, begin, end in units(image) if kind in _NEEDED)


def decode_hevc(data: bytes, size: tuple[int, int]) -> Yuv420:
    """The picture of an image.

    Args:
        data: the image.
        size: the (width, height) it must have, even; of another one nothing is decoded.

    Raises:
        HybridError: it is damaged, or of another size.
    """
    needed = [(kind, data[begin:end]) for kind, begin, end in units(data) if kind in _NEEDED]
    columns, rows = (-(-side // _LARGEST_UNIT) * _LARGEST_UNIT for side in size)
    for sps in (read_sps(unit) for kind, unit in needed if kind == SPS):
        if sps is None or sps.size[0] > columns or sps.size[1] > rows or (sps.chroma, sps.depths) != (1, (0, 0)):
            raise HybridError(f"its data is not one picture of {size[0]}x{size[1]} in 8 bit 4:2:0")
    stream = b"".join(b"\0\0\0\1" + unit for _, unit in needed)
    return decode_still(stream, "hevc", size, {"max_pixels": str(columns * rows), "err_detect": "explode"})


def even_size(size: tuple[int, int]) -> tuple[int, int]:
    """The (width, height) of the image of a picture: both are even, the last column and row repeated where odd."""
    return (size[0] + 1) // 2 * 2, (size[1] + 1) // 2 * 2


@cache
def codec_private(size: tuple[int, int]) -> bytes:
    """What Matroska wants to be told of images of a size (width, height): hvcC, the same wherever it is written.

    Its parameter sets are x265's; images have their own.
    """
    return hvcc(_by_x265(grey(size), 51))
