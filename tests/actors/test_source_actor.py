"""The source actor, as the plain class it is: slots of time, and going on after it was lost."""

import pickle
from fractions import Fraction

import pytest
from actors.source import SourceActor
from remux import ivf, remux

from actors.messages import Stream
from ns_ray.video.packets import Mark, read_packets
from ns_ray.video.probe import probe

MS = Fraction(1, 1000)


@pytest.fixture(scope="module")
def clip(plain_video):
    """60 packets, key frames at 0 and 30."""
    return list(read_packets(probe(str(plain_video))))


def stream_of(path):
    return Stream("s", probe(str(path)), "EDSR_B1_F4_S3")


def slots(stream, count, seconds=Fraction(1, 4), lost=(), limit=1000):
    """Read slot after slot; the actor is lost before those in `lost`."""
    actor, mark, read = SourceActor([]), Mark(), []
    for number in range(count):
        if number in lost:
            actor, mark = SourceActor([]), pickle.loads(pickle.dumps(mark))
        packets, sides, reply = actor.read(stream, mark, (number + 1) * seconds, limit)
        read.append((packets, sides, reply.count, reply.bytes, reply.records, reply.ended, reply.error, reply.notes))
        mark = reply.mark
    return read


def test_a_slot_is_one_of_time(tmp_path, clip):
    for rate in (25, 30, 60):
        path = ivf(tmp_path / "a.ivf", [p.data for p in clip], [round(i * 1000 / rate) for i in range(60)], MS)
        stream = stream_of(path)
        read = slots(stream, 40)
        packets = [p for slot in read for p in slot[0]]
        assert [p.video_index for p in packets] == list(range(len(packets)))
        assert len(packets) == 10 * rate
        for number, (its, *_) in enumerate(read):
            assert all(number * 250 <= p.pts < (number + 1) * 250 for p in its)


def test_a_pause_has_slots_without_packets(tmp_path, clip):
    times = [round(i * 1000 / 60) + (2000 if i >= 30 else 0) for i in range(60)]
    read = slots(stream_of(remux(tmp_path / "a.mkv", clip, times, MS, rate=60)), 12)
    assert [slot[2] for slot in read] == [15, 15, 0, 0, 0, 0, 0, 0, 0, 0, 15, 15]
    assert not any(slot[5] or slot[6] for slot in read)


def test_a_slot_holds_no_more_than_its_limit(tmp_path, clip):
    path = ivf(tmp_path / "a.ivf", [p.data for p in clip], list(range(60)), Fraction(1, 90000))
    read = slots(stream_of(path), 6, limit=7)
    assert [slot[2] for slot in read] == [7] * 6
    assert [p.video_index for slot in read for p in slot[0]] == list(range(42))


@pytest.mark.parametrize("name", ["a.mkv", "a.ivf", "a.mp4"])
def test_a_new_actor_reads_what_the_lost_one_would_have(tmp_path, clip, name):
    times = [round(i * 1000 / 60) for i in range(60)]
    if name == "a.ivf":
        path = ivf(tmp_path / name, [p.data for p in clip], times, MS)
    else:
        form, sides = ("mp4", ()) if name == "a.mp4" else ("matroska", range(0, 1000, 20))
        path = remux(tmp_path / name, clip, times, MS, format=form, rate=60, sides=sides)
    stream = stream_of(path)
    whole = slots(stream, 20)
    assert sum(slot[2] for slot in whole) == 300
    assert sum(sum(record.shown for record in slot[4]) for slot in whole) == 300
    assert slots(stream, 20, lost={1, 2, 3, 9, 15}) == whole
    assert slots(stream, 20, lost=range(20)) == whole


def test_a_call_can_be_made_again(plain_video):
    stream, actor = stream_of(plain_video), SourceActor([])
    first = actor.read(stream, Mark(), Fraction(1, 4), 100)
    second = actor.read(stream, first[2].mark, Fraction(1, 2), 100)
    again = actor.read(stream, first[2].mark, Fraction(1, 2), 100)
    assert again[:2] == second[:2]
    assert again[2].records == second[2].records
    assert again[2].mark == second[2].mark


def test_a_stream_that_is_joined_late_waits_for_its_key_frame(tmp_path, clip):
    datas = [p.data for p in clip]
    path = ivf(tmp_path / "mid.ivf", datas[1:], [round(i * 1000 / 60) for i in range(59)], MS)
    read = slots(stream_of(path), 4, lost={1})
    assert [slot[2] for slot in read] == [15, 15, 15, 15]
    assert [sum(record.shown for record in slot[4]) for slot in read] == [0, 1, 15, 15]
    notes = [slot[7] for slot in read]
    assert notes[0] == ("no key frame yet: packets are passed on, anchors begin with the first key frame",)
    assert not any(notes[1:])


def test_what_breaks_off_is_said_after_what_came(tmp_path, clip):
    path = remux(tmp_path / "a.mkv", clip, [round(i * 1000 / 60) for i in range(60)], MS, rate=60)
    stream = stream_of(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    read = slots(stream, 5)
    packets = [p for slot in read for p in slot[0]]
    assert [p.data for p in packets] == [p.data for p in clip[: len(packets)]]
    assert 10 < len(packets) < 60
    assert "a.mkv" in next(slot[6] for slot in read if slot[6])
    path.unlink()
    packets, _, reply = SourceActor([]).read(stream, Mark(), Fraction(1), 10)
    assert (packets, reply.ended) == ([], True)
    assert "no such file" in reply.error


def test_notes_come_with_their_slot_and_once(tmp_path, clip):
    times = [round(i * 1000 / 60) % 500 for i in range(60)]
    stream = stream_of(ivf(tmp_path / "a.ivf", [p.data for p in clip], times, MS))
    notes = [slot[7] for slot in slots(stream, 4)]
    assert [len(its) for its in notes] == [0, 0, 1, 0]
    assert "packet 30" in notes[2][0]
    assert [slot[7] for slot in slots(stream, 4, lost={1, 2, 3})] == notes
