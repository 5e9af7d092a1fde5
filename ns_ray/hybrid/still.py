"""One picture through a video codec of PyAV: what the formats of stills have in common."""

from collections.abc import Mapping
from fractions import Fraction

import av
import av.error
import numpy as np

from ns_ray.errors import ConfigError, HybridError
from ns_ray.picture.colors import STANDARD
from ns_ray.picture.yuv import Yuv420, from_frame, to_frame


def encode_still(picture: Yuv420, encoder: str, options: Mapping[str, str]) -> bytes:
    """Compress a picture.

    Args:
        picture: in BT.709, limited range.
        encoder: by its FFmpeg name.
        options: its options, likewise.

    Raises:
        ConfigError: this PyAV has no such encoder.
        HybridError: it does not take pictures of that size, or does not run here.
    """
    rows, columns = picture.y.shape
    try:
        context = av.CodecContext.create(encoder, "w")
    except (ValueError, av.error.FFmpegError) as error:
        raise ConfigError(f"no anchor is compressed by {encoder}: PyAV has none here ({error}); choose jpeg") from error
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = columns, rows, "yuv420p"
    context.time_base, context.framerate = Fraction(1), Fraction(1)
    context.color_range, context.colorspace = STANDARD.range, STANDARD.matrix
    context.color_primaries, context.color_trc = STANDARD.primaries, STANDARD.transfer
    context.options = dict(options)
    frame = to_frame(picture)
    frame.pts = 0
    frame.color_range, frame.colorspace = context.color_range, context.colorspace
    try:
        return b"".join(bytes(packet) for packet in (*context.encode(frame), *context.encode(None)))
    except av.error.FFmpegError as error:
        raise HybridError(f"a picture of {columns}x{rows} cannot be compressed by {encoder} ({error})") from error


def decode_still(data: bytes, decoder: str, size: tuple[int, int], options: Mapping[str, str]) -> Yuv420:
    """The picture of an image.

    Args:
        data: the image.
        decoder: by its FFmpeg name.
        size: the (width, height) it must have.
        options: the decoder's, of which `max_pixels` keeps it from what is larger.

    Raises:
        HybridError: it is damaged, or of another size.
    """
    context = av.CodecContext.create(decoder, "r")
    assert isinstance(context, av.VideoCodecContext)
    context.thread_count = 1
    context.options = dict(options)
    try:
        frames = [*context.decode(av.Packet(data)), *context.decode(None)]
    except (av.error.FFmpegError, ValueError) as error:
        raise HybridError(f"its picture cannot be decoded by {decoder} ({error})") from error
    if len(frames) != 1 or (frames[0].width, frames[0].height) != size or frames[0].format.name != "yuv420p":
        raise HybridError(f"its data is not one picture of {size[0]}x{size[1]} in 8 bit 4:2:0")
    return from_frame(frames[0])


def grey(size: tuple[int, int]) -> Yuv420:
    """A picture of nothing, (width, height), of which encoders tell what they say of all of that size."""
    columns, rows = size
    half = (rows + 1) // 2, (columns + 1) // 2
    return Yuv420(*(np.full(shape, 128, np.uint8) for shape in ((rows, columns), half, half)))
