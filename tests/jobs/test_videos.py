"""The jobs that download and encode, one after the other, as a user runs them."""

import re
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import av
import pytest
import sources
import xlwt

from ns_ray.dataset.check import inspect
from ns_ray.errors import ConfigError
from ns_ray.jobs import download, encode
from ns_ray.jobs.cli.lists import videos_of
from ns_ray.sr.pairs import find_pairs

ROOT = Path(__file__).resolve().parents[2]


def dataset_list(path: Path, *rows: tuple[str, str, int]) -> Path:
    book = xlwt.Workbook()
    sheet = book.add_sheet("list")
    for row, values in enumerate([("Name", "URL", "Start"), *rows]):
        for column, value in enumerate(values):
            sheet.write(row, column, value)
    book.save(str(path))
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_from_a_list_to_videos_killed_on_the_way(job, shared, tmp_path):
    """Two videos of one name, and one that cannot be used; then the job is killed, and done again."""
    data = tmp_path / "data"
    clips = [
        sources.write_source(tmp_path / f"{i}.mp4", size=(768, 432), frames=130 + 60 * i, options={"bf": "2"})
        for i in range(2)
    ]
    slow = sources.write_source(tmp_path / "slow.mp4", size=(768, 432), rate=Fraction(30))
    xls = dataset_list(
        tmp_path / "l.xls", *(("lol", clip.name, i) for i, clip in enumerate(clips)), ("gta", slow.name, 0)
    )

    got = job("download", "--data_dir", data, "--xls_name", xls, "--num_workers", 2)
    assert got.status == 0, got.err
    assert sorted(contents(data / "raw")) == [f"{n}.{e}" for n in ("gta0", "lol0", "lol1") for e in ("json", "mp4")]

    quick = ("--set", "encode.reference_preset=12", "--set", "encode.reference_crf=50")
    encoding = ("--xls_path", xls, "--duration", 1, "--resolutions", 360, "--output-resolution", 432, *quick)
    done = job("encode", "--data-dir", data, *encoding)
    assert done.status == 1
    assert "error: gta0: " in done.err
    assert "30 frames/s, from which 60 cannot be taken" in done.err
    assert "error: 1 of 9 videos failed; the others are done" in done.err
    names = [
        f"{kind}_d1_{part}.{ending}"
        for kind in ("360p_700kbps", "432p")
        for part in ("test", "train")
        for ending in ("json", "webm")
    ]
    expected = {name: contents(data / name / "video") for name in ("lol0", "lol1")}
    assert all(sorted(files) == names for files in expected.values())
    for name in expected:
        found = inspect(data / name / "video" / "360p_700kbps_d1_train.webm", Fraction(60))
        assert (found.frames, found.keys[0], found.colors.standard) == (60, 0, True)
    assert {pair.lr.parents[1].name for pair in find_pairs(data, 1)} == {"lol0", "lol1"}
    with av.open(str(data / "lol1" / "video" / "432p_d1_train.webm")) as container:
        assert sources.number_of(next(container.decode(video=0)), 60) == 60, "it starts where the list says"

    again = job("encode", "--data-dir", data, "-c", "lol0", "lol1", *encoding)
    assert again.status == 0, again.err
    assert again.out.count("kept") == 8

    other = tmp_path / "killed"
    other.mkdir()
    (other / "raw").symlink_to(data / "raw")
    command = [sys.executable, "jobs/encode.py", "--data-dir", other, "-c", "lol0", *map(str, encoding)]
    process = subprocess.Popen(command, cwd=ROOT, env=shared, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not list(other.glob("lol0/video/*.part")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    process.wait()
    resumed = job("encode", "--data-dir", other, "-c", "lol0", *encoding)
    assert resumed.status == 0, resumed.err
    assert contents(other / "lol0" / "video") == expected["lol0"]


def test_a_download_without_network_says_so_for_each_video(tmp_path, capsys):
    nowhere = "http://127.0.0.1:9"
    xls = dataset_list(tmp_path / "l.xls", ("lol", f"{nowhere}/a.webm", 0), ("lol", f"{nowhere}/b.webm", 0))
    data = tmp_path / "data"
    common = ["--data-dir", str(data), "--set", "download.retries=0"]
    assert download.main(["--xls-name", str(xls), *common]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert sorted(line.split(" cannot")[0] for line in lines[:2]) == [
        f"error: lol0: {nowhere}/a.webm",
        f"error: lol1: {nowhere}/b.webm",
    ]
    assert lines[2:] == ["error: 2 of 2 videos failed"]
    assert not list((data / "raw").iterdir())

    clip = sources.write_source(tmp_path / "lol0.mp4", frames=30)
    assert download.main(["--video", f"lol0={clip}", "--video", f"lol1={nowhere}/b.webm", *common]) == 1
    assert sorted(contents(data / "raw")) == ["lol0.json", "lol0.mp4"]
    assert capsys.readouterr().err.count("error: lol") == 1
    assert download.main(["--video", f"lol0={tmp_path}", *common]) == 0, "a folder stands in too"


@pytest.mark.parametrize(
    ("job_module", "arguments", "told"),
    [
        (download, ["--video", "lol0"], "NAME=SOURCE"),
        (download, ["--video", "a=b", "--video", "a=c"], "given twice"),
        (download, ["-c", "gta7"], "--content gta7: .* lists lol0"),
        (download, ["--set", "download.at_onze=3"], "at_onze"),
        (encode, ["-c", "gta7"], "--content gta7: .* lists lol0"),
        (encode, ["--config", "nothing.yaml"], "nothing.yaml"),
    ],
)
def test_wrong_usage_is_status_2(tmp_path, capsys, job_module, arguments, told):
    assert job_module.main(["--data-dir", str(tmp_path), *arguments]) == 2
    error = capsys.readouterr().err
    assert re.search(told, error), error


@pytest.mark.parametrize(
    "arguments",
    [
        ["--duration", "0"],
        ["--resolutions", "480"],
        ["--input-resolution", "720", "--output-resolution", "720"],
        ["--start", "-1"],
        ["--frame-rate", "1/0"],
        ["--num-workers", "0"],
    ],
)
def test_encode_refuses_options_out_of_range(arguments):
    with pytest.raises(SystemExit) as stopped:
        encode.main(arguments)
    assert stopped.value.code == 2


@pytest.mark.parametrize(("job_module", "told"), [(download, "no such dataset list"), (encode, "no such dataset list")])
def test_a_list_that_is_not_there(tmp_path, capsys, job_module, told):
    assert job_module.main(["--data-dir", str(tmp_path), "--xls-name", "nowhere.xls"]) == 1
    assert told in capsys.readouterr().err


def test_videos_that_no_list_names_start_at_0(tmp_path):
    (tmp_path / "raw").mkdir()
    sources.write_source(tmp_path / "raw" / "match.mp4", frames=3)
    options = encode.arguments(["--data-dir", str(tmp_path), "-c", "match", "lol0"])
    assert [(video.name, video.start) for video in videos_of(options, tmp_path / "raw")] == [
        ("match", 0),
        ("lol0", 300),
    ]
    with pytest.raises(ConfigError, match="match"):
        videos_of(options)


def test_encode_says_what_to_download(tmp_path, capsys):
    assert encode.main(["--data-dir", str(tmp_path)]) == 1
    assert "there is no video lol0; get it by jobs/download.py" in capsys.readouterr().err
