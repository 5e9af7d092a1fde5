import re
import subprocess
import sys

import pytest

from ns_ray.errors import FileError
from ns_ray.folder_lock import LOCK_NAME, FolderLock
from ns_ray.run_folder import LATEST, new_run, of_inputs, publish, set_aside

HOLDER = """
import sys, time
from pathlib import Path
from ns_ray.run_folder import new_run
with new_run(Path(sys.argv[1])) as folder:
    (folder / "benchmark.json").write_text("theirs")
    print(folder, flush=True)
    time.sleep(600)
"""


def test_every_run_has_a_folder_and_latest_leads_to_the_last(tmp_path):
    for number in range(3):  # within a second, at times
        with new_run(tmp_path / "s2g0", "arena0", "neuroscaler", "f0.075") as folder:
            assert [path.name for path in folder.iterdir()] == [LOCK_NAME]
            (folder / "benchmark.json").write_text(str(number))
            if number:
                assert (tmp_path / "s2g0" / LATEST / "benchmark.json").read_text() == str(number - 1)
            publish(folder)
    runs = sorted(path for path in (tmp_path / "s2g0").iterdir() if path.name != LATEST)
    assert len(runs) == 3
    assert all(re.fullmatch(r"\d{8}-\d{6}_arena0_neuroscaler_f0\.075(-[23])?", path.name) for path in runs)
    assert [path.name for path in folder.iterdir()] == ["benchmark.json"], "no lock stays"
    assert (tmp_path / "s2g0" / LATEST / "benchmark.json").read_text() == "2"
    assert (tmp_path / "s2g0" / LATEST).readlink().name == folder.name, "results may be moved elsewhere as they are"


def test_runs_at_once_do_not_meet_and_a_killed_one_is_no_obstacle(tmp_path):
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        theirs = tmp_path / other.stdout.readline().strip()
        with new_run(tmp_path) as first, new_run(tmp_path) as second:
            assert len({first, second, theirs}) == 3
            (first / "benchmark.json").write_text("ours")
        other.kill()
    assert (theirs / "benchmark.json").read_text() == "theirs"
    assert {path.name for path in theirs.iterdir()} == {"benchmark.json", LOCK_NAME}
    FolderLock(theirs, seconds=0).release()
    assert sorted(tmp_path.iterdir()) == sorted({first, theirs}), "nothing is left of a run that wrote nothing"


def test_a_run_that_fails_keeps_what_it_wrote_but_is_not_the_latest(tmp_path):
    with pytest.raises(ZeroDivisionError), new_run(tmp_path) as folder:
        (folder / "streams").mkdir()
        (folder / "half").write_text("half")
        raise ZeroDivisionError
    assert [path.name for path in folder.iterdir()] == ["half"]
    assert not (tmp_path / LATEST).exists()


def test_names_of_runs_are_those_of_folders(tmp_path):
    inputs = [
        "/videos/match ö/a b.webm",
        "rtmp://box/live/cam?key=secret",
        "https://box",
        "c/a b.mkv",
        "x/" + "d" * 300,
    ]
    assert of_inputs(inputs) == "a-b+cam+2-more"
    assert of_inputs(inputs[2:3]) == "box"
    assert of_inputs(inputs[4:]) == "d" * 30
    assert of_inputs(["dataset/lol0/video/720p_4125kbps_d60_test.webm"]) == "lol0-720p_4125kbps_d60_test"
    with new_run(tmp_path, "a/../..", "", "..") as folder:
        assert folder.parent == tmp_path
        assert folder.name.endswith("_a")


def test_a_single_file_is_moved_aside(tmp_path):
    path, said = tmp_path / "clip.json", []
    set_aside(path, said.append)
    assert not said
    path.write_text("old")
    set_aside(path, said.append)
    (aside,) = tmp_path.iterdir()
    assert (aside.read_text(), aside.suffix, path.exists()) == ("old", ".json", False)
    assert str(aside) in said[0]


def test_a_place_for_neither_folder_nor_link_is_named_with_a_remedy(tmp_path):
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "run"
    with pytest.raises(
        FileError, match=rf"{folder}: no folder can be made there \(Not a directory\); make room or name"
    ):
        new_run(folder).__enter__()
    with pytest.raises(FileError, match=rf"{folder}: it cannot be written to \(Not a directory\); make room or name"):
        FolderLock(folder)
    (tmp_path / "runs" / LATEST / "kept").mkdir(parents=True)
    with (
        pytest.raises(FileError, match=rf"{LATEST}: it cannot be made to lead to .* move away what is there"),
        new_run(tmp_path / "runs") as run,
    ):
        publish(run)
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [LATEST]
