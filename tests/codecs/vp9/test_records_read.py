"""Records from headers alone are those of the frames that a decoder gives."""

import pytest
import streams
from header_bits import as_intra_only, flip
from vp9_streams import STREAMS, coded_frames, encode, split_superframe, superframe

from ns_ray.codecs.records import FrameType
from ns_ray.codecs.vp9.record_reader import RecordReader
from ns_ray.video.decode import VideoDecoder
from ns_ray.video.packets import Packet, read_packets
from ns_ray.video.probe import probe


def both(packets, info):
    reader = RecordReader()
    read = [record for packet in packets for record in reader.read(packet.data, packet.video_index)]
    return read, [frame.record for frame in VideoDecoder(info).decode(packets).frames if frame.sound]


def test_records_of_hidden_and_repeated_frames(layered_video):
    info = probe(str(layered_video))
    read, decoded = both(list(read_packets(info)), info)
    assert read == decoded
    assert sum(not record.shown for record in read) == 35


def test_records_of_the_sample():
    info = probe(str(streams.SAMPLE))
    read, decoded = both(list(read_packets(info)), info)
    assert read == decoded
    assert len(read) == 242


def read_all(packets):
    """The records of packets given as bytes, none of which is said to be a key frame."""
    reader = RecordReader()
    return [reader.read(data, number) for number, data in enumerate(packets)]


def test_reading_may_start_at_an_intra_only_frame():
    """As libvpx decodes: what needs frames from before has no records, and does not end what is known."""
    key, *frames = coded_frames("error-resilient")
    start = as_intra_only(key)
    early, *records = read_all([frames[0], superframe([start, frames[0]]), *frames[1:], b"\x8f"])
    assert early == []
    assert [[one.shown for one in packet] for packet in records] == [[False, True], *[[True]] * len(frames)]
    assert [one.type for one in records[0]] == [FrameType.ALTREF, FrameType.NORMAL]
    assert {(one.width, one.height) for packet in records for one in packet} == {(176, 144)}
    assert records[-1][0].existing


def test_slots_that_an_intra_only_start_left_empty():
    key, *frames = coded_frames("error-resilient")
    start = flip(as_intra_only(key), 33, 34, 35)  # the first bits of refresh_frame_flags: slots 7, 6 and 5
    kinds = [bool(records) for records in read_all([start, b"\x8d", frames[0], b"\x8f", frames[1], b"\x88"])]
    assert kinds == [True, False, True, False, True, True]


def test_damage_is_over_at_an_intra_only_frame():
    key, *frames = coded_frames("error-resilient")
    packets = [key, frames[0], b"\x00" * 20, frames[1], as_intra_only(key), frames[0]]
    assert [bool(records) for records in read_all(packets)] == [True, True, False, False, True, True]


def test_two_frames_without_an_index():
    packets = [split_superframe(packet) for packet in encode(STREAMS["two-pass-good"])]
    assert any(len(frames) > 1 for frames in packets)
    with_index = read_all([superframe(frames) if len(frames) > 1 else frames[0] for frames in packets])
    assert read_all(map(b"".join, packets)) == with_index


def test_lower_layers_are_hidden_and_the_last_shown_frame_is_the_picture():
    """Spatial layers, each with show_frame set; the second is predicted from the first, which is smaller."""
    frames = coded_frames("resized")
    sizes = [(one.width, one.height) for one in (records[0] for records in read_all(frames))]
    turn = next(i for i in range(1, len(frames)) if sizes[i] != sizes[i - 1])
    again = next(i for i in range(turn + 1, len(frames)) if sizes[i] != sizes[i - 1])
    packets = [*frames[: again - 1], superframe(frames[again - 1 : again + 1]), *frames[again + 1 :]]
    lower, upper = read_all(packets)[again - 1]
    assert (lower.lower_layer, lower.shown, lower.type) == (True, False, FrameType.ALTREF)
    assert (upper.lower_layer, upper.shown, upper.type) == (False, True, FrameType.NORMAL)
    assert ((lower.width, lower.height), (upper.width, upper.height)) == (sizes[again - 1], sizes[again])
    assert (lower.name, upper.name) == (f"{again - 1}.0", f"{again - 1}.1")


def test_a_key_frame_stays_one_as_a_lower_layer():
    small, large = coded_frames("size-33x64")[0], coded_frames("size-64x64")[0]
    lower, upper = read_all([superframe([small, large])])[0]
    assert (lower.type, lower.shown, lower.lower_layer) == (FrameType.KEY, False, True)
    assert (upper.type, upper.shown, upper.lower_layer) == (FrameType.KEY, True, False)


def test_hidden_frames_of_another_size_are_lower_layers():
    key, *_ = coded_frames("error-resilient")
    shown = coded_frames("size-64x64")[0]
    hidden = as_intra_only(key)
    assert [one.lower_layer for one in read_all([superframe([hidden, shown])])[0]] == [True, False]
    assert [one.lower_layer for one in read_all([superframe([hidden, key])])[0]] == [False, False]
    assert [one.lower_layer for one in read_all([superframe([shown, hidden])])[0]] == [False, True]
    assert [one.lower_layer for one in read_all([superframe([hidden, hidden])])[0]] == [False, False]


@pytest.mark.parametrize("at", [0, 10, 45])
def test_nothing_is_read_between_damage_and_the_next_key_frame(plain_video, at):
    info = probe(str(plain_video))
    packets = list(read_packets(info))
    packets[at] = Packet(at, b"\x00" * 40, packets[at].pts, packets[at].duration, packets[at].key)
    read, decoded = both(packets, info)
    assert read == decoded
    lost = range(at, 30 if at < 30 else 60)
    assert not {record.video_index for record in read} & set(lost)
    assert sum(record.shown for record in read) == 60 - len(lost)
