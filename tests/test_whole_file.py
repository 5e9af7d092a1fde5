import errno
import subprocess
import sys
import time

import pytest

from ns_ray import whole_file
from ns_ray.errors import FileError, MediaError
from ns_ray.whole_file import discard, read_record, write_record, writing

HOLDER = """
import sys, time
from pathlib import Path
from ns_ray.whole_file import writing
with writing(Path(sys.argv[1])) as part:
    part.write_text("theirs")
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def hold(path, seconds):
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(path), str(seconds)], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"held\n"
    return process


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "deep" / "a.txt"
    with writing(path) as part:
        part.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    with pytest.raises(ZeroDivisionError), writing(path) as part:
        part.write_text("half")
        raise ZeroDivisionError
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


def test_two_writers_take_turns(tmp_path):
    path = tmp_path / "a.txt"
    with hold(path, 0.5), writing(path) as part:
        assert path.read_text() == "theirs", "the other was waited for"
        part.write_text("ours")
    assert path.read_text() == "ours"


def test_a_writer_that_goes_on_and_on_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(whole_file, "_WAIT_SECONDS", 0.1)
    path = tmp_path / "a.txt"
    with hold(path, 60) as process:
        began = time.monotonic()
        with pytest.raises(MediaError, match=r"a.txt: another process is writing it"), writing(path):
            pass
        assert time.monotonic() - began < 10
        process.kill()
    with writing(path) as part:
        part.write_text("ours")
    assert path.read_text() == "ours", "what a killed writer leaves is no obstacle"


def test_what_a_killed_writer_left_is_discarded_and_a_living_ones_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(whole_file, "_WAIT_SECONDS", 0.1)
    path = tmp_path / "a.txt"
    with hold(path, 60) as process:
        discard(path)
        assert (tmp_path / "a.txt.part").read_text() == "theirs"
        process.kill()
    discard(path)
    discard(path)
    assert not list(tmp_path.iterdir())


def test_records(tmp_path):
    path = tmp_path / "r.json"
    assert read_record(path) is None
    write_record(path, {"bytes": 7})
    assert read_record(path) == {"bytes": 7}
    for text in ("{", "[1]", ""):
        path.write_text(text)
        assert read_record(path) is None


@pytest.mark.parametrize("write", [lambda path: write_record(path, {"new": 1}), lambda path: _write(path, b"new")])
def test_a_full_disk_names_the_file_and_leaves_it_whole(tmp_path, monkeypatch, write):
    path = tmp_path / "a.json"
    write_record(path, {"old": 1})

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(whole_file.os, "fsync", full)
    with pytest.raises(FileError, match=r"a.json: it cannot be written \(No space left on device\); make room"):
        write(path)
    assert read_record(path) == {"old": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match=r"b.json: it cannot be written"):
        write_record(tmp_path / "file" / "b.json", {})


def _write(path, data):
    with writing(path) as part:
        part.write_bytes(data)
