"""What is sent live: packets at once, anchors late, and the same pairs as in the file that is written meanwhile."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from jpeg_anchors import encode_anchor

from ns_ray.hybrid.growing import GrowingFile
from ns_ray.hybrid.live import LiveWriter
from ns_ray.hybrid.notes import noted
from ns_ray.hybrid.reader import HybridReader
from ns_ray.hybrid.writer import HybridFormat, append_epoch, finish
from ns_ray.video.packets import read_packets
from ns_ray.video.probe import probe

EPOCH = 15
DELAY = Fraction(1, 2)


@pytest.fixture(scope="module")
def packets(plain_video):
    return list(read_packets(probe(str(plain_video))))


@pytest.fixture(scope="module")
def form(plain_video):
    info = probe(str(plain_video))
    return HybridFormat((96, 64), (288, 192), info.frame_rate, info.time_base, video_codec="vp9")


@pytest.fixture(scope="module")
def anchors():
    grey = np.full((192, 288, 3), 99, np.uint8)
    return [encode_anchor(grey, at, super_index, 50) for at, super_index in ((0, 0), (7, 1), (7, 0), (20, 0), (59, 0))]


def append(path, form, packets, anchors, start, offset):
    chosen = packets[start : start + EPOCH]
    mine = [anchor for anchor in anchors if start <= anchor.video_index < start + EPOCH]
    return append_epoch(path, form, offset, chosen, mine, note=b"so far")


def sent_live(form, packets, grown, late):
    """The bytes of a live stream whose anchors come `late` packets after their own."""
    writer = LiveWriter(replace(form, anchor_delay=DELAY))
    parts = [writer.header(None)]
    waiting = sorted(grown, key=lambda one: one.pts)
    for packet in packets:
        parts.append(writer.packet(packet))
        while waiting and packets.index(packet) >= late + next(
            p.video_index for p in packets if p.pts == waiting[0].pts
        ):
            parts.append(writer.anchor(waiting[0].pts, waiting.pop(0).image))
    return b"".join(parts)


def pairs(path):
    reader = HybridReader(str(path))
    read = [(one.packet.data, one.packet.pts, [(a.name, a.data) for a in one.anchors]) for one in reader]
    return read, reader.damaged


def test_late_anchors_find_their_packets(tmp_path, form, packets, anchors):
    part, path = tmp_path / "s.mkv.part", tmp_path / "s.mkv"
    growing, grown, offset = GrowingFile(part, form), [], 0
    assert growing.read() == []
    for start in range(0, 60, EPOCH):
        offset = append(part, form, packets, anchors, start, offset)
        grown += growing.read()
        assert growing.read() == []
    finish(part, path, form)
    assert growing.read() == []
    growing.close()
    expected, damaged = pairs(path)
    assert not damaged
    assert sum(len(its) for _, _, its in expected) == len(anchors)
    live = tmp_path / "live.mkv"
    live.write_bytes(sent_live(form, packets, grown, late=0))
    assert pairs(live) == (expected, [])
    live.write_bytes(sent_live(form, packets[:40], [one for one in grown if one.pts <= packets[20].pts], late=19))
    assert pairs(live) == (expected[:40], [])
    live.write_bytes(sent_live(form, packets, [one for one in grown if one.pts == packets[20].pts], late=33))
    read, damaged = pairs(live)  # later than it was said to come
    assert not any(its for _, _, its in read)
    assert len(damaged) == 1


def test_what_a_lost_writer_left_is_not_taken(tmp_path, form, packets, anchors):
    path = tmp_path / "s.mkv.part"
    growing = GrowingFile(path, form)
    first = append(path, form, packets, anchors, 0, 0)
    assert len(growing.read()) == 3
    second = append_epoch(path, form, first, packets[15:30], [anchors[3]])  # whole clusters, but no note behind them
    assert growing.read() == []
    with path.open("ab") as file:
        file.write(noted(b"cut")[:-3])
    assert growing.read() == []
    other = encode_anchor(np.zeros((192, 288, 3), np.uint8), 16, 0, 50)
    assert append_epoch(path, form, first, packets[15:30], [other], note=b"again") != second
    (one,) = growing.read()
    assert (one.pts, one.image) == (packets[16].pts, other.data)


def test_a_stream_is_read_before_it_ends(tmp_path, form, packets, anchors):
    """A packet is handed on once its anchors cannot come any more, not at the end."""
    path = tmp_path / "live.mkv"
    path.write_bytes(sent_live(form, packets, [], late=0))
    reader = HybridReader(str(path))
    first = next(iter(reader))
    assert first.packet.video_index == 0
    held = reader._packets - 1
    assert held == pytest.approx(float(DELAY * form.frame_rate), abs=2)


def test_who_comes_late_takes_no_anchor_for_another(tmp_path, form, packets):
    """One of a packet sent before has a number that a reader's own count comes to, as both begin at 0."""
    writer = LiveWriter(replace(form, anchor_delay=DELAY))
    grey = np.full((192, 288, 3), 99, np.uint8)
    sent = [writer.packet(packet) for packet in packets[30:]]
    anchors = [writer.anchor(packets[at].pts, encode_anchor(grey, at, 0, 50).data) for at in (0, 5, 30, 33)]
    path = tmp_path / "live.mkv"
    path.write_bytes(b"".join([writer.header(None), *sent[:10], *anchors, *sent[10:]]))
    read, damaged = pairs(path)
    assert [name for _, _, its in read for name, _ in its] == ["30.0", "33.0"]
    assert [at for at, (_, _, its) in enumerate(read) if its] == [0, 3]
    assert not damaged, "what was sent before is no damage"
