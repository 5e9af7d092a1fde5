"""Notes in live files: found again whatever lies between them, not there in finished ones."""

import random

import av
import pytest

from ns_ray.errors import HybridError
from ns_ray.hybrid.notes import noted, read_notes
from ns_ray.hybrid.writer import HybridFormat, append_epoch, finish
from ns_ray.video.packets import read_packets
from ns_ray.video.probe import probe

CLUSTER = b"\x1f\x43\xb6\x75"
NOTES = [b"first", b"", CLUSTER * 20, noted(b"a note in a note"), bytes(range(256)) * 40, b"last"]


@pytest.fixture
def packets(plain_video):
    return list(read_packets(probe(str(plain_video))))


@pytest.fixture
def form(plain_video):
    info = probe(str(plain_video))
    return HybridFormat((96, 64), (288, 192), info.frame_rate, info.time_base, video_codec="vp9")


def write(path, form, packets, notes):
    offset, ends = 0, []
    for number, note in enumerate(notes):
        offset = append_epoch(path, form, offset, packets[number * 10 : (number + 1) * 10], [], note=note)
        ends.append(offset)
    return ends


def test_notes_come_back_in_order_each_with_the_end_of_what_it_speaks_of(tmp_path, form, packets):
    path = tmp_path / "s.part"
    ends = write(path, form, packets, NOTES)
    expected = [(end, note) for end, note in zip(ends, NOTES, strict=True) if note]
    assert read_notes(path) == expected, "an empty one is none"
    assert read_notes(path)[-1][0] == path.stat().st_size


def test_no_file_and_an_empty_one_have_none(tmp_path):
    assert read_notes(tmp_path / "absent") == []
    (tmp_path / "empty").touch()
    assert read_notes(tmp_path / "empty") == []
    with pytest.raises(HybridError, match="cannot be gone on with"):
        read_notes(tmp_path)


def test_a_file_cut_anywhere_has_the_notes_before_the_cut(tmp_path, form, packets):
    path = tmp_path / "s.part"
    ends = write(path, form, packets, NOTES[:1] + NOTES[2:5])
    expected, data = read_notes(path), path.read_bytes()
    for cut in {*random.Random(0).sample(range(len(data)), 100), *ends, *(end - 1 for end in ends)}:
        path.write_bytes(data[:cut])
        assert read_notes(path) == [one for one in expected if one[0] <= cut], cut


def test_a_torn_note_is_passed_over_and_written_over(tmp_path, form, packets):
    """A writer that goes on from the last note leaves what it would have left without the tear."""
    path, whole = tmp_path / "s.part", tmp_path / "whole.part"
    ends = write(path, form, packets, NOTES[:4])
    write(whole, form, packets, NOTES[:4])
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    (*_, (end, note)) = read_notes(path)
    assert (end, note) == (ends[2], NOTES[2])
    append_epoch(path, form, end, packets[30:40], [], note=NOTES[3])
    assert path.read_bytes() == whole.read_bytes()


def test_notes_of_others_and_rubbish_are_passed_over(tmp_path, form, packets):
    path = tmp_path / "s.part"
    write(path, form, packets, [b"mine"])
    with path.open("ab") as file:
        file.write(b"\xec\x85other")
    assert [note for _, note in read_notes(path)] == [b"mine"]
    path.write_bytes(random.Random(1).randbytes(5000))
    assert read_notes(path) == []


def test_finished_files_have_no_note_and_are_the_same_as_without(tmp_path, form, packets):
    files = []
    for notes in (NOTES, [b""] * len(NOTES)):
        part, path = tmp_path / "s.part", tmp_path / "s.mkv"
        write(part, form, packets, notes)
        finish(part, path, form)
        files.append(path.read_bytes())
    assert files[0] == files[1]
    assert read_notes(tmp_path / "s.mkv") == []


def test_players_pass_over_notes(tmp_path, form, packets):
    path = tmp_path / "s.mkv.part"
    write(path, form, packets, NOTES)
    with av.open(str(path)) as container:
        assert [bytes(packet) for packet in container.demux(video=0) if packet.size] == [p.data for p in packets]
