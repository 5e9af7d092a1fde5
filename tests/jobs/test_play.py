import json
import os
import resource
import signal
import threading
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
import streams
import vp9_streams
from jpeg_anchors import encode_anchor
from made_streams import stream_of
from rich_streams import ffmpeg, read, source, write
from sources import samples, write_source

from ns_ray.client.decoder import HybridDecoder
from ns_ray.client.rebuild import HrFrame
from ns_ray.hybrid.reader import HybridReader
from ns_ray.hybrid.writer import HybridFormat, append_epoch
from ns_ray.jobs import play, quality
from ns_ray.picture.colors import STANDARD
from ns_ray.picture.convert import convert
from ns_ray.picture.yuv import Yuv420
from ns_ray.sr.calibrate import create_engine
from ns_ray.sr.weights import load_weights
from ns_ray.video import matroska as m
from ns_ray.video.decode import VideoDecoder
from ns_ray.video.packets import read_packets
from ns_ray.video.probe import probe
from ns_ray.video.tracks import codec_of, entries_of, header_of, header_with

REFERENCE = streams.SAMPLE.with_name("1080p_d4_test.webm")
FRAMES = 12
FAST = {
    ".webm": ("--encoder-option", "deadline=realtime", "--encoder-option", "cpu-used=8"),
    ".y4m": (),
}


@pytest.fixture(scope="module")
def hybrid(tmp_path_factory):
    """The beginning of the sample with its key frame super-resolved by the shipped weights."""
    info = probe(str(streams.SAMPLE))
    packets = [packet for packet, _ in zip(read_packets(info), range(FRAMES), strict=False)]
    first = VideoDecoder(info).decode(packets[:1]).frames[0].picture
    engine = create_engine("torch", "EDSR_B8_F16_S3", info.width, info.height)
    engine.load(load_weights("EDSR_B8_F16_S3"))
    anchor = encode_anchor(engine.infer(first.planes), 0, 0, 95)
    path = tmp_path_factory.mktemp("hybrid") / "h.mkv"
    append_epoch(
        path,
        HybridFormat((640, 360), (1920, 1080), info.frame_rate, info.time_base, video_codec="vp9"),
        0,
        packets,
        [anchor],
    )
    return path


@pytest.mark.parametrize(
    ("name", "extra", "size"),
    [
        ("o.mp4", (), (1920, 1080)),
        ("o.y4m", ("--mode", "plain"), (1920, 1080)),
        ("o.mkv", ("--encoder", "libvpx-vp9", *FAST[".webm"], "--mode", "lr"), (1920, 1080)),
        ("o.mp4", ("--side-by-side", "--encoder-option", "preset=ultrafast"), (3840, 1080)),
    ],
)
def test_play_writes_video(tmp_path, hybrid, capsys, name, extra, size):
    out = tmp_path / name
    assert play.main([str(hybrid), "-o", str(out), *extra]) == 0
    with av.open(str(out)) as container:
        frames = list(container.decode(video=0))
    assert len(frames) == FRAMES
    assert (frames[0].width, frames[0].height) == size
    assert list(tmp_path.iterdir()) == [out], "nothing half-written is left"
    told = capsys.readouterr().out
    assert f"{FRAMES} frames" in told
    assert ("1 anchor, 11 rebuilt" in told) == ("lr" not in extra)


def test_the_original_stands_beside_and_a_part_is_enlarged(tmp_path, rich, capsys):
    hybrid, _ = rich
    original = write_source(tmp_path / "original.mkv", size=(192, 128), frames=20)
    shown_at = {}
    for name, more in (("all.y4m", ()), ("part.y4m", ("--zoom", "2:0:0"))):
        argv = [str(hybrid), "-o", str(tmp_path / name), "--side-by-side", "--despite", "rate", "--despite", "shape"]
        assert play.main([*argv, "--reference", str(original), *more]) == 0
        with av.open(str(tmp_path / name)) as container:
            shown_at[name] = next(container.decode(video=0)).to_ndarray(format="gray")
    whole, part = shown_at["all.y4m"], shown_at["part.y4m"]
    assert whole.shape == part.shape == (128, 3 * 192)
    for left in (0, 192, 384):
        window = whole[40:64, left + 40 : left + 96].repeat(2, 0).repeat(2, 1)
        assert np.array_equal(part[80:128, left + 80 : left + 192], window), "below the names"
    assert not np.array_equal(whole[:, :192], whole[:, 192:384])


@pytest.mark.parametrize(
    ("wrong", "said"),
    [(("--zoom", "1"), "2:X:Y"), (("--zoom", "2:3"), "2:X:Y"), (("--reference", "hr.webm"), "--side-by-side")],
)
def test_what_cannot_be_shown_is_wrong_usage(capsys, wrong, said):
    with pytest.raises(SystemExit) as stop:
        play.main(["a.mkv", "-o", "b.mkv", *wrong])
    assert stop.value.code == 2
    assert said in capsys.readouterr().err


def test_quality_beats_upscaling(tmp_path, hybrid, capsys):
    out = tmp_path / "q.json"
    assert quality.main([str(hybrid), "--reference", str(REFERENCE), "--json", str(out), "--every", "3"]) == 0
    result = json.loads(out.read_text())
    assert [frame["video_index"] for frame in result["frames"]] == [0, 3, 6, 9]
    assert [frame["source"] for frame in result["frames"]] == ["anchor", "rebuilt", "rebuilt", "rebuilt"]
    mean = result["mean"]
    assert mean["hybrid"]["psnr_y"] > mean["bicubic"]["psnr_y"] > mean["bilinear"]["psnr_y"]
    assert mean["hybrid"]["ssim_y"] > mean["bilinear"]["ssim_y"]
    assert 20 < mean["bilinear"]["psnr_y"] < 50
    assert "bicubic" in capsys.readouterr().out


@pytest.mark.parametrize(("job", "extra"), [(play, ("-o", "{}/o.mp4")), (quality, ("--reference", str(REFERENCE)))])
def test_what_is_no_hybrid_stream_is_refused(tmp_path, capsys, job, extra):
    assert job.main([str(streams.SAMPLE), *(one.format(tmp_path) for one in extra)]) == 1
    assert "no hybrid stream" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_an_unknown_encoder_is_named(tmp_path, hybrid, capsys):
    assert play.main([str(hybrid), "-o", str(tmp_path / "o.mp4"), "--encoder", "nothing"]) == 2
    assert "nothing" in capsys.readouterr().err


# Times, tracks and tags, on a small stream that has them all.

BASE = Fraction(1, 90_000)
PAUSE = 450_017
SHAPED = [("o.mkv", ()), ("o.webm", ()), ("o.mp4", ()), ("s.mkv", ("--side-by-side",))]


@pytest.fixture(scope="module")
def rich(tmp_path_factory):
    """30 frames 96x64 on a 90 kHz clock with a pause, pixels of 4:3, turned, with sound and subtitles."""
    folder = tmp_path_factory.mktemp("rich")
    plain = streams.encode(folder / "p.mkv", frames=30)
    turned = source(folder / "t.mp4", plain, "<-display_rotation", "<90", "-aspect", "2:1")
    what = read(source(folder / "s.mkv", turned, audio="libopus", subtitles="srt"))
    times = [number * 1500 + (number > 9) * PAUSE + number % 2 * 7 for number in range(30)]
    packets = [replace(packet, pts=time) for packet, time in zip(what.packets, times, strict=True)]
    what = replace(what, packets=packets, format=replace(what.format, time_base=BASE))
    return write(folder / "rich.mkv", what), times


def shown(path):
    """Times of the frames in seconds, as a player gets them."""
    with av.open(str(path)) as container:
        return [frame.pts * frame.time_base for frame in container.decode(video=0)]


@pytest.mark.parametrize("name", ["o.mkv", "o.webm", "o.mp4", "o.mov"])
def test_times_are_kept_exactly(tmp_path, rich, capsys, name):
    hybrid, times = rich
    out = tmp_path / name
    assert play.main([str(hybrid), "-o", str(out), *FAST.get(out.suffix, ())]) == 0
    assert [int(time / BASE + Fraction(1, 2)) for time in shown(out)] == times
    if out.suffix in (".mp4", ".mov"):
        assert [time / BASE for time in shown(out)] == times
    assert "rate" not in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize(
    "base", [Fraction(1, 24), Fraction(1, 15360), Fraction(1001, 30000), Fraction(1, 10**9)], ids=str
)
@pytest.mark.parametrize("name", ["o.mkv", "o.mp4", "o.webm"])
def test_times_of_any_base_are_kept(tmp_path, plain_video, base, name):
    what = read(plain_video)
    step = max(1, round(Fraction(1, 24) / base))
    packets = [replace(packet, pts=packet.video_index * step, duration=step) for packet in what.packets[:8]]
    form = replace(what.format, time_base=base, frame_rate=1 / (step * base))
    hybrid = write(tmp_path / "h.mkv", replace(what, packets=packets, format=form))
    assert play.main([str(hybrid), "-o", str(tmp_path / name), *FAST.get(f".{name[2:]}", ())]) == 0
    assert [int(time / base + Fraction(1, 2)) for time in shown(tmp_path / name)] == [packet.pts for packet in packets]


@pytest.mark.parametrize("tag", [b"1/1000", b"60/1"], ids=["time base", "rate"])
@pytest.mark.parametrize("value", [b"0/01", b"1e99", b"-1/9", b"9e-9", b"1e-9999", b"????"])
@pytest.mark.parametrize("name", ["o.mkv", "o.mp4", "o.y4m"])
def test_a_damaged_tag_costs_no_frame(tmp_path, plain_video, tag, value, name):
    what = read(plain_video)
    hybrid = write(tmp_path / "h.mkv", replace(what, packets=what.packets[:6]))
    data = hybrid.read_bytes()
    assert tag in data
    hybrid.write_bytes(data.replace(tag, value[: len(tag)].ljust(len(tag))))
    assert play.main([str(hybrid), "-o", str(tmp_path / name), "--mode", "lr"]) == 0
    assert len(shown(tmp_path / name)) == len(shown(hybrid))


@pytest.mark.parametrize(
    ("name", "kept", "lost"),
    [
        ("o.mkv", ["opus", "subrip"], []),
        ("o.webm", ["opus"], ["subrip"]),
        ("o.mp4", ["opus"], ["subrip"]),
        ("o.mov", [], ["opus", "subrip"]),
        ("o.y4m", [], ["opus", "subrip"]),
    ],
)
def test_sound_and_subtitles_are_copied_or_said_to_be_lost(tmp_path, rich, capsys, name, kept, lost):
    hybrid, _ = rich
    out = tmp_path / name
    assert play.main([str(hybrid), "-o", str(out), *FAST.get(out.suffix, ())]) == 0
    told = capsys.readouterr().out
    assert [codec for codec in ("opus", "subrip") if f"({codec}), which is left out" in told] == lost
    with av.open(str(out)) as container:
        assert [codec_of(stream) for stream in container.streams if stream.type != "video"] == kept
    if not kept:
        return
    reader = HybridReader(str(hybrid))
    for at, track in enumerate(reader.sides):
        if track.codec in kept:
            sides = [one for packet in HybridReader(str(hybrid)) for one in packet.sides if one.track == at]
            with av.open(str(out)) as container:
                stream = container.streams[1 + kept.index(track.codec)]
                assert stream.metadata["language"] in {"opus": ("fra", "fre"), "subrip": ("deu", "ger")}[track.codec]
                packets = [one for one in container.demux(stream) if one.size]
                assert [bytes(one) for one in packets] == [one.data for one in sides]
                starts = [float(one.pts * one.time_base) for one in packets]
            assert starts == pytest.approx([float(one.pts * track.time_base) for one in sides], abs=0.0075)


@pytest.mark.parametrize(
    ("name", "extra"), [("o.mkv", ()), ("o.webm", ()), ("o.mp4", ()), ("o.mkv", ("--side-by-side",))]
)
def test_shape_and_rotation_are_kept(tmp_path, rich, name, extra):
    hybrid, _ = rich
    out = tmp_path / name
    assert play.main([str(hybrid), "-o", str(out), *extra, *FAST.get(out.suffix, ())]) == 0
    with av.open(str(out)) as container, av.open(str(hybrid)) as origin:
        assert container.streams.video[0].sample_aspect_ratio == Fraction(4, 3)
        assert next(container.decode(video=0)).rotation == next(origin.decode(video=0)).rotation != 0


HDR = m.element(m.COLOUR, m.unsigned(m.PRIMARIES, 9), m.unsigned(m.MAX_CLL, 900), m.unsigned(m.MAX_FALL, 300))


@pytest.mark.parametrize(("name", "kept"), [("o.mkv", True), ("o.webm", True), ("o.mp4", False)])
def test_hdr_and_stereo_are_kept_or_said_to_be_lost(tmp_path, plain_video, capsys, name, kept):
    what = read(plain_video)
    entry = entries_of(what.format.header)[0]
    video = m.without(m.child(entry, m.VIDEO), m.COLOUR) + HDR + m.unsigned(m.STEREO_MODE, 1)
    header = header_with([m.without(entry, m.VIDEO) + m.element(m.VIDEO, video)])
    what = replace(what, packets=what.packets[:4], format=replace(what.format, header=header))
    hybrid, out = write(tmp_path / "h.mkv", what), tmp_path / name
    assert play.main([str(hybrid), "-o", str(out), *FAST.get(out.suffix, ())]) == 0
    told = capsys.readouterr().out
    assert ("(HDR)" in told, "it is stereo" in told) == (not kept, not kept)
    with av.open(str(out)) as container:
        told = entries_of(header_of(container)[0])[0]
        assert int(container.streams.video[0].codec_context.color_primaries) == 9
    if kept:
        assert m.number(m.child(told, m.VIDEO, m.STEREO_MODE)) == 1
        assert m.number(m.child(told, m.VIDEO, m.COLOUR, m.MAX_CLL)) == 900
        assert m.number(m.child(told, m.VIDEO, m.COLOUR, m.MAX_FALL)) == 300


def test_an_encoder_that_does_not_take_the_size_is_named(tmp_path, rich, monkeypatch, capsys):
    monkeypatch.setattr(play, "HybridDecoder", lambda *_: Script(rich[0], [(393, 201)]))
    assert play.main([str(rich[0]), "-o", str(tmp_path / "o.mkv")]) == 1
    assert "libx264 cannot encode pictures of 393x201" in capsys.readouterr().err
    assert play.main([str(rich[0]), "-o", str(tmp_path / "o.webm"), *FAST[".webm"]]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["o.webm"]


@pytest.mark.parametrize("tags", [(2, 5, 6, 6), (1, 1, 1, 1), (1, 2, 2, 2)])
@pytest.mark.parametrize("name", ["o.mkv", "o.mp4", "o.webm"])
def test_colours_are_tagged_as_the_stream_is(tmp_path, tags, name):
    coded, out = tmp_path / "c.mkv", tmp_path / name
    with av.open(str(coded), "w") as container:
        stream = container.add_stream("libvpx-vp9", rate=30, options=streams.REALTIME)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        context = stream.codec_context
        context.color_range, context.colorspace, context.color_primaries, context.color_trc = tags
        for number in range(3):
            frame = av.VideoFrame(64, 48, "yuv420p")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    hybrid = write(tmp_path / "h.mkv", read(coded))
    assert play.main([str(hybrid), "-o", str(out), *FAST.get(out.suffix, ())]) == 0
    with av.open(str(out)) as container:
        frame = next(container.decode(video=0))
        context = container.streams.video[0].codec_context
        found = (frame.color_range or 1, frame.colorspace, context.color_primaries, context.color_trc)
    assert tuple(int(one) for one in found) == tags


def matrix_as_coded(frame):
    """A key frame whose header tells another matrix than BT.709's, in the bits behind its sync code (6.2.2)."""
    at = 4
    assert frame[at - 3 : at] == b"\x49\x83\x42"
    assert frame[at] >> 5 == 2
    return frame[:at] + bytes([frame[at] & 0b11111 | 5 << 5]) + frame[at + 1 :]


@pytest.mark.parametrize("told", [1, 9])
@pytest.mark.parametrize("changes", [False, True])
def test_the_bitstream_tells_the_colours_of_what_is_written(tmp_path, capsys, told, changes):
    """Its matrix is BT.2020's, whatever the container says; where it changes, pictures are converted to the first's."""
    coded, hybrid, out = tmp_path / "c.mkv", tmp_path / "h.mkv", tmp_path / "o.mkv"
    write_source(coded, codec="libvpx-vp9", size=(64, 48), frames=4, gop=2, planes=(100, 90, 190))
    what = read(coded)
    entry = entries_of(what.format.header)[0]
    colour = m.element(m.COLOUR, m.unsigned(m.MATRIX, told), m.unsigned(m.RANGE, 1))
    video = m.without(m.child(entry, m.VIDEO), m.COLOUR) + colour
    header = header_with([m.without(entry, m.VIDEO) + m.element(m.VIDEO, video)])
    packets = [
        replace(one, data=matrix_as_coded(one.data)) if one.key and not (changes and one.video_index) else one
        for one in what.packets
    ]
    assert [one.key for one in packets] == [True, False] * 2
    write(hybrid, replace(what, packets=packets, format=replace(what.format, header=header, anchor_size=(128, 96))))
    assert play.main([str(hybrid), "-o", str(out), "--mode", "lr", "--encoder-option", "crf=1"]) == 0
    own, other = replace(STANDARD, matrix=9), STANDARD if changes else replace(STANDARD, matrix=9)
    with av.open(str(out)) as container:
        frames = list(container.decode(video=0))
    assert [int(frame.colorspace) for frame in frames] == [9] * 4
    for frame, colors in zip(frames, (own, own, other, other), strict=True):
        grey = [np.full((2, 2), value, np.uint8) for value in (100, 90, 190)]
        expected = convert(Yuv420(grey[0], grey[1][:1, :1], grey[2][:1, :1]), colors, own)
        assert samples(frame) == pytest.approx([int(plane[0, 0]) for plane in expected.planes], abs=2)
    assert ("its colours change at frame 2" in capsys.readouterr().out) == changes


def test_what_has_no_times_says_so(tmp_path, rich, plain_video, capsys):
    assert play.main([str(rich[0]), "-o", str(tmp_path / "o.y4m")]) == 0
    assert "holds no times" in capsys.readouterr().out
    even = write(tmp_path / "even.mkv", read(plain_video))
    assert play.main([str(even), "-o", str(tmp_path / "e.y4m")]) == 0
    assert "holds no times" not in capsys.readouterr().out
    with av.open(str(tmp_path / "e.y4m")) as container:
        assert container.streams.video[0].average_rate == 60


def test_what_an_edit_list_cuts_off_is_not_shown(tmp_path, plain_video):
    """FFmpeg begins a copy at the key frame before; its packets up to the cut have times below 0."""
    hybrid, cut = write(tmp_path / "h.mkv", read(plain_video)), tmp_path / "cut.mp4"
    ffmpeg("-ss", "0.2", "-i", hybrid, "-map", "0", "-c", "copy", cut)
    with av.open(str(cut)) as container:
        assert any(one.pts < 0 for one in container.demux(video=0) if one.size)
    assert play.main([str(cut), "-o", str(tmp_path / "o.mkv")]) == 0
    assert shown(tmp_path / "o.mkv") == pytest.approx(shown(cut), abs=0.001)


@pytest.mark.parametrize("name", ["o.mkv", "o.mp4", "o.y4m"])
def test_files_that_were_joined_play_one_after_the_other(tmp_path, rich, capsys, name):
    hybrid, times = rich
    joined, out = tmp_path / "j.mkv", tmp_path / name
    joined.write_bytes(hybrid.read_bytes() * 2)
    assert play.main([str(joined), "-o", str(out)]) == 0
    assert "times went back" in capsys.readouterr().out
    found = shown(out)
    assert len(found) == 2 * len(times)
    if name != "o.y4m":
        assert found[:30] == pytest.approx([float(time * BASE) for time in times], abs=1e-5)
        assert np.diff(found[30:]) == pytest.approx(np.diff(found[:30]), abs=1e-5)
        with av.open(str(out)) as container:
            heard = [one.pts for one in container.demux(audio=0) if one.size]
        assert heard == sorted(heard)
        assert len(heard) > 80
        assert found[30] > found[29]


def test_other_programs_read_what_is_written(tmp_path, rich):
    for name in ("o.mkv", "o.mp4"):
        assert play.main([str(rich[0]), "-o", str(tmp_path / name)]) == 0
        assert not ffmpeg("-v", "warning", "-i", tmp_path / name, "-map", "0", "-c", "copy", "-f", "null", "-")


class Script:
    """Stands for a decoder: hands out frames of the sizes given, then does what it is told to."""

    def __init__(self, hybrid, sizes, then=None):
        self.info = HybridDecoder(str(hybrid)).info
        self.damaged, self.sides, self.scale = [], [], 2
        self._sizes, self._then = sizes, then

    def largest_size(self):
        return None

    def __iter__(self):
        for number, (width, height) in enumerate(self._sizes):
            shapes = (height, width), ((height + 1) // 2, (width + 1) // 2)
            luma, chroma = (np.full(shape, 90 + number, np.uint8) for shape in shapes)
            picture = Yuv420(luma, chroma, chroma)
            yield HrFrame(number, number * 3000, picture, picture, "rebuilt")
        if self._then:
            self._then()


def interrupt():
    raise KeyboardInterrupt


@pytest.mark.parametrize("name", ["o.mkv", "o.mp4", "o.y4m"])
def test_a_stream_that_changes_its_size_is_scaled_to_the_first(tmp_path, rich, monkeypatch, capsys, name):
    sizes = [(192, 128)] * 3 + [(288, 192)] * 3 + [(96, 64)] * 3
    monkeypatch.setattr(play, "HybridDecoder", lambda *_: Script(rich[0], sizes))
    assert play.main([str(rich[0]), "-o", str(tmp_path / name)]) == 0
    with av.open(str(tmp_path / name)) as container:
        frames = list(container.decode(video=0))
    assert [(frame.width, frame.height) for frame in frames] == [(192, 128)] * 9
    assert capsys.readouterr().out.count("the size of the first") == 1


@pytest.mark.parametrize("sizes", [((96, 64), (128, 80)), ((128, 80), (96, 64))])
def test_a_stream_that_grows_is_written_at_its_largest(tmp_path, capsys, sizes):
    coded = [vp9_streams.encode(vp9_streams.Stream(*size, 3, vp9_streams.REALTIME)) for size in sizes]
    # A single frame may claim any size.
    coded.insert(1, vp9_streams.encode(vp9_streams.Stream(256, 200, 1, vp9_streams.REALTIME)))
    packets = stream_of([packet] for packets in coded for packet in packets)
    hybrid = tmp_path / "h.mkv"
    form = HybridFormat(
        sizes[0], (sizes[0][0] * 2, sizes[0][1] * 2), Fraction(30), Fraction(1, 1000), video_codec="vp9"
    )
    append_epoch(hybrid, form, 0, packets, [])
    assert play.main([str(hybrid), "-o", str(tmp_path / "o.mkv")]) == 0
    with av.open(str(tmp_path / "o.mkv")) as container:
        assert [(frame.width, frame.height) for frame in container.decode(video=0)] == [(256, 160)] * 7
    assert "written at 256x160, the size of the largest" in " ".join(capsys.readouterr().out.split())


def test_a_damaged_key_frame_does_not_tell_the_size(tmp_path):
    coded = list(vp9_streams.encode(vp9_streams.Stream(96, 64, 6, (*vp9_streams.REALTIME, "-g", "3"))))
    assert coded[0][4:7] == bytes([0, 5, 0xF0])  # colours, and 96 - 1 behind them
    coded[0] = coded[0][:4] + bytes([1 << 1]) + coded[0][5:]  # 8288x64
    form = HybridFormat((96, 64), (192, 128), Fraction(30), Fraction(1, 1000), video_codec="vp9")
    append_epoch(tmp_path / "h.mkv", form, 0, stream_of([packet] for packet in coded), [])
    assert play.main([str(tmp_path / "h.mkv"), "-o", str(tmp_path / "o.mkv")]) == 0
    with av.open(str(tmp_path / "o.mkv")) as container:
        assert {(frame.width, frame.height) for frame in container.decode(video=0)} == {(192, 128)}


def test_what_cannot_be_read_twice_is_written_at_its_first_size(tmp_path, rich):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(rich[0].read_bytes()))
    writer.start()
    assert play.main([str(pipe), "-o", str(tmp_path / "o.mkv"), "--mode", "lr"]) == 0
    writer.join()
    assert len(shown(tmp_path / "o.mkv")) == len(rich[1])


@pytest.mark.parametrize("name", ["o.mkv", "o.mp4", "o.y4m"])
@pytest.mark.parametrize("frames", [0, 70])
def test_nothing_is_left_of_what_was_interrupted(tmp_path, rich, monkeypatch, name, frames):
    old = tmp_path / name
    old.write_bytes(b"of before")
    monkeypatch.setattr(play, "HybridDecoder", lambda *_: Script(rich[0], [(192, 128)] * frames, interrupt))
    assert play.main([str(rich[0]), "-o", str(old)]) == 1
    assert list(tmp_path.iterdir()) == [old]
    assert old.read_bytes() == b"of before"


def test_without_any_picture_nothing_is_written(tmp_path, rich, monkeypatch, capsys):
    monkeypatch.setattr(play, "HybridDecoder", lambda *_: Script(rich[0], []))
    assert play.main([str(rich[0]), "-o", str(tmp_path / "o.mkv")]) == 1
    assert "no picture" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["o.mkv", "o.mp4", "o.y4m"])
def test_a_full_disk_is_said_and_leaves_nothing(tmp_path, rich, monkeypatch, capsys, name):
    monkeypatch.setattr(play, "HybridDecoder", lambda *_: Script(rich[0], [(192, 128)] * 90))
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    try:
        assert play.main([str(rich[0]), "-o", str(tmp_path / name)]) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert f"{name}: it cannot be written" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("link", [os.link, os.symlink, None])
def test_the_input_is_never_written_over(tmp_path, rich, capsys, link):
    hybrid = tmp_path / "h.mkv"
    hybrid.write_bytes(rich[0].read_bytes())
    out = tmp_path / "o.mkv" if link else hybrid
    if link:
        link(hybrid, out)
    before = hybrid.read_bytes()
    assert play.main([str(hybrid), "-o", str(out)]) == 2
    assert "which is an input (hybrid)" in capsys.readouterr().err
    assert hybrid.read_bytes() == before


def test_what_is_no_file_may_be_written_over_a_film_of_before(tmp_path, capsys):
    out = tmp_path / "o.mkv"
    out.write_bytes(b"of before")
    assert play.main([str(tmp_path / "absent.mkv"), "-o", str(out)]) == 1
    assert "absent.mkv: it cannot be opened" in capsys.readouterr().err


def test_play_has_the_options_of_all_jobs(capsys):
    with pytest.raises(SystemExit):
        play.main(["--help"])
    told = capsys.readouterr().out
    assert all(option in told for option in ("--config", "--set", "--data-dir", "--result-dir"))
