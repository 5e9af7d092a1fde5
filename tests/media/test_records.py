"""Records from headers alone are those of the frames that a decoder gives."""

import pytest
import streams

from ns_ray.media.decode import VideoDecoder
from ns_ray.media.packets import Packet, read_packets
from ns_ray.media.probe import probe
from ns_ray.media.records import RecordReader


def both(packets, info):
    reader = RecordReader()
    read = [record for packet in packets for record in reader.read(packet)]
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
