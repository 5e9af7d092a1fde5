import subprocess
import sys

import pytest

from ns_ray.errors import FileError
from ns_ray.folder_lock import FolderLock
from ns_ray.run_folder import claimed, set_aside

HOLDER = """
import sys, time
from pathlib import Path
from ns_ray.run_folder import claimed
with claimed(Path(sys.argv[1]), print) as folder:
    (folder / "benchmark.json").write_text("theirs")
    print("held", flush=True)
    time.sleep(600)
"""


def contents(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock")


def test_an_earlier_result_is_moved_aside_and_said(tmp_path):
    wanted, said = tmp_path / "s2g0", []
    for number in range(3):
        with claimed(wanted, said.append) as folder:
            assert folder == wanted
            assert contents(folder) == []
            (folder / "benchmark.json").write_text(str(number))
    assert (wanted / "benchmark.json").read_text() == "2"
    earlier = sorted(path for path in tmp_path.iterdir() if path != wanted)
    assert sorted((path / "benchmark.json").read_text() for path in earlier) == ["0", "1"]
    assert all(path.name.startswith("s2g0.") for path in earlier)
    assert len(said) == 2
    assert all(str(wanted) in line and any(str(path) in line for path in earlier) for line in said)


def test_two_runs_never_share_a_folder(tmp_path):
    wanted, said = tmp_path / "s2g0", []
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(wanted)], stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"
        with claimed(wanted, said.append) as first, claimed(wanted, said.append) as second:
            assert (first.name, second.name) == ("s2g0-2", "s2g0-3")
            (first / "benchmark.json").write_text("ours")
        assert (wanted / "benchmark.json").read_text() == "theirs"
        assert "s2g0-2" in said[0]
        other.kill()
    with claimed(wanted, said.append) as folder:
        assert folder == wanted, "a killed run is no obstacle"
        assert contents(folder) == []


def test_a_run_that_fails_keeps_what_it_wrote(tmp_path):
    with pytest.raises(ZeroDivisionError), claimed(tmp_path / "s1g0", print) as folder:
        (folder / "benchmark.json").write_text("half")
        raise ZeroDivisionError
    assert (tmp_path / "s1g0" / "benchmark.json").read_text() == "half"


def test_a_single_file_is_moved_aside_too(tmp_path):
    path, said = tmp_path / "clip.json", []
    assert set_aside(path, said.append) == path
    assert not said
    path.write_text("old")
    aside = set_aside(path, said.append)
    assert (aside.read_text(), aside.suffix, path.exists()) == ("old", ".json", False)
    assert str(aside) in said[0]


def test_a_folder_that_cannot_be_made_is_named_with_a_remedy(tmp_path):
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "run"
    with pytest.raises(FileError, match=rf"{folder}: it cannot be written to \(Not a directory\); make room or name"):
        FolderLock(folder)
