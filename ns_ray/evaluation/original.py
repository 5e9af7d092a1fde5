"""The original that pictures are compared with, at their size and in their colours."""

from collections.abc import Iterator

import av

from ns_ray.errors import MediaError
from ns_ray.picture.colors import STANDARD, Colors, colors_of, require_convertible
from ns_ray.picture.convert import convert
from ns_ray.picture.yuv import Yuv420, from_frame, resize
from ns_ray.video.probe import open_input


def reference(path: str, size: tuple[int, int]) -> Iterator[Yuv420]:
    """The frames of a video at (width, height), in BT.709, limited range.

    Raises:
        MediaError: it cannot be read, or is smaller than that.
    """
    with open_input(path) as container:
        for stream in container.streams.video[:1]:
            stream.thread_type = "AUTO"
        for frame in container.decode(video=0):
            yield scaled(frame, size, STANDARD, path)


def scaled(frame: av.VideoFrame, size: tuple[int, int], colors: Colors, path: str) -> Yuv420:
    """A decoded frame of `path` as 8 bit 4:2:0 at (width, height), in a range and matrix.

    Raises:
        MediaError: it is smaller than that, or its colours cannot be converted.
    """
    if frame.width < size[0] or frame.height < size[1]:
        raise MediaError(f"{path}: the reference is {frame.width}x{frame.height}, smaller than {size[0]}x{size[1]}")
    own = STANDARD if frame.format.is_rgb else colors_of(frame).assumed
    require_convertible(own, path)
    if frame.format.name in ("yuv420p", "yuvj420p"):
        return convert(resize(from_frame(frame), size, "BICUBIC"), own, colors)
    matrix = 5 if own.matrix == 6 else own.matrix  # swscale knows one name of the two
    tags = {} if frame.format.is_rgb else {"src_colorspace": matrix, "src_color_range": own.range}
    planar = frame.reformat(
        *size, format="yuv420p", interpolation="BICUBIC", dst_colorspace=matrix, dst_color_range=own.range, **tags
    )
    return convert(from_frame(planar).packed(), own, colors)
