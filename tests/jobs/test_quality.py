"""A reference is compared in the colours of the stream, whatever its own are."""

import json
from dataclasses import replace

import av
import numpy as np
import pytest
from rich_streams import read, write
from sources import write_source

from ns_ray.errors import MediaError
from ns_ray.evaluation.original import scaled
from ns_ray.jobs import quality
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


def test_a_stream_joined_late_is_compared_with_the_same_frames(tmp_path):
    """Its first packets cannot be decoded; those of the reference can."""
    what = read(write_source(tmp_path / "v.mkv", codec="libvpx-vp9", size=(64, 48), frames=12, gop=6))
    packets = [replace(one, video_index=at) for at, one in enumerate(what.packets[3:])]
    assert [one.key for one in packets].index(True) == 3
    hybrid = write(
        tmp_path / "h.mkv", replace(what, packets=packets, format=replace(what.format, anchor_size=(66, 48)))
    )
    truth = write_source(tmp_path / "t.mkv", size=(128, 96), frames=12, skip=frozenset(range(3)))
    out = tmp_path / "q.json"
    assert quality.main([str(hybrid), "--reference", str(truth), "--json", str(out)]) == 0
    result = json.loads(out.read_text())
    assert [frame["video_index"] for frame in result["frames"]] == [3, 4, 5, 6, 7, 8]
    assert all(frame["bilinear"]["psnr_y"] > 40 for frame in result["frames"])


def test_a_damaged_reference_is_named(tmp_path, capsys):
    what = read(write_source(tmp_path / "v.mkv", codec="libvpx-vp9", size=(64, 48), frames=8))
    hybrid = write(tmp_path / "h.mkv", what)
    truth = read(write_source(tmp_path / "t.mkv", codec="libvpx-vp9", size=(128, 96), frames=8), None)
    truth.packets[5] = replace(truth.packets[5], data=bytes(30))
    damaged = write(tmp_path / "d.mkv", truth)
    assert quality.main([str(hybrid), "--reference", str(damaged)]) == 1
    assert "d.mkv: the reference cannot be decoded" in " ".join(capsys.readouterr().err.split())
