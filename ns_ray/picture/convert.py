"""Pictures from one range and matrix to another."""

from functools import cache

import av
import numpy as np
from numpy.typing import NDArray

from ns_ray.picture.colors import BT709, FULL, LIMITED, LUMA_WEIGHTS, STANDARD, Colors, require_convertible
from ns_ray.picture.yuv import Yuv420, from_frame

_ONE = 64  # luma is summed in 64ths, which 16 bits hold


def convert(picture: Yuv420, source: Colors, target: Colors) -> Yuv420:
    """The picture in the range and matrix of `target`; as it is where they are its own. Primaries stay what they are.

    Luma's share of the colour differences is interpolated as the engines do: chroma lies on even columns, half-way
    between two rows.

    Raises:
        MediaError: a matrix is none of luma and two colour differences.
    """
    luma, difference, chroma = _steps(source.assumed, target.assumed)
    if luma is None:
        return picture
    u, v = (plane.astype(np.float32) - 128 for plane in (picture.u, picture.v))
    shared = _upsampled(u * difference[0] + v * difference[1], picture.y.shape)
    shared += luma[picture.y]
    y = np.clip((shared + _ONE // 2) // _ONE, 0, 255).astype(np.uint8)
    both = ((row[0] * u + row[1] * v) + 128.5 for row in chroma)
    return Yuv420(y, *(np.clip(plane, 0, 255).astype(np.uint8) for plane in both))


def from_rgb(rgb: NDArray[np.uint8], colors: Colors = STANDARD) -> Yuv420:
    """RGB (height, width, 3), full range, as YUV 4:2:0 of a range and matrix.

    Raises:
        MediaError: the matrix is none of luma and two colour differences.
    """
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), "rgb24")
    standard = frame.reformat(format="yuv420p", dst_colorspace=BT709, dst_color_range=LIMITED)
    # swscale itself would be half a step off in chroma of full range.
    return convert(from_frame(standard).packed(), STANDARD, colors)


def to_rgb(picture: Yuv420, colors: Colors = STANDARD) -> NDArray[np.uint8]:
    """A picture of a range and matrix as RGB (height, width, 3), full range; chroma is interpolated as in `convert`.

    Raises:
        MediaError: the matrix is none of luma and two colour differences.
    """
    colors = colors.assumed
    require_convertible(colors, "a picture")
    shape, fine = picture.y.shape, 32  # chroma is interpolated in 32nds, of which 16 bits hold four times 128
    u, v = (_upsampled((plane.astype(np.float32) - 128) * fine, shape) / fine for plane in (picture.u, picture.v))
    y = picture.y - np.float32(0 if colors.range == FULL else 16)
    rgb = np.stack((y, u, v), axis=2) @ (255 * _to_rgb(colors).T)
    return np.clip(np.rint(rgb), 0, 255).astype(np.uint8)


@cache
def _steps(
    source: Colors, target: Colors
) -> "tuple[NDArray[np.int16] | None, NDArray[np.float32], NDArray[np.float32]]":
    """Luma's new values (in 64ths; None if nothing changes), what chroma adds to them, and chroma's own matrix."""
    for colors in (source, target):
        require_convertible(colors, "a picture")
    step = np.linalg.inv(_to_rgb(target)) @ _to_rgb(source)
    begin, end = (0 if colors.range == FULL else 16 for colors in (source, target))
    table = np.rint(((np.arange(256) - begin) * step[0, 0] + end) * _ONE).astype(np.int16)
    luma = None if np.allclose(step, np.eye(3), atol=1e-6) and begin == end else table
    return luma, (step[0, 1:] * _ONE).astype(np.float32), step[1:, 1:].astype(np.float32)


def _to_rgb(colors: Colors) -> NDArray[np.float64]:
    """The matrix from luma and both differences, from their zero on and in steps of samples, to RGB in 0..1."""
    red, blue = LUMA_WEIGHTS[colors.matrix]
    green = 1 - red - blue
    to_red, to_blue = 2 * (1 - red), 2 * (1 - blue)
    matrix = [[1, 0, to_red], [1, -to_blue * blue / green, -to_red * red / green], [1, to_blue, 0]]
    steps = (255, 255, 255) if colors.range == FULL else (219, 224, 224)
    return np.array(matrix, np.float64) / steps


def _upsampled(chroma: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.int16]:
    rows, columns = shape
    padded = np.pad(np.rint(chroma).astype(np.int16), ((1, 1), (0, 1)), "edge")
    tall = np.empty((2 * chroma.shape[0], padded.shape[1]), np.int16)
    tall[0::2] = (3 * padded[1:-1] + padded[:-2] + 2) >> 2
    tall[1::2] = (3 * padded[1:-1] + padded[2:] + 2) >> 2
    wide = np.empty((rows, 2 * chroma.shape[1]), np.int16)
    wide[:, 0::2] = tall[:rows, :-1]
    wide[:, 1::2] = (tall[:rows, :-1] + tall[:rows, 1:] + 1) >> 1
    return wide[:, :columns]
