"""H.264 behind the interface of all codecs."""

from fractions import Fraction

import h264_streams as h264
import pytest

from ns_ray.codecs.codec import codec_named
from ns_ray.codecs.records import FrameType
from ns_ray.errors import MediaError
from ns_ray.video.clock import Clock
from ns_ray.video.packets import read_packets
from ns_ray.video.probe import probe

MAX = 1 << 20


def test_what_a_packet_is_by_its_first_bits():
    codec = codec_named("h264")
    packets = h264.encode("keyint=4:scenecut=0:bframes=2:b-adapt=0:open-gop=1").packets
    frames = h264.parse(packets)
    assert [codec.begins(packet) for packet in packets] == [frame.key for frame in frames]
    assert sum(frame.key and not frame.idr for frame in frames) == 2, "recovery points"
    assert all(codec.shows(packet) and codec.plausible(packet) for packet in packets)
    parameters = packets[0][: packets[0].index(b"\0\0\1\x65")]
    assert not codec.shows(parameters)
    assert (codec.shows(b"\5damaged"), codec.begins(b"\5damaged"), codec.plausible(b"\5damaged")) == (
        True,
        False,
        False,
    )


def test_annex_b_becomes_avcc(tmp_path):
    """What MPEG-TS has behind start codes is what Matroska has behind lengths, unit for unit."""
    paths = [h264.write(tmp_path / name) for name in ("v.ts", "v.mkv")]
    infos = [probe(path) for path in paths]
    frames = []
    for info in infos:
        codec = codec_named("h264", info.record)
        reader = codec.frames(MAX)
        frames.append([reader.header(one) for packet in read_packets(info) for one in reader.split(packet.data)])
    first, second = ([(f.type, f.order, f.references, f.slot) for f in each] for each in frames)
    assert first == second
    assert len(first) == 18


def test_records_know_what_nothing_refers_to():
    codec = codec_named("h264")
    packets = h264.encode("keyint=30:scenecut=0:bframes=2:b-adapt=0:b-pyramid=none").packets
    reader = codec.records()
    records = [record for index, packet in enumerate(packets) for record in reader.read(packet, index)]
    assert [record.type for record in records] == [FrameType.KEY] + [FrameType.NORMAL] * 11
    assert [record.leaf for record in records][:7] == [False, False, True, True, False, True, True]
    assert all(record.leaf == (record.refreshed == 0) for record in records)


def test_damaged_records_are_refused():
    with pytest.raises(MediaError, match="configuration record"):
        codec_named("h264", b"\1\x64")


def test_times_of_frames_that_are_shown_in_another_order():
    """As MP4 tells them; as Matroska does, which leaves out the first two; and when the source begins again."""
    for dts in ([-2, -1, 0, 1, 2], [None, None, 0, 1, 2]):
        clock = Clock(Fraction(1, 60), Fraction(1))
        times = [
            clock.arrive(pts + 7, None if one is None else one + 7)
            for pts, one in zip([0, 3, 1, 2, 6], dts, strict=True)
        ]
        assert [(shown, came) for shown, came, _ in times] == [(0, 0), (3, 1), (1, 2), (2, 3), (6, 4)]
        clock.restart()
        again = [clock.arrive(pts, one)[:2] for pts, one in zip([0, 3, 1], [dts[0], dts[1], 0], strict=True)]
        assert again == [(5, 5), (8, 6), (6, 7)]
