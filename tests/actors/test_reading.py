"""Reading slots of time from real files and pipes, and going on after the reader was lost."""

import asyncio
import os
import pickle
from dataclasses import replace
from fractions import Fraction

import h264_streams
import pytest
from remux import ivf, remux

from ns_ray.actors.messages import Stream
from ns_ray.actors.reading import Readers
from ns_ray.video.packets import Mark, read_packets
from ns_ray.video.probe import probe

MS = Fraction(1, 1000)
TIMES = [round(i * 1000 / 60) for i in range(60)]


@pytest.fixture(scope="module")
def clip(plain_video):
    """60 packets, key frames at 0 and 30."""
    return list(read_packets(probe(str(plain_video))))


def stream_of(path):
    return Stream("s", probe(str(path)), "EDSR_B1_F4_S3")


async def read_slots(stream, count, seconds=Fraction(1, 4), lost=(), limit=1000):
    """Read slot after slot; the readers are lost before those in `lost`."""
    readers, mark, reads = Readers(), Mark(), []
    for number in range(count):
        if number in lost:
            readers, mark = Readers(), pickle.loads(pickle.dumps(mark))
        read = await readers.read(stream, mark, (number + 1) * seconds, limit)
        reads.append(replace(read, span=None))
        mark = read.mark
    return reads


def slots(*arguments, **more):
    return asyncio.run(read_slots(*arguments, **more))


def counts(reads):
    return [len(read.packets) for read in reads]


def test_a_slot_is_one_of_time(tmp_path, clip):
    for rate in (25, 30, 60):
        path = ivf(tmp_path / "a.ivf", [p.data for p in clip], [round(i * 1000 / rate) for i in range(60)], MS)
        reads = slots(stream_of(path), 40)
        packets = [packet for read in reads for packet in read.packets]
        assert [packet.video_index for packet in packets] == list(range(10 * rate))
        for number, read in enumerate(reads):
            assert all(number * 250 <= packet.pts < (number + 1) * 250 for packet in read.packets)
            last = read.packets[-1]
            assert read.end == (last.pts + last.duration) * MS
            assert read.following >= (number + 1) * Fraction(1, 4)


def test_a_pause_has_slots_without_packets(tmp_path, clip):
    times = [time + (2000 if i >= 30 else 0) for i, time in enumerate(TIMES)]
    reads = slots(stream_of(remux(tmp_path / "a.mkv", clip, times, MS, rate=60)), 12)
    assert counts(reads) == [15, 15, 0, 0, 0, 0, 0, 0, 0, 0, 15, 15]
    assert not any(read.ended or read.error for read in reads)
    assert reads[2].following == Fraction(5, 2)


def test_a_slot_holds_no_more_than_its_limit(tmp_path, clip):
    path = ivf(tmp_path / "a.ivf", [p.data for p in clip], list(range(60)), Fraction(1, 90000))
    reads = slots(stream_of(path), 6, limit=7)
    assert counts(reads) == [7] * 6
    assert [packet.video_index for read in reads for packet in read.packets] == list(range(42))


@pytest.mark.parametrize("name", ["a.mkv", "a.ivf", "a.mp4"])
def test_new_readers_read_what_the_lost_ones_would_have(tmp_path, clip, name):
    if name == "a.ivf":
        path = ivf(tmp_path / name, [p.data for p in clip], TIMES, MS)
    else:
        form, sides = ("mp4", ()) if name == "a.mp4" else ("matroska", range(0, 1000, 20))
        path = remux(tmp_path / name, clip, TIMES, MS, format=form, rate=60, sides=sides)
    stream = stream_of(path)
    whole = slots(stream, 20)
    assert sum(counts(whole)) == 300
    assert sum(record.shown for read in whole for record in read.records) == 300
    assert slots(stream, 20, lost={1, 2, 3, 9, 15}) == whole
    assert slots(stream, 20, lost=range(20)) == whole


def test_a_call_can_be_made_again(plain_video):
    async def run():
        stream, readers = stream_of(plain_video), Readers()
        first = await readers.read(stream, Mark(), Fraction(1, 4), 100)
        second = await readers.read(stream, first.mark, Fraction(1, 2), 100)
        again = await readers.read(stream, first.mark, Fraction(1, 2), 100)
        assert replace(again, span=second.span) == second

    asyncio.run(run())


def test_what_came_since_the_last_key_frame_is_read_again_and_reading_goes_on(tmp_path, clip):
    """`before` is what a decoder needs to be where a slot begins; the slot itself is not read twice."""
    path = remux(tmp_path / "a.mkv", clip, TIMES, MS, rate=60)
    stream = stream_of(path)
    whole = slots(stream, 12)

    async def run():
        for number in range(1, 12):
            readers, mark = Readers(), whole[number - 1].mark
            before = await readers.before(stream, mark)
            came = [packet for read in whole[:number] for packet in read.packets]
            key = max((i for i, packet in enumerate(came) if packet.key), default=0)
            expected = came[key:] if mark.index % 30 else []
            assert before == expected or (not mark.index % 30 and before == came[key:])
            read = await readers.read(stream, mark, Fraction(number + 1, 4), 1000)
            assert replace(read, span=None) == whole[number]

    asyncio.run(run())


def test_a_stream_that_is_joined_late_waits_for_its_key_frame(tmp_path, clip):
    path = ivf(tmp_path / "mid.ivf", [p.data for p in clip[1:]], TIMES[:59], MS)
    reads = slots(stream_of(path), 4, lost={1})
    assert counts(reads) == [15, 15, 15, 15]
    assert [sum(record.shown for record in read.records) for read in reads] == [0, 1, 15, 15]
    assert reads[0].notes == ("no key frame yet: packets are passed on, anchors begin with the first key frame",)
    assert not any(read.notes for read in reads[1:])


def test_what_breaks_off_is_said_after_what_came(tmp_path, clip):
    path = remux(tmp_path / "a.mkv", clip, TIMES, MS, rate=60)
    stream = stream_of(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    reads = slots(stream, 5)
    packets = [packet for read in reads for packet in read.packets]
    assert [packet.data for packet in packets] == [packet.data for packet in clip[: len(packets)]]
    assert 10 < len(packets) < 60
    assert "a.mkv" in next(read.error for read in reads if read.error)
    path.unlink()
    (read,) = slots(stream, 1)
    assert (read.packets, read.ended) == ([], True)
    assert "no such file" in read.error


def test_notes_come_with_their_slot_and_once(tmp_path, clip):
    path = ivf(tmp_path / "a.ivf", [p.data for p in clip], [time % 500 for time in TIMES], MS)
    notes = [read.notes for read in slots(stream_of(path), 4)]
    assert [len(its) for its in notes] == [0, 0, 1, 0]
    assert "packet 30" in notes[2][0]
    assert [read.notes for read in slots(stream_of(path), 4, lost={1, 2, 3})] == notes


def test_live_sources_that_are_waited_for_hold_no_file_up(tmp_path, plain_video):
    """Ten pipes into which nothing comes, and a file beside them."""
    info = probe(str(plain_video))
    pipes = [tmp_path / f"pipe{i}" for i in range(10)]
    for pipe in pipes:
        os.mkfifo(pipe)

    async def run():
        readers = Readers()
        live = [
            asyncio.ensure_future(
                readers.read(Stream(pipe.name, replace(info, path=str(pipe)), "m"), Mark(), Fraction(100), 1000)
            )
            for pipe in pipes
        ]
        await asyncio.sleep(0.1)
        read = await asyncio.wait_for(readers.read(stream_of(plain_video), Mark(), Fraction(1, 2), 1000), 30)
        assert len(read.packets) == 30
        assert not any(one.done() for one in live)
        for pipe in pipes:
            await asyncio.to_thread(pipe.write_bytes, plain_video.read_bytes())
        for read in await asyncio.wait_for(asyncio.gather(*live), 60):
            assert (len(read.packets), read.ended, read.error) == (60, True, "")

    asyncio.run(run())


def test_a_source_that_is_forgotten_is_closed(plain_video):
    async def run():
        readers, stream = Readers(), stream_of(plain_video)
        before = len(os.listdir("/proc/self/fd"))
        first = await readers.read(stream, Mark(), Fraction(1, 4), 1000)
        opened = len(os.listdir("/proc/self/fd"))
        readers.forget("s")
        readers.forget("s")
        assert len(os.listdir("/proc/self/fd")) < opened or opened == before
        again = await readers.read(stream, first.mark, Fraction(1, 2), 1000)
        assert [packet.video_index for packet in again.packets] == list(range(15, 30))

    asyncio.run(run())


def test_slots_of_frames_that_are_shown_in_another_order(tmp_path):
    """Packets fall into slots as they come, and are followed by what their pictures wait for, once more in the next."""
    stream = stream_of(h264_streams.write(tmp_path / "v.mkv"))
    reads = slots(stream, 3, seconds=Fraction(1, 10), lost=(2,))
    packets = [packet for read in reads for packet in read.packets]
    assert counts(reads) == [6, 6, 6]
    assert [packet.due for packet in packets] == sorted(packet.due for packet in packets)
    assert [packet.pts for packet in packets] != sorted(packet.pts for packet in packets)
    numbers = [packet.video_index for packet in reads[0].ahead]
    assert numbers == list(range(6, 14))
    assert [record.leaf for read in reads for record in read.records].count(True) == 4
