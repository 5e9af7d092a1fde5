"""Packets as real sources give them: containers, clocks, edit lists, damage, and readers that were lost."""

import os
import pickle
import random
import struct
import threading
from dataclasses import replace
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path

import av
import pytest
from remux import ffmpeg, ivf, remux

from ns_ray.codecs.vp9.superframe import split
from ns_ray.errors import MediaError
from ns_ray.hybrid.writer import HybridFormat, append_epoch, finish
from ns_ray.video.decode import VideoDecoder
from ns_ray.video.packets import Mark, read_packets, read_units
from ns_ray.video.probe import probe
from ns_ray.video.recordings import WHOLE, open_known
from ns_ray.video.timed_text import plain_text

MS = Fraction(1, 1000)
RATE = Fraction(60)


@pytest.fixture(scope="module")
def clip(plain_video):
    """60 packets, key frames at 0 and 30."""
    return list(read_packets(probe(str(plain_video))))


def times_of(base, count=60, rate=RATE):
    return [round(i / rate / base) for i in range(count)]


def units_of(path, **options):
    return list(read_units(probe(str(path)), **options))


def read(path):
    """Times and notes."""
    units = units_of(path)
    return [unit.packet.pts for unit in units], [note for unit in units for note in unit.notes]


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("a.mp4", Fraction(1, 15360)),
        ("a.mp4", Fraction(1, 60000)),
        ("a.mkv", MS),
        ("a.webm", MS),
        ("a.ivf", Fraction(1, 90000)),
        ("a.ivf", Fraction(1, 60)),
        ("a.ivf", Fraction(1001, 60000)),
        ("a.nut", Fraction(1, 10**9)),
    ],
)
def test_every_time_base_survives_exactly(tmp_path, clip, name, base):
    path = tmp_path / name
    times = times_of(base)
    if path.suffix == ".ivf":
        ivf(path, [p.data for p in clip], times, base)
    else:
        form = {".mp4": "mp4", ".nut": "nut"}.get(path.suffix, "matroska")
        options = {"video_track_timescale": str(base.denominator)} if form == "mp4" else {}
        remux(path, clip, times, base, format=form, rate=60, options=options)
    info = probe(str(path))
    assert float(info.frame_rate) == pytest.approx(60, abs=0.1)
    packets = list(read_packets(info))
    assert [p.pts * info.time_base for p in packets] == [t * base for t in times]
    assert [p.data for p in packets] == [p.data for p in clip]
    assert [p.key for p in packets] == [p.key for p in clip]
    assert [p.video_index for p in packets] == list(range(60))


def test_times_that_begin_elsewhere_begin_at_0(tmp_path, clip):
    for start in (200, -495):
        raws = [t + start for t in times_of(MS)]
        times, notes = read(ivf(tmp_path / f"{start}.ivf", [p.data for p in clip], raws, MS))
        assert times == times_of(MS)
        assert len(notes) == 1
        assert notes[0].startswith("its times begin at")


def test_recordings_behind_one_another_follow_on(tmp_path, clip):
    one = remux(tmp_path / "one.mkv", clip, times_of(MS), MS, rate=60).read_bytes()
    path = tmp_path / "two.mkv"
    path.write_bytes(one + one)
    times, notes = read(path)
    assert len(times) == 120
    assert times[60:] == [t + 1000 for t in times[:60]]
    assert notes == ["times went back by 0.983 s at packet 60: the rest is moved to follow on"]


def test_times_that_go_back_lose_nothing(tmp_path, clip):
    raws = times_of(MS)
    raws = raws[:40] + [t - 200 for t in raws[40:]]
    times, notes = read(ivf(tmp_path / "back.ivf", [p.data for p in clip], raws, MS))
    assert [b - a for a, b in pairwise(times)] == [b - a if b > a else 17 for a, b in pairwise(raws)]
    assert len(notes) == 1


def test_hidden_frames_in_packets_of_their_own_share_a_time(tmp_path, layered_video):
    datas, raws = [], []
    for packet in read_packets(probe(str(layered_video))):
        frames = split(packet.data)
        datas += frames
        raws += [packet.pts] * len(frames)
    assert len(set(raws)) < len(raws)
    path = ivf(tmp_path / "apart.ivf", [bytes(d) for d in datas], raws, MS, (178, 100))
    info = probe(str(path))
    assert info.frame_rate == 60
    units = units_of(path)
    assert [unit.packet.pts for unit in units] == raws
    assert not any(unit.notes for unit in units)
    decoded = VideoDecoder(info).decode([unit.packet for unit in units])
    assert (decoded.shown, decoded.hidden, decoded.damaged) == (90, 35, [])


def test_a_longer_track_beside_it_makes_no_video_truncated(tmp_path, clip):
    path = remux(tmp_path / "a.mkv", clip, times_of(MS), MS, rate=60, sides=range(0, 3000, 20))
    units = units_of(path)
    sides = [side for unit in units for side in unit.sides]
    assert [side.pts for side in sides] == list(range(0, 3000, 20))
    assert all(side.track == 0 and len(side.data) == 320 for side in sides)
    assert units[-1].packet is None, "what is left of the other track comes at the end"
    assert sum(unit.packet is not None for unit in units) == 60


@pytest.mark.parametrize("length", [900, 1000, 1300])
def test_a_track_of_another_length_begins_again_with_the_video(tmp_path, clip, length):
    path = remux(tmp_path / "a.mkv", clip, times_of(MS), MS, rate=60, sides=range(0, length, 20))
    info = probe(str(path))
    units = list(islice(read_units(info, loop=True), 180))
    once = range(0, min(length, 1000), 20)
    assert [side.pts for unit in units for side in unit.sides][: 2 * len(once)] == [*once, *(1000 + t for t in once)]
    assert not any(unit.notes for unit in units)
    for at in (59, 60, 61, 130):
        _, rest = again(info, units[at], 3)
        assert [(u.packet, u.sides) for u in rest] == [(u.packet, u.sides) for u in units[at + 1 : at + 4]]


def test_going_on_in_a_second_recording_that_is_shorter(tmp_path, clip):
    """How long the first was is not forgotten: the second is not cut off."""
    parts = [remux(tmp_path / f"{n}.mkv", clip[:n], times_of(MS, n), MS, rate=60) for n in (60, 31)]
    path = tmp_path / "both.mkv"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    info = probe(str(path))
    units = list(read_units(info))
    assert len(units) == 91
    assert units[88].mark.entry.index == 60
    assert [u.packet for u in read_units(info, units[88].mark)] == [u.packet for u in units[60:]]


def test_a_size_that_only_a_late_key_frame_tells_is_taken_from_it(tmp_path, clip):
    """FFmpeg looks at five seconds; here the key frame comes after eight."""
    joined = [p.data for p in (*clip[1:30] * 7, *clip[30:])]
    path = ivf(tmp_path / "a.ivf", joined, range(len(joined)), Fraction(1, 25), size=(0, 0))
    with av.open(str(path)) as container:
        assert not container.streams.video[0].codec_context.width
    info = probe(str(path))
    assert (info.width, info.height) == (96, 64)
    assert [u.packet.data for u in read_units(info)] == joined
    form = HybridFormat((96, 64), None, info.frame_rate, info.time_base, info.sides, info.header)
    append_epoch(tmp_path / "h.mkv", form, 0, list(read_packets(info)), ())
    assert probe(str(tmp_path / "h.mkv")).width == 96


def test_subtitles_of_mp4_are_copied_as_plain_text(tmp_path, clip):
    """They reach the hybrid file's player with their times, text and language."""
    text = tmp_path / "t.srt"
    text.write_text(
        "1\n00:00:00,100 --> 00:00:00,400\n<b>F\u00fcrst</b>\n\n2\n00:00:00,500 --> 00:00:00,900\nSecond\n\n"
    )
    path = tmp_path / "s.mp4"
    made = ("-c:v", "copy", "-c:s", "mov_text", "-metadata:s:s:0", "language=deu")
    ffmpeg("-i", str(written(tmp_path, clip, "v.mkv", copies=1)), "-i", str(text), *made, str(path))
    info = probe(str(path))
    assert [(side.kind, side.codec) for side in info.sides] == [("subtitle", "subrip")]
    units = list(read_units(info))
    sides = [side for unit in units for side in unit.sides]
    base = info.sides[0].time_base
    assert [(s.data.decode(), s.pts * base, s.duration * base) for s in sides] == [
        ("F\u00fcrst", Fraction(1, 10), Fraction(3, 10)),
        ("Second", Fraction(1, 2), Fraction(2, 5)),
    ]
    form = HybridFormat((96, 64), None, RATE, info.time_base, info.sides, info.header)
    append_epoch(tmp_path / "h.part", form, 0, [u.packet for u in units], (), sides)
    finish(tmp_path / "h.part", tmp_path / "h.mkv", form)
    back = tmp_path / "back.srt"
    ffmpeg("-i", str(tmp_path / "h.mkv"), str(back))
    assert [line for line in back.read_text().splitlines() if line][1:3] == [
        "00:00:00,100 --> 00:00:00,400",
        "F\u00fcrst",
    ]
    with av.open(str(tmp_path / "h.mkv")) as container:
        assert container.streams.subtitles[0].metadata["language"] == "deu"


def test_text_of_mp4_may_be_of_sixteen_bits():
    text = "\ufeffF\u00fcrst".encode("utf-16-be")
    assert plain_text(len(text).to_bytes(2, "big") + text + b"\0\0\0\x0cstyl\0\0\0\0") == "F\u00fcrst".encode()
    assert plain_text(b"\0\0") == plain_text(b"") == b""


def test_every_recording_in_a_file_is_read_by_its_own_header(tmp_path, clip):
    """FFmpeg reads two, if they have the same tracks; here are four, of other tracks and another clock."""
    micro = Fraction(1, 10**6)
    form = HybridFormat((96, 64), None, RATE, micro, video_codec="vp9")
    exact = [replace(p, pts=pts) for p, pts in zip(clip, times_of(micro), strict=True)]
    append_epoch(tmp_path / "2.part", form, 0, exact, ())
    finish(tmp_path / "2.part", tmp_path / "2.mkv", form)
    recordings = [
        remux(tmp_path / "0.mkv", clip, times_of(MS), MS, rate=60, sides=range(0, 1500, 20)),
        remux(tmp_path / "1.mkv", clip[:31], times_of(MS, 31), MS, rate=60),
        tmp_path / "2.mkv",
        remux(tmp_path / "3.mkv", clip, times_of(MS), MS, rate=60, sides=range(0, 1000, 20), options={"live": "1"}),
    ]
    with av.open(str(recordings[2])) as container:
        assert container.streams.video[0].time_base < MS
    path = tmp_path / "all.mkv"
    path.write_bytes(b"".join(one.read_bytes() for one in recordings))
    info = probe(str(path))
    units = list(islice(read_units(info, loop=True), 500))
    packets = [u.packet for u in units]
    assert [p.data for p in packets[:211]] == [p.data for p in (*clip, *clip[:31], *clip, *clip)]
    assert [p.data for p in packets[211:271]] == [p.data for p in clip]
    assert all(abs(p.pts - p.video_index * Fraction(1000, 60)) < 3 for p in packets)
    sounds = [s.pts for u in units[:211] for s in u.sides]
    assert sounds[:50] == list(range(0, 1000, 20))
    assert [s - sounds[50] for s in sounds[50:]] == list(range(0, 1000, 20))[: len(sounds) - 50]
    assert abs(sounds[50] - packets[151].pts) < 3
    for at in (10, 75, 100, 140, 180, 215, 300, 480):
        first, rest = again(info, units[at], 4)
        assert first == units[at].mark.entry.index >= at - 31
        assert rest == units[at + 1 : at + 5]


@pytest.mark.parametrize("options", [{}, {"movflags": "faststart"}, {"movflags": "frag_keyframe+empty_moov"}])
def test_recordings_in_an_mp4_file_follow_on(tmp_path, clip, options):
    base = Fraction(1, 60)
    part = remux(tmp_path / "a.mp4", clip, times_of(base), base, format="mp4", rate=60, options=options)
    path = tmp_path / "all.mp4"
    path.write_bytes(part.read_bytes() * 3)
    info = probe(str(path))
    tick = base / info.time_base
    units = list(islice(read_units(info, loop=True), 400))
    assert [u.packet.data for u in units] == ([p.data for p in clip] * 7)[:400]
    assert [u.packet.pts for u in units] == [number * tick for number in range(400)]
    for at in (10, 58, 60, 100, 150, 178, 200, 260):
        first, rest = again(info, units[at], 4)
        assert first == units[at].mark.entry.index >= at - 30
        assert [(u.packet, u.sides, u.notes) for u in rest] == [
            (u.packet, u.sides, u.notes) for u in units[at + 1 : at + 5]
        ]


def test_recordings_in_an_ivf_file_follow_on(tmp_path, clip):
    """Each has a time base of its own."""
    bases = [Fraction(1, 60), Fraction(1, 90000), MS]
    datas = [p.data for p in clip]
    parts = [ivf(tmp_path / f"{at}.ivf", datas, times_of(base), base) for at, base in enumerate(bases)]
    path = tmp_path / "all.ivf"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    info = probe(str(path))
    units = list(islice(read_units(info, loop=True), 400))
    assert [u.packet.data for u in units] == (datas * 7)[:400]
    assert [u.packet.pts for u in units] == list(range(400))
    for at in (10, 58, 59, 60, 100, 150, 178, 200, 260, 390):
        first, rest = again(info, units[at], 4)
        assert first == units[at].mark.entry.index >= at - 30
        assert rest == units[at + 1 : at + 5]


def test_a_recording_of_another_codec_is_named(tmp_path, clip):
    other = tmp_path / "other.mkv"
    ffmpeg("-f", "lavfi", "-i", "testsrc=size=96x64:rate=10:duration=1", "-c:v", "mjpeg", str(other))
    path = remux(tmp_path / "a.mkv", clip, times_of(MS), MS, rate=60)
    path.write_bytes(path.read_bytes() + other.read_bytes())
    packets = read_packets(probe(str(path)))
    assert len(list(islice(packets, 60))) == 60
    with pytest.raises(MediaError, match=r"a.mkv: the recording that follows at byte \d+ is of mjpeg"):
        next(packets)


def test_tracks_beside_a_video_that_begins_late(tmp_path, clip):
    path = remux(tmp_path / "a.mkv", clip, [t + 500 for t in times_of(MS)], MS, rate=60, sides=range(0, 1500, 20))
    units = units_of(path)
    assert [side.pts for unit in units for side in unit.sides] == list(range(-20, 1000, 20))
    notes = [note for unit in units for note in unit.notes]
    assert "audio 1: packets before the video's first are left out" in notes


@pytest.mark.parametrize("codec", ["libopus", "aac"])
def test_the_first_sound_is_kept_though_it_begins_before_the_video(tmp_path, clip, codec):
    """Coders of sound give a few samples before the first that are to be heard."""
    tone = ("-f", "lavfi", "-i", "sine=duration=1")
    path = tmp_path / "a.mkv"
    ffmpeg("-i", str(written(tmp_path, clip, "v.mkv", copies=1)), *tone, "-c:v", "copy", "-c:a", codec, str(path))
    with av.open(str(path)) as container:
        sound = [(bytes(p), p.pts) for p in container.demux(audio=0) if p.size]
    units = units_of(path)
    assert sound[0][1] < 0
    assert [(s.data, s.pts) for u in units for s in u.sides] == sound
    assert not [note for unit in units for note in unit.notes]


def test_tracks_of_two_recordings_stay_with_their_pictures(tmp_path, clip):
    one = remux(tmp_path / "one.mkv", clip, times_of(MS), MS, rate=60, sides=range(0, 1000, 20)).read_bytes()
    (tmp_path / "two.mkv").write_bytes(one + one)
    units = units_of(tmp_path / "two.mkv")
    assert [side.pts for unit in units for side in unit.sides] == list(range(0, 2000, 20))


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.ivf"])
def test_truncated_files_give_what_is_whole_and_are_named(tmp_path, clip, name):
    path = tmp_path / name
    if name == "a.ivf":
        ivf(path, [p.data for p in clip], times_of(MS), MS)
    else:
        options = {"movflags": "faststart"} if name == "a.mp4" else {}
        remux(path, clip, times_of(MS), MS, format=name[2:].replace("mkv", "matroska"), rate=60, options=options)
    whole = path.read_bytes()
    info = probe(str(path))
    path.write_bytes(whole[: len(whole) * 2 // 3])
    packets = []
    with pytest.raises(MediaError, match=rf"{name}: it (ends after|is cut off inside|cannot be read beyond) frame \d+"):
        packets.extend(packet for packet in _gathered(read_packets(info), packets))
    assert 10 < len(packets) < 60
    assert [p.data for p in packets] == [p.data for p in clip[: len(packets)]]


def _gathered(packets, into):
    for packet in packets:
        into.append(packet)
    yield from ()


def test_what_an_edit_list_cuts_off_is_decoded_but_hurried_by(tmp_path, clip):
    whole = remux(
        tmp_path / "w.mp4",
        clip,
        times_of(Fraction(1, 60)),
        Fraction(1, 60),
        format="mp4",
        rate=60,
        sides=range(0, 1000, 20),
    )
    path = tmp_path / "edit.mp4"
    ffmpeg("-ss", "0.7", "-i", str(whole), "-c:v", "copy", "-an", str(path))
    with av.open(str(path)) as container:
        cut = [packet.is_discard for packet in container.demux(video=0) if packet.size]
    hidden = sum(cut)
    assert cut == [True] * hidden + [False] * (30 - hidden)
    assert hidden > 5, "the file is no test"
    info = probe(str(path))
    assert info.frame_rate == 60
    units = units_of(path)
    packets = [unit.packet for unit in units]
    tick = packets[-1].pts - packets[-2].pts
    assert tick * info.time_base == Fraction(1, 60)
    assert [p.pts for p in packets] == [*range(hidden), *(hidden + i * tick for i in range(30 - hidden))]
    assert [p.data for p in packets] == [p.data for p in clip[30:]]
    assert not VideoDecoder(info).decode(packets).damaged
    assert sum("edit list" in note for unit in units for note in unit.notes) == 1
    looped = list(islice(read_units(info, loop=True), 75))
    assert sum("edit list" in note for unit in looped for note in unit.notes) == 1
    assert [u.packet.pts - packets[-1].pts for u in looped[30:32]] == [tick, tick + 1]


def test_what_an_edit_list_cuts_off_at_the_end_is_left_out(tmp_path, clip):
    packets = clip[:40]
    path = remux(tmp_path / "e.mp4", packets, times_of(Fraction(1, 60), 40), Fraction(1, 60), format="mp4", rate=60)
    data = path.read_bytes()
    at = data.rfind(b"elst")
    assert at > 0
    assert int.from_bytes(data[at + 8 : at + 12], "big") == 1, "one edit"
    duration = int.from_bytes(data[at + 12 : at + 16], "big")
    path.write_bytes(data[: at + 12] + (duration // 2).to_bytes(4, "big") + data[at + 16 :])
    times, notes = read(path)
    assert 18 <= len(times) <= 22
    assert not notes


CONTAINERS = ["a.mkv", "live.mkv", "a.mp4", "fragments.mp4", "a.ivf", "a.nut"]


def written(folder: Path, clip, name: str, *, copies: int, sides=()) -> Path:
    path = folder / name
    packets, times = clip * copies, times_of(Fraction(1, 60), 60 * copies)
    if path.suffix == ".ivf":
        return ivf(path, [p.data for p in packets], times, Fraction(1, 60))
    options = {"live": {"live": "1"}, "fragments": {"movflags": "frag_keyframe+empty_moov"}}.get(path.stem, {})
    form = {".mkv": "matroska"}.get(path.suffix, path.suffix[1:])
    return remux(path, packets, times, Fraction(1, 60), format=form, rate=60, sides=sides, options=options)


def again(info, unit, count, loop=True):
    """What a new reader gives from behind a unit on, and the first packet it reads for that."""
    units = read_units(info, pickle.loads(pickle.dumps(unit.mark)), loop=loop)
    first = next(units)
    units = (
        u for u in [first, *islice(units, count + 60)] if u.packet is None or u.packet.video_index >= unit.mark.index
    )
    return first.packet.video_index, list(islice(units, count))


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_reader_that_was_lost_goes_on_at_the_last_key_frame(tmp_path, clip, name):
    sides = range(0, 4000, 20) if name.endswith(".mkv") else ()
    info = probe(str(written(tmp_path, clip, name, copies=4, sides=sides)))
    units = list(islice(read_units(info, loop=True), 700))
    for at in (1, 29, 30, 31, 150, 238, 239, 240, 241, 500, 690):
        first, rest = again(info, units[at], 5)
        assert first == at // 30 * 30
        assert [(u.packet, u.sides, u.notes) for u in rest] == [
            (u.packet, u.sides, u.notes) for u in units[at + 1 : at + 6]
        ]


@pytest.mark.parametrize("name", ["a.mkv", "live.mkv", "a.ivf"])
def test_going_on_reads_as_little_late_as_early(tmp_path, clip, name, monkeypatch):
    """Bytes read of the file, by the position of a file object that stands in for it."""
    from ns_ray.video import place

    path = written(tmp_path, clip, name, copies=40)
    info = probe(str(path))
    read = []
    reading = place._Joined.read

    def counted(self, count):
        data = reading(self, count)
        read.append(len(data))
        return data

    monkeypatch.setattr(place._Joined, "read", counted)
    units = list(islice(read_units(info, loop=True), 2 * 2400))
    for at in (100, 2300, 4700):
        read.clear()
        first, rest = again(info, units[at], 1)
        assert rest[0].packet == units[at + 1].packet
        assert first == at // 30 * 30
        assert 0 < sum(read) < path.stat().st_size / 4
        assert len(pickle.dumps(units[at].mark)) < 1000


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_file_is_read_without_decoding_and_none_the_worse(tmp_path, clip, name):
    """FFmpeg decodes a frame of what it opens; it knows no pixel format where it is kept from that."""
    sides = range(0, 2000, 20) if name.endswith(".mkv") else ()
    info = probe(str(written(tmp_path, clip, name, copies=2, sides=sides)))
    as_usual = replace(info, rates=None)
    for one, pixel_format in ((info, None), (as_usual, "yuv420p")):
        with open_known(one, WHOLE) as container:
            assert container.streams.video[0].codec_context.pix_fmt == pixel_format
    assert list(islice(read_units(info, loop=True), 400)) == list(islice(read_units(as_usual, loop=True), 400))


def test_a_file_of_which_decoding_tells_more_is_opened_as_usual(tmp_path, clip):
    """Where FFmpeg reads on for a key frame, or for a size, packets that it reads meanwhile have other durations."""
    for number, (first, size) in enumerate([(5, (96, 64)), (0, (0, 0))]):
        times = times_of(MS, 60 - first)
        info = probe(str(ivf(tmp_path / f"{number}.ivf", [p.data for p in clip[first:]], times, MS, size)))
        with open_known(info, WHOLE) as container:
            assert container.streams.video[0].codec_context.pix_fmt == "yuv420p"
    info = probe(str(written(tmp_path, clip, "a.mkv", copies=1)))
    with open_known(replace(info, rates=(Fraction(59), info.rates[1])), WHOLE) as container:
        assert container.streams.video[0].codec_context.pix_fmt == "yuv420p"


def test_key_frames_are_those_of_the_bitstream(tmp_path, clip):
    """In a file that says of every frame that it is one."""
    path = written(tmp_path, [replace(packet, key=True) for packet in clip], "a.nut", copies=2)
    with av.open(str(path)) as container:
        assert sum(packet.is_keyframe for packet in container.demux(video=0) if packet.size) == 120
    info = probe(str(path))
    units = list(islice(read_units(info, loop=True), 200))
    assert [u.packet.video_index for u in units if u.packet.key] == [0, 30, 60, 90, 120, 150, 180]
    first, rest = again(info, units[100], 3)
    assert first == 90
    assert [u.packet for u in rest] == [u.packet for u in units[101:104]]


def test_what_an_edit_list_leaves_is_whole_though_the_track_is_longer(tmp_path, clip):
    """An empty edit comes first, as where sound begins before the video; then half of the video."""
    path = remux(tmp_path / "e.mp4", clip, times_of(Fraction(1, 60)), Fraction(1, 60), format="mp4", rate=60)
    path.write_bytes(with_edits(path.read_bytes(), [(700, -1), (500, 0)]))
    units = units_of(path)
    assert [u.packet.data for u in units] == [p.data for p in clip[:30]]
    assert sum("its times begin at 0.700 s" in note for unit in units for note in unit.notes) == 1
    assert [u.packet.video_index for u in islice(read_units(probe(str(path)), loop=True), 100)] == list(range(100))


def with_edits(data: bytes, edits) -> bytes:
    """An MP4 file of one track, with moov at its end, and these edits: durations in ms, first times in ticks."""
    rows = b"".join(struct.pack(">IiI", duration, first, 1 << 16) for duration, first in edits)
    at = data.rindex(b"edts") - 4
    size = int.from_bytes(data[at : at + 4], "big")
    made = struct.pack(">I4sI4sII", 24 + len(rows), b"edts", 16 + len(rows), b"elst", 0, len(edits)) + rows
    parts = bytearray(data[:at] + made + data[at + size :])
    for name in (b"moov", b"trak"):
        place = parts.rindex(name) - 4
        parts[place : place + 4] = struct.pack(">I", int.from_bytes(parts[place : place + 4], "big") + len(made) - size)
    return bytes(parts)


def test_an_edit_list_that_leaves_nothing_is_named(tmp_path, clip):
    """Repeating it would go on for ever without a packet."""
    path = remux(tmp_path / "none.mp4", clip, [0] * 60, MS, format="mp4", rate=60)
    for loop in (False, True):
        with pytest.raises(MediaError, match=r"none.mp4: its edit list cuts off all of its frames; remux it"):
            list(islice(read_units(probe(str(path)), loop=loop), 100))


@pytest.mark.parametrize("name", ["cover.mp4", "mjpeg.mkv"])
def test_neither_covers_nor_other_codecs_are_taken_for_the_video(tmp_path, clip, name):
    """Both files have them before the video."""
    path = tmp_path / name
    video = written(tmp_path, clip, "a.mkv", copies=1)
    drawn = ("-f", "lavfi", "-i", "testsrc=size=320x240:rate=10:duration=1")
    if path.suffix == ".mkv":
        kinds = ("-c:v:0", "mjpeg", "-pix_fmt:v:0", "yuvj420p", "-c:v:1", "copy")
        ffmpeg(*drawn, "-i", str(video), "-map", "0:v", "-map", "1:v", *kinds, str(path))
    else:
        cover = tmp_path / "cover.png"
        ffmpeg(*drawn, "-frames:v", "1", str(cover))
        attached = ("-c", "copy", "-disposition:v:1", "attached_pic")
        ffmpeg("-i", str(video), "-i", str(cover), "-map", "0:v", "-map", "1:v", *attached, str(path))
        path.write_bytes(with_cover_first(path.read_bytes()))
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.name != "vp9"
    info = probe(str(path))
    assert (info.codec, info.width, len(info.notes)) == ("vp9", 96, 1)
    units = list(islice(read_units(info, loop=True), 100))
    assert [u.packet.data for u in units[:60]] == [p.data for p in clip]
    assert again(info, units[95], 3)[0] == 90


def with_cover_first(data: bytes) -> bytes:
    """An MP4 file with moov at its end, where what moov says of the whole file comes before its tracks."""
    at = data.rindex(b"moov") - 4
    boxes, place = [], at + 8
    while place < len(data):
        size = int.from_bytes(data[place : place + 4], "big")
        boxes.append(data[place : place + size])
        place += size
    boxes.sort(key=lambda box: box[4:8] not in (b"mvhd", b"udta"))
    return data[: at + 8] + b"".join(boxes)


def test_going_on_after_a_clock_that_went_back(tmp_path, clip):
    """Times are ambiguous there, so a place is no time."""
    one = remux(tmp_path / "one.mkv", clip, times_of(MS), MS, rate=60).read_bytes()
    (tmp_path / "two.mkv").write_bytes(one + one)
    info = probe(str(tmp_path / "two.mkv"))
    units = list(islice(read_units(info, loop=True), 300))
    for at in (65, 95, 110, 185, 250):
        first, rest = again(info, units[at], 3)
        assert first == at // 30 * 30
        assert [u.packet for u in rest] == [u.packet for u in units[at + 1 : at + 4]]


def test_going_on_without_a_key_frame_or_an_index_reads_over(tmp_path, clip):
    path = ivf(tmp_path / "mid.ivf", [p.data for p in clip[5:30]], times_of(MS, 25), MS)
    info = probe(str(path))
    assert info.pixel_format == "unknown"
    units = list(islice(read_units(info, loop=True), 90))
    assert not any(u.packet.key for u in units)
    first, rest = again(info, units[60], 3)
    assert first == 50, "the beginning of the last round"
    assert [u.packet for u in rest] == [u.packet for u in units[61:64]]
    info = probe(str(written(tmp_path, clip, "a.mkv", copies=2)))
    unit = list(islice(read_units(info), 80))[-1]
    lost = replace(unit.mark.entry.place, enter=None, position=5)
    mark = replace(unit.mark, entry=replace(unit.mark.entry, place=lost))
    rest = [u.packet for u in read_units(info, mark) if u.packet.video_index >= mark.index]
    assert rest == list(read_packets(info))[80:]


def test_the_first_reader_and_one_at_the_beginning_are_alike(plain_video):
    info = probe(str(plain_video))
    assert list(read_units(info)) == list(read_units(info, Mark()))


def test_a_pipe_that_is_opened_again_goes_on_with_what_comes(tmp_path, clip, plain_video):
    info = replace(probe(str(plain_video)), path=str(tmp_path / "fifo"))
    os.mkfifo(info.path)

    def send():
        Path(info.path).write_bytes(plain_video.read_bytes())

    sender = threading.Thread(target=send)
    sender.start()
    units = list(read_units(info, loop=True))
    sender.join()
    assert [u.packet.data for u in units] == [p.data for p in clip], "a pipe is not repeated"
    sender = threading.Thread(target=send)
    sender.start()
    rest = list(read_units(info, pickle.loads(pickle.dumps(units[-1].mark)), loop=True))
    sender.join()
    assert [u.packet.video_index for u in rest] == list(range(60, 120))
    assert rest[0].packet.pts == 1000
    assert rest[0].notes == ("the source was opened again at packet 60: what it sent meanwhile is lost",)


def test_a_source_without_a_packet_is_named(tmp_path, clip):
    path = tmp_path / "none.ivf"
    ivf(path, [p.data for p in clip], times_of(MS), MS)
    info = probe(str(path))
    path.write_bytes(path.read_bytes()[:32])
    with pytest.raises(MediaError, match="none"):
        list(read_packets(info))


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.ivf"])
def test_damage_is_named_or_passed_on_in_order(tmp_path, clip, name):
    whole = written(tmp_path, clip, name, copies=1, sides=range(0, 1000, 20) if name == "a.mkv" else ()).read_bytes()
    path = tmp_path / f"damaged-{name}"
    chance = random.Random(11)
    read = 0
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(chance.choice((1, 3, 20))):
            at = int(len(data) * chance.random() ** 2)
            if chance.random() < 0.7:
                data[at] = chance.randrange(256)
            else:
                del data[at : at + chance.randrange(1, 50)]
        path.write_bytes(data)
        times, said = [], name
        try:
            info = probe(str(path))
            for unit in islice(read_units(info, loop=True), 150):
                assert unit.packet is not None
                times.append(unit.packet.pts)
        except MediaError as error:
            said = str(error)
        assert name in said
        assert times == sorted(times)
        read += len(times) > 0
    assert read > 10, "nearly nothing could be read: the damage is no test"
