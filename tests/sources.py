"""Small source videos for the tests: flat frames whose brightness tells their number, or one colour."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

STEP = 3


def level(number: int) -> int:
    """Luma of frame `number`."""
    return 40 + number * STEP % 150


def samples(frame: av.VideoFrame) -> list[int]:
    """A sample of each plane, from near the top left."""
    return [int(np.frombuffer(plane, np.uint8)[plane.line_size * 5 + 9]) for plane in frame.planes]


def number_of(frame: av.VideoFrame, near: int) -> int:
    """Which frame a picture is; `near` is one within 24 of it, as levels repeat."""
    return min(range(max(0, near - 24), near + 25), key=lambda number: abs(samples(frame)[0] - level(number)))


def write_source(
    path: Path,
    *,
    codec: str = "libx264",
    size: tuple[int, int] = (192, 108),
    frames: int = 150,
    rate: Fraction = Fraction(60),
    gop: int = 30,
    pixel_format: str = "yuv420p",
    planes: tuple[int, ...] | None = None,
    tags: tuple[int, int, int, int] = (1, 1, 1, 1),
    options: dict[str, str] | None = None,
    skip: frozenset[int] = frozenset(),
    aspect: Fraction | None = None,
) -> Path:
    """Encode flat frames.

    Args:
        planes: samples of all planes; None for grey levels that tell the frame's number.
        tags: range, matrix, primaries and transfer.
        skip: numbers of frames that are left out, so that their time passes without one.
        aspect: of a sample.
    """
    fast = {"libx264": {"preset": "ultrafast", "crf": "4"}, "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"}}
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, options=fast.get(codec, {}) | {"g": str(gop)} | (options or {}))
        stream.width, stream.height = size
        stream.pix_fmt = pixel_format
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        context = stream.codec_context
        context.color_range, context.colorspace, context.color_primaries, context.color_trc = tags
        for number in range(frames):
            if number in skip:
                continue
            frame = flat(size, pixel_format, planes or (level(number), 128, 128))
            frame.color_range, frame.colorspace = tags[:2]
            frame.pts, frame.time_base = number, 1 / rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def flat(size: tuple[int, int], pixel_format: str, planes: tuple[int, ...]) -> av.VideoFrame:
    """One frame whose planes are each of one value."""
    frame = av.VideoFrame(*size, pixel_format)
    kind = np.uint16 if "10" in pixel_format else np.uint8
    for plane, value in zip(frame.planes, planes, strict=True):
        plane.update(np.full(plane.buffer_size // kind().itemsize, value, kind).tobytes())
    return frame
