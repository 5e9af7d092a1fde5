"""Which packet an anchor belongs to: by its tag, with what tags count beyond the file established by time."""

from dataclasses import replace

import numpy as np
import pytest
from jpeg_anchors import encode_anchor
from rich_streams import ffmpeg, read, write

from ns_ray.hybrid import pairing as module
from ns_ray.hybrid.anchor_image import AnchorImage, tag
from ns_ray.hybrid.pairing import Pairing
from ns_ray.hybrid.reader import HybridReader
from ns_ray.hybrid.writer import append_epoch
from ns_ray.video.packets import Packet


class Pairer:
    """Feeds a script of packets (`("p", pts)`) and anchors (`("a", pts, tag)`), numbered as they come."""

    def __init__(self, first=0):
        self.damaged = []
        self.pairing = Pairing(lambda index, why: self.damaged.append((index, why)))
        self.count = first

    def feed(self, *script):
        pairs = []
        for kind, pts, *names in script:
            if kind == "p":
                pairs += self.pairing.packet(Packet(self.count, b"", pts, 1, False))
                self.count += 1
            else:
                pairs += self.pairing.anchor(pts, AnchorImage(names[0], len(names[1:]), b""))
        return self.told(pairs)

    def end(self):
        return self.told(self.pairing.end())

    @staticmethod
    def told(pairs):
        return [(packet.video_index, *(anchor.video_index for anchor in anchors)) for packet, anchors in pairs]


def test_packets_come_as_soon_as_a_later_time_is_seen_on_either_track():
    one = Pairer()
    assert one.feed(("p", 0), ("a", 0, 0)) == []
    assert one.feed(("p", 5)) == [(0, 0)]
    assert one.feed(("a", 9, 2)) == [(1,)]
    assert one.feed(("p", 9), ("p", 10)) == [(2, 2)]
    assert one.end() == [(3,)]
    assert not one.damaged


def test_packets_of_one_time_are_told_apart_by_the_tag():
    one = Pairer()
    script = [("p", 0), ("a", 0, 0), ("p", 3), ("a", 3, 2), ("p", 3), ("a", 3, 1), ("p", 4), ("a", 4, 3)]
    assert one.feed(*script) + one.end() == [(0, 0), (1, 1), (2, 2), (3, 3)]
    assert not one.damaged


@pytest.mark.parametrize("shift", [1, 7, 100_000])
def test_what_tags_count_beyond_a_cut_file_is_established_by_the_first_anchor(shift):
    one = Pairer()
    script = [("p", 0), ("p", 1), ("a", 1, 1 + shift), ("p", 2), ("p", 2), ("a", 2, 3 + shift), ("p", 3)]
    assert one.feed(*script) + one.end() == [(0,), (1, 1 + shift), (2,), (3, 3 + shift), (4,)]
    assert not one.damaged


def test_one_wrong_number_costs_its_own_anchor():
    one = Pairer()
    numbers = [0, 1, 2 + 1024, 3, 4]
    script = [step for at, number in enumerate(numbers) for step in (("p", at), ("a", at, number))]
    assert one.feed(*script) + one.end() == [(0, 0), (1, 1), (2,), (3, 3), (4, 4)]
    assert [index for index, _ in one.damaged] == [2]
    assert "1026.0" in one.damaged[0][1]


def test_a_wrong_number_at_the_beginning_misleads_no_other():
    one = Pairer()
    script = [step for at, number in enumerate((512, 1, 2)) for step in (("p", at), ("a", at, number))]
    assert one.feed(*script) + one.end() == [(0, 512), (1, 1), (2, 2)]


def test_packets_lost_in_the_middle_are_noticed_once_two_anchors_agree():
    one = Pairer()
    numbers = [0, 1, 2, 13, 14, 15]
    script = [step for at, number in enumerate(numbers) for step in (("p", at), ("a", at, number))]
    assert one.feed(*script) + one.end() == [(0, 0), (1, 1), (2, 2), (3,), (4, 14), (5, 15)]
    assert len(one.damaged) == 1


def test_an_anchor_without_a_packet_of_its_time_goes_by_the_tag_alone():
    one = Pairer()
    script = [("p", 0), ("a", 0, 0), ("p", 10), ("a", 11, 1), ("a", 19, 2), ("p", 20), ("p", 30)]
    assert one.feed(*script) + one.end() == [(0, 0), (1, 1), (2, 2), (3,)]
    assert not one.damaged


def test_what_comes_after_its_packet_is_lost():
    one = Pairer()
    assert one.feed(("p", 0), ("p", 1), ("p", 2), ("a", 0, 0)) + one.end() == [(0,), (1,), (2,)]
    assert [index for index, _ in one.damaged] == [2]


def test_anchors_beyond_the_end_are_lost():
    one = Pairer()
    assert one.feed(("p", 0), ("a", 5, 9), ("a", 6, 10)) + one.end() == [(0,)]
    assert len(one.damaged) == 2


def test_what_is_held_is_bounded(monkeypatch):
    monkeypatch.setattr(module, "_MOST_BYTES", 1000)
    one = Pairer()
    same = one.feed(*[("p", 0)] * 200)
    assert len(same) >= 200 - 64
    for _ in range(10):
        list(one.pairing.anchor(9, AnchorImage(700, 0, b"x" * 300)))
    assert len(one.damaged) == 7


# Files.


@pytest.fixture(scope="module")
def what(plain_video):
    return read(plain_video)


@pytest.fixture
def hybrid(tmp_path, what):
    return write(tmp_path / "h.mkv", what)


def told(packet):
    """A packet less its duration, which other tools do not keep."""
    return packet.video_index, packet.data, packet.pts, packet.key


def pairs(path):
    reader = HybridReader(str(path))
    return reader, list(reader)


def test_hidden_frames_in_packets_of_their_own_keep_their_anchors(tmp_path, what):
    packets = [replace(one, pts=one.video_index + one.video_index % 2) for one in what.packets]
    anchors = [encode_anchor(np.full((128, 192, 3), at, np.uint8), at, 0, 90) for at in range(60)]
    append_epoch(tmp_path / "h", what.format, 0, packets, anchors)
    reader, got = pairs(tmp_path / "h")
    assert [[anchor.video_index for anchor in one.anchors] for one in got] == [[at] for at in range(60)]
    assert not reader.damaged


@pytest.mark.parametrize("break_", ["identifier", "version", "no JPEG"])
def test_a_damaged_tag_costs_its_anchor_alone(tmp_path, what, break_):
    anchors = what.anchors()
    data = bytearray(anchors[1].data)
    at = data.index(b"NSRAY")
    data[{"identifier": at, "version": at + 6, "no JPEG": 0}[break_]] ^= 4
    anchors[1] = replace(anchors[1], body=bytes(data), head=b"")
    append_epoch(tmp_path / "h", what.format, 0, what.packets, anchors)
    reader, got = pairs(tmp_path / "h")
    assert [one.packet.data for one in got] == [one.data for one in what.packets]
    assert [anchor.video_index for one in got for anchor in one.anchors] == [0, 26, 39, 52]
    assert [index for index, _ in reader.damaged] == [13]


def test_a_part_of_a_file_keeps_its_anchors(tmp_path, hybrid):
    """Cut by FFmpeg at the key frame 30: numbers and times are then others, and times are rounded."""
    cut = tmp_path / "cut.mkv"
    ffmpeg("-ss", "0.5", "-i", hybrid, "-map", "0", "-c", "copy", cut)
    reader, got = pairs(cut)
    assert len(got) == 30
    assert {at: anchor.video_index for at, one in enumerate(got) for anchor in one.anchors} == {9: 39, 22: 52}
    assert reader.scale == 2
    assert not reader.damaged


@pytest.mark.parametrize("order", [("0:0", "0:1"), ("0:1", "0:0")])
def test_a_file_packed_anew_by_others_reads_as_before(tmp_path, hybrid, what, order):
    packed = tmp_path / "packed.mkv"
    maps = [word for track in order for word in ("-map", track)]
    ffmpeg("-i", hybrid, *maps, "-c", "copy", packed)
    reader, got = pairs(packed)
    assert [told(one.packet) for one in got] == [told(packet) for packet in what.packets]
    assert [anchor.video_index for one in got for anchor in one.anchors] == list(range(0, 60, 13))
    assert (reader.info.width, reader.anchor_size, reader.scale) == (96, (192, 128), 2)


def test_other_video_tracks_are_passed_over(tmp_path, hybrid, plain_video):
    """The anchors are the Motion JPEG track of that title, wherever it stands."""
    photos, packed = tmp_path / "photos.mkv", tmp_path / "packed.mkv"
    ffmpeg("-i", plain_video, "-c:v", "mjpeg", "-metadata:s:v", "title=photos", photos)
    ffmpeg("-i", photos, "-i", hybrid, "-map", "0", "-map", "1", "-c", "copy", packed)
    reader, got = pairs(packed)
    assert reader.anchor_size == (192, 128)
    assert [anchor.video_index for one in got for anchor in one.anchors] == list(range(0, 60, 13))


def test_files_of_before_read_as_before(tmp_path, what, plain_video):
    """Version 1 as it was: FFmpeg's muxer, no tags, the anchor track second."""
    packets = [tag(one.data, one.video_index, 0) for one in what.anchors()]
    raw = tmp_path / "a.mjpeg"
    raw.write_bytes(packets[0].data)
    old = tmp_path / "old.mkv"
    inputs = ("-i", plain_video, "-f", "mjpeg", "-i", raw, "-map", "0", "-map", "1")
    ffmpeg(*inputs, "-c", "copy", "-fflags", "bitexact", old)
    reader, got = pairs(old)
    assert [told(one.packet) for one in got] == [told(packet) for packet in what.packets]
    assert [anchor.name for anchor in got[0].anchors] == ["0.0"]
    assert reader.scale is None
    assert reader.sides == ()


def test_a_file_whose_first_cluster_is_damaged_gives_all_that_is_whole(tmp_path, what):
    path = write(tmp_path / "h.mkv", what)
    data = bytearray(path.read_bytes())
    start = data.index(b"\x1f\x43\xb6\x75")
    data[start + 6 : start + 400] = bytes(394)
    path.write_bytes(data)
    _, got = pairs(path)
    assert [one.packet.data for one in got] == [one.data for one in what.packets[60 - len(got) :]]
    assert len(got) >= 30
    assert all(anchor.video_index == at + 60 - len(got) for at, one in enumerate(got) for anchor in one.anchors)
