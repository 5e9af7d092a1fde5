"""What a source says of its tracks, and the tracks beside its video, in hybrid files."""

import io
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import av
import pytest
import streams
from rich_streams import ffmpeg, read, source, write

from ns_ray.errors import MediaError
from ns_ray.hybrid.live import LiveWriter
from ns_ray.hybrid.reader import HybridReader
from ns_ray.hybrid.writer import append_epoch, finish
from ns_ray.video import matroska as m
from ns_ray.video.packets import SidePacket
from ns_ray.video.tracks import MOST_SIDES, entries_of, header_of, header_with

HDR = m.element(
    m.COLOUR,
    m.unsigned(m.RANGE, 1),
    m.unsigned(m.PRIMARIES, 9),
    m.unsigned(m.TRANSFER, 16),
    m.unsigned(m.MATRIX, 9),
    m.unsigned(m.MAX_CLL, 1000),
    m.unsigned(m.MAX_FALL, 400),
    m.element(
        m.MASTERING,
        *(m.double(0x55D1 + at, value) for at, value in enumerate((0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.31, 0.33))),
        m.double(0x55D9, 1000),
        m.double(0x55DA, 0.01),
    ),
)


def picture(path, track=0):
    """The elements that describe a track's pictures."""
    with av.open(str(path)) as container:
        header = header_of(container, container.streams.video[track])[0]
    return m.child(entries_of(header)[0], m.VIDEO)


def colours(path):
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        return int(frame.color_range), int(frame.colorspace), int(frame.color_primaries), int(frame.color_trc)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return streams.encode(tmp_path_factory.mktemp("b") / "b.mkv", frames=20)


@pytest.mark.parametrize(("audio", "name"), [("libopus", "s.webm"), ("aac", "s.mp4"), ("flac", "s.mkv")])
def test_sound_is_copied(tmp_path, base, audio, name):
    what = read(source(tmp_path / name, base, audio=audio))
    assert [track.kind for track in what.format.sides] == ["audio"]
    path = write(tmp_path / "h.mkv", what)
    reader = HybridReader(str(path))
    heard = [(one.data, one.key) for packet in reader for one in packet.sides]
    assert heard == [(one.data, one.key) for one in what.sides[-len(heard) :]]
    assert len(heard) >= len(what.sides) - 1, "a packet before the first picture at most is left out"
    decoded = []
    for file in (tmp_path / name, path):
        with av.open(str(file)) as container:
            decoded.append(sum(frame.samples for frame in container.decode(audio=0)))
    assert decoded[1] == pytest.approx(decoded[0], abs=1100)


@pytest.mark.parametrize(("subtitles", "name"), [("srt", "s.mkv"), ("ass", "s.mkv"), ("webvtt", "s.webm")])
def test_subtitles_are_copied(tmp_path, base, subtitles, name):
    what = read(source(tmp_path / name, base, subtitles=subtitles))
    path = write(tmp_path / "h.mkv", what)
    reader = HybridReader(str(path))
    assert [track.kind for track in reader.sides] == ["subtitle"]
    shown = [one for packet in reader for one in packet.sides]
    assert [(one.pts, one.duration, one.data) for one in shown] == [
        (one.pts, one.duration, one.data) for one in what.sides
    ]
    out = tmp_path / "out.srt"
    ffmpeg("-i", path, "-map", "0:s:0", out)
    assert "00:00:00,100 --> 00:00:00,400\nFirst" in out.read_text()
    with av.open(str(path)) as container:
        assert container.streams.subtitles[0].metadata["language"] in ("deu", "ger")


def test_sides_follow_the_anchors_in_the_order_of_time(tmp_path, base):
    what = read(source(tmp_path / "s.mkv", base, audio="libopus", subtitles="srt"))
    path = write(tmp_path / "h.mkv", what, epoch=7)
    with av.open(str(path)) as container:
        assert [stream.type for stream in container.streams] == ["video", "video", "audio", "subtitle"]
        assert container.streams[1].metadata["title"] == "anchors"
        assert container.streams[1].metadata["SCALE"] == "2"
        ends = [float(packet.pts * packet.time_base) for packet in container.demux() if packet.size]
    late = [before - after for before, after in pairwise(ends)]
    assert max(late) < 0.03


def test_without_anchors_all_tracks_are_kept_too(tmp_path, base):
    what = read(source(tmp_path / "s.mkv", base, audio="libopus"), None)
    what = replace(what, format=replace(what.format, video_size=(288, 192)))
    with av.open(str(write(tmp_path / "hr.mkv", what))) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]
    assert m.number(m.child(picture(tmp_path / "hr.mkv"), m.PIXEL_WIDTH)) in (96, 288)


@pytest.mark.parametrize("stereo", ["left_right", "top_bottom", "col_interleaved_lr", "anaglyph_cyan_red"])
def test_what_is_told_of_the_pictures_arrives(tmp_path, base, stereo):
    """Pixel aspect, stereo, title, language: through a header that was made of a header."""
    tagged = source(
        tmp_path / "s.mkv",
        base,
        *("-aspect", "2:1", "-metadata:s:v:0", f"stereo_mode={stereo}"),
        *("-metadata:s:v:0", "title=Main", "-metadata:s:v:0", "language=fra"),
    )
    path = write(tmp_path / "h.mkv", read(tagged))
    again = write(tmp_path / "again.mkv", read(path))
    for file in (path, again):
        with av.open(str(file)) as container:
            video, anchors = container.streams.video[:2]
            assert video.sample_aspect_ratio == anchors.sample_aspect_ratio == Fraction(4, 3)
            assert video.metadata["title"] == "Main"
            assert video.metadata["language"] in ("fre", "fra")
            assert video.metadata["stereo_mode"] == stereo
            assert video.metadata["stereo_mode"] == anchors.metadata["stereo_mode"]
            assert bool(video.disposition & av.stream.Disposition.default)
            assert not anchors.disposition & av.stream.Disposition.default


@pytest.mark.parametrize("aspect", [Fraction(3, 4), Fraction(40, 33), Fraction(12, 11), Fraction(2)])
def test_any_shape_of_pixels_is_kept_exactly(tmp_path, base, aspect):
    shown = aspect * Fraction(96, 64)
    tagged = source(tmp_path / "s.mp4", base, "-aspect", f"{shown.numerator}:{shown.denominator}")
    with av.open(str(write(tmp_path / "h.mkv", read(tagged)))) as container:
        for stream in container.streams.video:
            assert stream.sample_aspect_ratio == aspect


@pytest.mark.parametrize("degrees", [90, -90, 180])
def test_rotation_is_kept(tmp_path, base, degrees):
    turned = source(tmp_path / "s.mp4", base, "<-display_rotation", f"<{degrees}")
    path = write(tmp_path / "h.mkv", read(turned))
    for track in (0, 1):
        with av.open(str(turned)) as before, av.open(str(path)) as after:
            expected = next(before.decode(video=0)).rotation
            assert abs(expected) == abs(degrees)
            assert next(after.decode(video=track)).rotation == expected


def test_colours_are_kept_and_so_is_the_brightness_of_hdr(tmp_path, base):
    what = read(base)
    entry = entries_of(what.format.header)[0]
    video = m.without(m.child(entry, m.VIDEO), m.COLOUR) + HDR
    header = header_with([m.without(entry, m.VIDEO) + m.element(m.VIDEO, video)])
    path = write(tmp_path / "h.mkv", replace(what, format=replace(what.format, header=header)))
    found = dict(m.children(m.child(picture(path), m.COLOUR)))
    assert m.number(found[m.PRIMARIES]) == 9
    assert m.number(found[m.TRANSFER]) == 16
    assert m.number(found[m.MAX_CLL]) == 1000
    assert m.number(found[m.MAX_FALL]) == 400
    assert m.real(m.child(found[m.MASTERING], 0x55D9)) == 1000
    assert HybridReader(str(path)).info.colors.primaries == 9


@pytest.mark.parametrize("full", [False, True])
def test_colours_of_the_bitstream_are_told(tmp_path, full):
    coded = tmp_path / "c.mkv"
    with av.open(str(coded), "w") as container:
        stream = container.add_stream("libvpx-vp9", rate=30, options=streams.REALTIME)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        context = stream.codec_context
        context.color_range, context.colorspace = 2 if full else 1, 5
        for number in range(3):
            frame = av.VideoFrame(64, 48, "yuv420p")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    colors = HybridReader(str(write(tmp_path / "h.mkv", read(coded)))).info.colors
    assert (colors.range, colors.matrix) == (2 if full else 1, 5)


def test_what_cannot_be_carried_is_said(tmp_path, base):
    text = tmp_path / "t.txt"
    text.write_text("attached")
    made = source(tmp_path / "s.mkv", base, "-attach", text, "-metadata:s:t", "mimetype=text/x")
    notes = read(made).notes
    assert any("attachment" in note for note in notes)
    spoken = read(source(tmp_path / "s.mp4", base, subtitles="mov_text"))
    assert any("(mov_text) is copied as plain text: its styles are left out" in note for note in spoken.notes)
    two = tmp_path / "two.mkv"
    ffmpeg("-i", base, "-i", base, "-map", "0", "-map", "1", "-c", "copy", two)
    assert any("one video" in note for note in read(two).notes)


def test_transparency_is_said_to_be_lost(base):
    entry = entries_of(read(base).format.header)[0]
    video = m.child(entry, m.VIDEO) + m.unsigned(m.ALPHA_MODE, 1)
    with av.open(io.BytesIO(header_with([m.without(entry, m.VIDEO) + m.element(m.VIDEO, video)]))) as container:
        header, _, _, notes = header_of(container)
    assert any("alpha" in note for note in notes)
    assert m.child(entries_of(header)[0], m.VIDEO, m.ALPHA_MODE) is None


def test_more_tracks_than_a_few_are_left_out(tmp_path, base):
    many = tmp_path / "many.mkv"
    sound = source(tmp_path / "s.mkv", base, audio="libopus")
    ffmpeg("-i", sound, "-map", "0:v", *["-map", "0:a"] * (MOST_SIDES + 2), "-c", "copy", "-t", "0.1", many)
    what = read(many)
    assert len(what.format.sides) == MOST_SIDES
    assert len(what.notes) == 2
    write(tmp_path / "h.mkv", what)


def test_a_header_opens_by_itself(base):
    with av.open(str(base)) as container:
        header = header_of(container)[0]
    with av.open(io.BytesIO(header)) as container:
        assert container.streams.video[0].codec_context.width == 96
        assert not [packet for packet in container.demux() if packet.size]


def test_a_damaged_header_is_an_error(base):
    with av.open(str(base)) as container:
        header = header_of(container)[0]
    for data in (header[:40], header[:-30], b"", b"\0" * 50, header[60:]):
        with pytest.raises(MediaError):
            entries_of(data)


def test_a_header_of_other_tracks_is_refused(tmp_path, base):
    what = read(source(tmp_path / "s.mkv", base, audio="libopus"))
    with pytest.raises(MediaError, match="2 tracks, and 1 are"):
        write(tmp_path / "h.mkv", replace(what, sides=[], format=replace(what.format, sides=())))


def test_subtitles_and_sound_before_the_first_picture_are_left_out(tmp_path, base):
    what = read(source(tmp_path / "s.mkv", base, audio="libopus"))
    early = [replace(what.sides[0], pts=-500), *what.sides]
    path = write(tmp_path / "h.mkv", replace(what, sides=early))
    got = [one for packet in HybridReader(str(path)) for one in packet.sides]
    assert len(got) == len(what.sides)


def test_packets_need_not_be_there_for_what_comes_beside_them(tmp_path, base):
    """Sound that goes on after the last frame is written in an epoch without frames."""
    what = read(source(tmp_path / "s.mkv", base, audio="libopus"))
    part = tmp_path / "h.mkv.part"
    offset = append_epoch(part, what.format, 0, what.packets, what.anchors(), what.sides[:10])
    append_epoch(part, what.format, offset, [], [], what.sides[10:])
    finish(part, tmp_path / "h.mkv", what.format)
    got = [one for packet in HybridReader(str(tmp_path / "h.mkv")) for one in packet.sides]
    assert [one.data for one in got] == [one.data for one in what.sides]


def test_sound_that_comes_in_lots_is_sent_live_in_as_many_clusters_as_it_needs(tmp_path, base):
    """In ticks of 1/90000 s a cluster holds a third of a second; HLS has its sound in larger lots."""
    what = read(source(tmp_path / "s.mkv", base, audio="aac"))
    sides = tuple(replace(side, time_base=Fraction(1, 90000)) for side in what.format.sides)
    writer = LiveWriter(replace(what.format, sides=sides))
    lot = [SidePacket(0, bytes([at]), at * 1800, 1800, True) for at in range(60)]
    path = tmp_path / "live.mkv"
    path.write_bytes(writer.header(None) + b"".join(writer.sides(lot)) + writer.packet(what.packets[0]))
    with av.open(str(path)) as container:
        got = [(bytes(one), one.pts * one.time_base) for one in container.demux(audio=0) if one.size]
    assert got == [(one.data, Fraction(one.pts, 90000)) for one in lot]
    assert len(writer.sides(lot[:3])) == 1
    assert writer.sides([]) == []
