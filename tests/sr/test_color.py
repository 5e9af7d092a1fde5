"""Colour conversion against swscale and against itself."""

import av
import numpy as np
import pictures
import pytest
import torch
from numpy.typing import NDArray

from ns_ray.sr.color import chroma_size, rgb_to_uint8, rgb_to_yuv, yuv_to_rgb
from ns_ray.sr.dataset import planes_of


def _to_yuv(rgb: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    return [plane.numpy() for plane in rgb_to_yuv(torch.from_numpy(rgb).permute(2, 0, 1)[None] / 255)]


def _to_rgb(planes: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    y, u, v = map(torch.from_numpy, planes)
    array: NDArray[np.uint8] = rgb_to_uint8(yuv_to_rgb(y, u, v)).numpy()
    return array


def _apart(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> int:
    return int(np.abs(a.astype(int) - b).max())


def test_as_swscale_does() -> None:
    rgb = pictures.smooth(384, 288)
    frame = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(
        format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG"
    )
    theirs = planes_of(frame)
    ours = _to_yuv(rgb)
    for mine, other in zip(ours, theirs, strict=True):
        assert _apart(mine, other) <= 2
    back = frame.reformat(format="rgb24", src_colorspace="ITU709", src_color_range="MPEG", dst_color_range="JPEG")
    assert _apart(_to_rgb(list(theirs)), back.to_ndarray()) <= 3  # swscale repeats chroma where we interpolate


def test_primaries() -> None:
    colors = np.array([[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8)
    known = [(16, 128, 128), (235, 128, 128), (63, 102, 240), (173, 42, 26), (32, 240, 118)]  # BT.709, limited range
    for color, expected in zip(colors, known, strict=True):
        planes = _to_yuv(np.broadcast_to(color, (4, 4, 3)).copy())
        assert [int(plane[0, 0]) for plane in planes] == list(expected)
        assert _apart(_to_rgb(planes), color) <= 2


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (1, 2), (33, 17), (64, 48)])
def test_round_trip_at_any_size(size: tuple[int, int]) -> None:
    width, height = size
    planes = _to_yuv(pictures.smooth(width, height))
    assert [plane.shape for plane in planes] == [(height, width), *[chroma_size(height, width)] * 2]
    again = _to_yuv(_to_rgb(planes))
    assert _apart(planes[0], again[0]) <= 1
    assert max(_apart(a, b) for a, b in zip(planes[1:], again[1:], strict=True)) <= 2


def test_chroma_lies_on_even_columns_between_rows() -> None:
    u = np.array([[16, 240], [240, 16]], np.uint8)
    y, v = np.full((4, 4), 128, np.uint8), np.full((2, 2), 128, np.uint8)
    y_, u_, v_ = map(torch.from_numpy, (y, u, v))
    blue = yuv_to_rgb(y_, u_, v_)[0, 2]
    luma = (128 - 16) / 219
    chroma = (blue - luma) / (2 * (1 - 0.0722)) * 224 + 128
    rows = [[16, 128, 240, 240], [72, 128, 184, 184], [184, 128, 72, 72], [240, 128, 16, 16]]
    inside = (blue > 0) & (blue < 1)
    assert torch.allclose(chroma[inside], torch.tensor(rows, dtype=torch.float32)[inside], atol=1e-3)
    assert int(inside.sum()) >= 8
