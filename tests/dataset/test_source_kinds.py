"""Sources of all kinds become BT.709 limited-range frames, or are refused by name."""

import struct
from fractions import Fraction

import av
import numpy as np
import pytest
import sources

from ns_ray.dataset.source import coded_packets, frame_times, frames, open_source
from ns_ray.errors import MediaError

KR_KB = {1: (0.2126, 0.0722), 5: (0.299, 0.114), 6: (0.299, 0.114)}


def rgb_to_yuv(rgb, matrix, full):
    """ITU-T H.273, equations 8.2.1 and following; RGB in 0..1."""
    kr, kb = KR_KB[matrix]
    r, g, b = rgb
    y = kr * r + (1 - kr - kb) * g + kb * b
    u, v = (b - y) / (2 * (1 - kb)), (r - y) / (2 * (1 - kr))
    if full:
        return tuple(round(x) for x in (255 * y, 128 + 255 * u, 128 + 255 * v))
    return tuple(round(x) for x in (16 + 219 * y, 128 + 224 * u, 128 + 224 * v))


COLOR = (0.7, 0.35, 0.2)
WANTED = rgb_to_yuv(COLOR, 1, False)


@pytest.mark.parametrize(
    ("pixel_format", "tags", "planes"),
    [
        ("yuv420p", (1, 1, 1, 1), WANTED),
        ("yuv420p", (0, 2, 2, 2), WANTED),  # untagged: taken for BT.709
        ("yuv420p", (2, 1, 1, 1), rgb_to_yuv(COLOR, 1, True)),
        ("yuvj420p", (2, 1, 1, 1), rgb_to_yuv(COLOR, 1, True)),
        ("yuv444p", (1, 6, 1, 1), rgb_to_yuv(COLOR, 6, False)),
        ("yuv420p", (2, 5, 1, 1), rgb_to_yuv(COLOR, 5, True)),
        ("yuv420p10le", (1, 1, 1, 1), tuple(4 * value for value in WANTED)),
        ("yuv422p", (1, 1, 1, 1), WANTED),
    ],
)
def test_colours_are_converted(tmp_path, pixel_format, tags, planes):
    path = sources.write_source(tmp_path / "s.mkv", frames=3, pixel_format=pixel_format, tags=tags, planes=planes)
    source = open_source(str(path))
    times, _ = frame_times(source, Fraction(0), Fraction(1))
    for size in ((192, 108), (64, 36)):
        for frame in frames(source, times, size):
            assert (frame.format.name, frame.width, frame.height) == ("yuv420p", *size)
            found = sources.samples(frame)
            assert np.abs(np.array(found) - WANTED).max() <= 2


def test_rgb_is_converted(tmp_path):
    green, blue, red = (round(255 * COLOR[i]) for i in (1, 2, 0))
    path = sources.write_source(
        tmp_path / "s.nut",
        codec="utvideo",
        frames=2,
        pixel_format="gbrp",
        tags=(2, 0, 1, 13),
        planes=(green, blue, red),
    )
    source = open_source(str(path))
    times, _ = frame_times(source, Fraction(0), Fraction(1))
    frame = next(frames(source, times, (64, 36)))
    found = sources.samples(frame)
    assert np.abs(np.array(found) - WANTED).max() <= 2


def test_bt2020_without_hdr_is_converted(tmp_path):
    tags, planes = (1, 9, 9, 14), (480, 512, 512)
    path = sources.write_source(tmp_path / "s.mkv", frames=1, pixel_format="yuv420p10le", tags=tags, planes=planes)
    source = open_source(str(path))
    frame = next(frames(source, frame_times(source, Fraction(0), Fraction(1))[0], (64, 36)))
    assert sources.samples(frame) == pytest.approx([120, 128, 128], abs=1)


def test_rotated_video_is_refused(tmp_path):
    path = sources.write_source(tmp_path / "s.mp4", frames=3)
    one, minus = 0x10000, 0xFFFF0000
    upright, turned = (
        struct.pack(">9I", *m, 0, 0, 0x40000000) for m in ((one, 0, 0, 0, one, 0), (0, one, 0, minus, 0, 0))
    )
    header, track = path.read_bytes().split(b"tkhd")
    path.write_bytes(header + b"tkhd" + track.replace(upright, turned, 1))
    with pytest.raises(MediaError, match=r"shown rotated by -?90 degrees"):
        open_source(str(path))


def test_other_primaries_move_colours_but_not_greys(tmp_path):
    """BT.601 (525 lines) red is another red than BT.709's; grey is the same grey."""
    tags = (1, 6, 6, 6)
    found = {}
    for name, planes in (("grey", (120, 128, 128)), ("red", rgb_to_yuv((0.8, 0.1, 0.1), 6, False))):
        source = open_source(str(sources.write_source(tmp_path / f"{name}.mkv", frames=1, tags=tags, planes=planes)))
        frame = next(frames(source, frame_times(source, Fraction(0), Fraction(1))[0], (192, 108)))
        found[name] = sources.samples(frame)
    assert np.abs(np.array(found["grey"]) - (120, 128, 128)).max() <= 1
    same_primaries = rgb_to_yuv((0.8, 0.1, 0.1), 1, False)
    assert found["red"][2] < same_primaries[2] - 3


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"tags": (1, 9, 9, 16)}, r"HDR \(PQ\); tone-map"),
        ({"tags": (1, 9, 9, 18)}, r"HDR \(HLG\)"),
        ({"tags": (1, 8, 1, 1)}, "matrix .* code 8"),
        ({"aspect": Fraction(4, 3)}, "pixels are not square"),
        ({"options": {"flags": "+ildct", "x264-params": "tff=1"}}, "interlaced; deinterlace"),
    ],
)
def test_what_cannot_be_converted_properly_is_refused(tmp_path, options, told):
    path = sources.write_source(tmp_path / "s.mkv", frames=3, **options)
    with pytest.raises(MediaError, match=told) as error:
        open_source(str(path))
    assert str(path) in str(error.value)


def test_ntsc_rates_are_told_from_rounded_times(tmp_path):
    rate = Fraction(60000, 1001)
    path = sources.write_source(tmp_path / "s.webm", codec="libvpx-vp9", frames=40, rate=rate)
    assert open_source(str(path)).info.frame_rate == rate


@pytest.mark.parametrize(("name", "codec"), [("s.mp4", "libx264"), ("s.mkv", "libx264"), ("s.webm", "libvpx-vp9")])
def test_the_frames_asked_for_come(tmp_path, name, codec):
    """Far into the file, with frames that are coded out of order (libx264's B-frames)."""
    extra = {"bf": "3", "preset": "veryfast"} if codec == "libx264" else {}
    path = sources.write_source(tmp_path / name, codec=codec, frames=400, gop=50, options=extra)
    source = open_source(str(path))
    times, keys = frame_times(source, Fraction(5), Fraction(6))
    assert len(times) == 60
    assert len(keys) >= 1
    for threads in (1, 3):
        found = [
            sources.number_of(frame, 300 + i) for i, frame in enumerate(frames(source, times, (192, 108), threads))
        ]
        assert found == list(range(300, 360))


def test_missing_frames_are_named(tmp_path):
    path = sources.write_source(tmp_path / "s.webm", codec="libvpx-vp9", frames=60)
    source = open_source(str(path))
    times, _ = frame_times(source, Fraction(0), Fraction(2))
    tampered = [*times[:20], times[20] + 5, *times[21:]]
    with pytest.raises(MediaError, match=r"frame at 0.338 s cannot be decoded") as error:
        list(frames(source, tampered, (192, 108)))
    assert str(path) in str(error.value)
    with pytest.raises(MediaError, match=r"frame at 0.338 s"):
        list(coded_packets(source, tampered))


def test_a_change_of_size_is_refused(tmp_path):
    path = tmp_path / "s.ivf"
    path.write_bytes((sources.Path(__file__).parents[1] / "data" / "resized.ivf").read_bytes())
    source = open_source(str(path))
    times, _ = frame_times(source, Fraction(0), Fraction(100))
    with pytest.raises(MediaError, match="changes its size"):
        list(frames(source, times, (64, 36)))


@pytest.mark.parametrize("name", ["s.avi", "s.h264"])
def test_containers_without_times_are_refused(tmp_path, name):
    path = sources.write_source(tmp_path / name, frames=9)
    with pytest.raises(MediaError, match=r"does not tell when frames are shown; put it into .mkv"):
        open_source(str(path))


def test_no_video_is_refused(tmp_path):
    for name, content in (("a.webm", b""), ("b.txt", b"text\n" * 99)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(MediaError, match=name):
            open_source(str(tmp_path / name))
    with av.open(str(tmp_path / "c.mkv"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame(format="s16", layout="mono", samples=1024)
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
    with pytest.raises(MediaError, match="no video stream"):
        open_source(str(tmp_path / "c.mkv"))
