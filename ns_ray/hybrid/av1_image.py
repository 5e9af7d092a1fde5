"""AV1 still pictures: encoded by SVT-AV1, decoded by dav1d, both of them PyAV's; and what their bytes say.

AV1 bitstream specification: OBUs, section 5.3 to 5.5; AV1 in Matroska: its mapping, section "CodecPrivate".
"""

from collections.abc import Iterator
from functools import cache

from ns_ray.hybrid.still import decode_still, encode_still, grey
from ns_ray.picture.yuv import Yuv420

SEQUENCE_HEADER, TEMPORAL_DELIMITER, METADATA = 1, 2, 5
_PRESET = "8"
"""Of SVT-AV1: 10 takes half the time and a fifth more bytes for the same picture."""
_HAS_SIZE = 2


def encode_av1(picture: Yuv420, quality: int) -> bytes:
    """Compress a picture: a sequence header and one key frame, as in Matroska without a temporal delimiter.

    Args:
        picture: in BT.709, limited range.
        quality: 1 to 100, evenly from crf 62 to 0.

    Raises:
        ConfigError: this PyAV has no SVT-AV1.
        HybridError: it does not take pictures of that size: they must have 4 rows and columns.
    """
    crf = (100 - quality) * 63 // 100
    data = encode_still(picture, "libsvtav1", {"preset": _PRESET, "crf": str(crf), "svtav1-params": "lp=1"})
    return b"".join(data[begin:end] for kind, begin, _, end in obus(data) if kind != TEMPORAL_DELIMITER)


def decode_av1(data: bytes, size: tuple[int, int]) -> Yuv420:
    """The picture of an image.

    Args:
        data: the image.
        size: the (width, height) it must have; of another one, or of more than that, nothing is decoded.

    Raises:
        HybridError: it is damaged, or of another size.
    """
    return decode_still(data, "libdav1d", size, {"max_pixels": str(size[0] * size[1])})


def coded_size(size: tuple[int, int]) -> tuple[int, int]:
    """The (width, height) of the image of a picture: columns are even, the last one repeated where they were odd."""
    return (size[0] + 1) // 2 * 2, size[1]


def obus(data: bytes | memoryview) -> Iterator[tuple[int, int, int, int]]:
    """The OBUs of an image: type, and where each, its payload and its end lie; ends at what is not whole."""
    at = 0
    while at < len(data) and not data[at] & 0x80 and data[at] & _HAS_SIZE:
        kind, body = data[at] >> 3 & 15, at + 1 + (data[at] >> 2 & 1)
        size = 0
        for position in range(8):
            if body >= len(data):
                return
            byte = data[body]
            body += 1
            size |= (byte & 0x7F) << 7 * position
            if byte < 0x80:
                break
        if body + size > len(data):
            return
        yield kind, at, body, body + size
        at = body + size


def metadata(kind: int, content: bytes) -> bytes:
    """A metadata OBU of a type and content below 127 bytes in all, trailing bits included."""
    payload = bytes((kind,)) + content + b"\x80"
    return bytes((METADATA << 3 | _HAS_SIZE, len(payload))) + payload


@cache
def codec_private(size: tuple[int, int]) -> bytes:
    """What Matroska wants to be told of images of a size (width, height): av1C, with their sequence header in it."""
    data = encode_av1(grey(size), 1)
    begin, body, end = next((begin, body, end) for kind, begin, body, end in obus(data) if kind == SEQUENCE_HEADER)
    profile = data[body] >> 5
    reduced = data[body] >> 3 & 1
    # The level follows the flags, or one operating point's number and idc.
    level = (int.from_bytes(data[body : body + 2], "big") >> 6 if reduced else data[body + 3] >> 3) & 31
    return bytes((0x81, profile << 5 | level, 0x0C, 0)) + data[begin:end]
