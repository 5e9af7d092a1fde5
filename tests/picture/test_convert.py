import av
import numpy as np
import pytest
import streams
import torch

from ns_ray.errors import MediaError
from ns_ray.metrics.psnr import psnr
from ns_ray.picture.colors import FULL, LIMITED, LUMA_WEIGHTS, STANDARD, UNKNOWN, Colors
from ns_ray.picture.convert import convert, from_rgb, to_rgb
from ns_ray.picture.yuv import Yuv420
from ns_ray.sr.color import rgb_to_uint8, yuv_to_rgb

KINDS = [Colors(scale, matrix, 2, 2) for scale in (LIMITED, FULL) for matrix in LUMA_WEIGHTS]


def bars(size: tuple[int, int] = (192, 108)) -> np.ndarray:
    """Vertical bars of eight colours, each darker towards the bottom: RGB."""
    width, height = size
    colors = np.array([[c >> 2 & 1, c >> 1 & 1, c & 1] for c in range(8)]) * 191
    shade = np.linspace(1, 0.3, height)[:, None, None]
    return np.rint(colors[np.arange(width) * 8 // width][None] * shade).astype(np.uint8)


@pytest.mark.parametrize("colors", KINDS)
def test_there_and_back_loses_little(colors):
    picture = from_rgb(bars(), colors)
    again = convert(convert(picture, colors, STANDARD), STANDARD, colors)
    assert min(map(psnr, picture.planes, again.planes)) > 50


@pytest.mark.parametrize("colors", KINDS)
@pytest.mark.parametrize("rgb", [(200, 90, 40), (16, 30, 220), (128, 128, 128), (255, 255, 255), (0, 0, 0)])
def test_a_colour_stays_the_same_colour(colors, rgb):
    """Whether it comes from RGB or from BT.709, one flat colour has one set of samples, but for rounding."""
    picture = np.full((16, 20, 3), rgb, np.uint8)
    direct, by_way = from_rgb(picture, colors), convert(from_rgb(picture), STANDARD, colors)
    for one, other in zip(direct.planes, by_way.planes, strict=True):
        assert abs(int(one[4, 4]) - int(other[4, 4])) <= 2


@pytest.mark.parametrize("colors", KINDS)
def test_rgb_is_what_swscale_says(colors):
    rgb = np.full((16, 20, 3), (180, 60, 90), np.uint8)
    frame = av.VideoFrame.from_ndarray(
        np.concatenate([plane.ravel() for plane in from_rgb(rgb, colors).planes]).reshape(24, 20), "yuv420p"
    )
    matrix = 5 if colors.matrix == 6 else colors.matrix
    back = frame.reformat(format="rgb24", src_colorspace=matrix, src_color_range=colors.range, dst_color_range=FULL)
    assert np.abs(back.to_ndarray().astype(int) - rgb).max() <= 4


@pytest.mark.parametrize("colors", KINDS)
def test_rgb_comes_back(colors):
    flat = np.full((15, 21, 3), (180, 60, 90), np.uint8)
    assert np.abs(to_rgb(from_rgb(flat, colors), colors).astype(int) - flat).max() <= 2
    assert psnr(to_rgb(from_rgb(bars(), colors), colors)[:, 4:20], bars()[:, 4:20]) > 45


def test_chroma_moves_luma_as_engines_see_it():
    """The picture that an engine sees is the same, whatever range and matrix the stream had."""
    picture = streams.pictures(1)[0]
    colors = Colors(FULL, 6, 2, 2)
    standard = convert(convert(picture, STANDARD, colors), colors, STANDARD)

    def rgb(one: Yuv420) -> np.ndarray:
        return rgb_to_uint8(yuv_to_rgb(*map(torch.from_numpy, map(np.ascontiguousarray, one.planes)))).numpy()

    assert psnr(rgb(standard), rgb(picture)) > 48


@pytest.mark.parametrize("size", [(33, 17), (1, 1), (2, 3)])
def test_odd_sizes(size):
    width, height = size
    picture = from_rgb(np.full((height, width, 3), (250, 10, 10), np.uint8), Colors(FULL, 9, 2, 2))
    made = convert(picture, Colors(FULL, 9, 2, 2), STANDARD)
    assert [plane.shape for plane in made.planes] == [plane.shape for plane in picture.planes]


def test_what_is_in_those_colours_already_is_not_touched():
    picture = from_rgb(bars())
    assert convert(picture, UNKNOWN, STANDARD) is picture
    assert convert(picture, Colors(LIMITED, 5, 2, 2), Colors(LIMITED, 6, 1, 1)) is picture


@pytest.mark.parametrize(("matrix", "name"), [(0, "RGB"), (8, "YCgCo"), (14, "ICtCp"), (77, "code 77")])
def test_other_matrices_are_refused_by_name(matrix, name):
    colors = Colors(LIMITED, matrix, 1, 1)
    with pytest.raises(MediaError, match=name):
        convert(from_rgb(bars()), colors, STANDARD)
    with pytest.raises(MediaError, match=name):
        from_rgb(bars(), colors)
