"""A reference is compared in the colours of the stream, whatever its own are."""

import av
import numpy as np
import pytest

from jobs.quality import scaled
from ns_ray.errors import MediaError
from ns_ray.picture.colors import FULL, STANDARD, Colors
from ns_ray.picture.convert import from_rgb

RGB = np.full((48, 64, 3), (180, 60, 90), np.uint8)


@pytest.mark.parametrize("colors", [STANDARD, Colors(FULL, 1, 1, 1), Colors(1, 6, 6, 6), Colors(FULL, 9, 1, 1)])
@pytest.mark.parametrize("form", ["rgb24", "yuv420p", "yuvj420p", "yuv444p", "yuv420p10le"])
@pytest.mark.parametrize("size", [(64, 48), (32, 24)])
def test_a_reference_comes_in_the_colours_of_the_stream(colors, form, size):
    frame = av.VideoFrame.from_ndarray(RGB, "rgb24")
    if form != "rgb24":
        full = 2 if "j" in form else 1
        frame = frame.reformat(format=form, dst_colorspace=5, dst_color_range=full)
        frame.colorspace, frame.color_range = 5, full
    picture = scaled(frame, size, colors, "reference")
    assert picture.y.shape == (size[1], size[0])
    for plane, expected in zip(picture.planes, from_rgb(RGB, colors).planes, strict=True):
        assert abs(int(plane[8, 8]) - int(expected[8, 8])) <= 2


def test_a_smaller_reference_is_refused():
    with pytest.raises(MediaError, match="64x48, smaller than 96x48"):
        scaled(av.VideoFrame.from_ndarray(RGB, "rgb24"), (96, 48), STANDARD, "reference")
