"""AV1 still pictures: encoded by SVT-AV1, decoded by dav1d, both of them PyAV's; and what their bytes say.

AV1 bitstream specification: OBUs, section 5.3 to 5.5; AV1 in Matroska: its mapping, section "CodecPrivate".
"""

from collections.abc import Iterator
from fractions import Fraction
from functools import cache

import av
import av.error
import numpy as np

from ns_ray.errors import ConfigError, HybridError
from ns_ray.picture.colors import STANDARD
from ns_ray.picture.yuv import Yuv420, from_frame, to_frame

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
    rows, columns = picture.y.shape
    try:
        encoder = av.CodecContext.create("libsvtav1", "w")
    except (ValueError, av.error.FFmpegError) as error:
        raise ConfigError(f"no anchor is compressed as AV1: PyAV has no SVT-AV1 here ({error}); choose jpeg") from error
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = columns, rows, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1), Fraction(1)
    encoder.color_range, encoder.colorspace = STANDARD.range, STANDARD.matrix
    encoder.color_primaries, encoder.color_trc = STANDARD.primaries, STANDARD.transfer
    crf = (100 - quality) * 63 // 100
    encoder.options = {"preset": _PRESET, "crf": str(crf), "svtav1-params": "lp=1"}
    frame = to_frame(picture)
    frame.pts = 0
    frame.color_range, frame.colorspace = encoder.color_range, encoder.colorspace
    try:
        data = b"".join(bytes(packet) for packet in (*encoder.encode(frame), *encoder.encode(None)))
    except av.error.FFmpegError as error:
        raise HybridError(f"a picture of {columns}x{rows} cannot be compressed as AV1 ({error})") from error
    return b"".join(data[begin:end] for kind, begin, _, end in obus(data) if kind != TEMPORAL_DELIMITER)


def decode_av1(data: bytes, size: tuple[int, int]) -> Yuv420:
    """The picture of an image.

    Args:
        data: the image.
        size: the (width, height) it must have; of another one, or of more than that, nothing is decoded.

    Raises:
        HybridError: it is damaged, or of another size.
    """
    decoder = av.CodecContext.create("libdav1d", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    decoder.thread_count = 1
    decoder.options = {"max_pixels": str(size[0] * size[1])}
    try:
        frames = [*decoder.decode(av.Packet(data)), *decoder.decode(None)]
    except (av.error.FFmpegError, ValueError) as error:
        raise HybridError(f"its AV1 picture cannot be decoded ({error})") from error
    if len(frames) != 1 or (frames[0].width, frames[0].height) != size or frames[0].format.name != "yuv420p":
        raise HybridError(f"its AV1 data is not one picture of {size[0]}x{size[1]} in 8 bit 4:2:0")
    return from_frame(frames[0])


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
    columns, rows = size
    half = (rows + 1) // 2, (columns + 1) // 2
    grey = Yuv420(*(np.full(shape, 128, np.uint8) for shape in ((rows, columns), half, half)))
    data = encode_av1(grey, 1)
    begin, body, end = next((begin, body, end) for kind, begin, body, end in obus(data) if kind == SEQUENCE_HEADER)
    profile = data[body] >> 5
    reduced = data[body] >> 3 & 1
    # The level follows the flags, or one operating point's number and idc.
    level = (int.from_bytes(data[body : body + 2], "big") >> 6 if reduced else data[body + 3] >> 3) & 31
    return bytes((0x81, profile << 5 | level, 0x0C, 0)) + data[begin:end]
