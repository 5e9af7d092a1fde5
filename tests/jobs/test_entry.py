"""Every job has the options that all share."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from job_options import JOBS, NEEDED

from ns_ray import shipped
from ns_ray.config.config import Config
from ns_ray.jobs.cli import entry
from ns_ray.shipped import FOLDER

SHARED = ("--config", "--set", "--data-dir", "--result-dir")
CONFIGS = {"artifact": "artifact", "measure_throughput": "artifact"}  # of jobs with another default


@pytest.mark.parametrize("name", JOBS)
def test_help_shows_the_shared_options_and_defaults(name, capsys):
    with pytest.raises(SystemExit) as stop:
        importlib.import_module(f"ns_ray.jobs.{name}").main(["--help"])
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    for option in SHARED:
        assert option in shown
    assert f"(default: {CONFIGS.get(name, 'local')})" in shown
    assert "(default:" in shown


@pytest.mark.parametrize("name", JOBS)
def test_a_wrong_setting_is_wrong_usage(name, capsys, tmp_path):
    options = ["--set", "enhancer.speed=3", "--data-dir", str(tmp_path), "--result-dir", str(tmp_path)]
    assert importlib.import_module(f"ns_ray.jobs.{name}").main([*NEEDED.get(name, []), *options]) == entry.USAGE
    assert "enhancer.speed" in capsys.readouterr().err


SLOW = ("matplotlib", "onnx", "onnxruntime", "ray", "scipy", "tensorrt", "tensorrt_rtx", "torch", "yt_dlp")
ANSWERS = """
import importlib, json, sys
slow, calls = json.loads(sys.argv[1])
for name, words in calls:
    try:
        status = importlib.import_module(f"ns_ray.jobs.{name}").main(words)
    except SystemExit as ended:
        status = ended.code
    print("answer", json.dumps([name, status, [one for one in slow if one in sys.modules]]))
"""


def test_help_and_wrong_usage_import_nothing_that_takes_seconds():
    """All in one process, so that this takes no longer: the first job that is named is the one to look at."""
    wrong = {name: [*NEEDED.get(name, []), "--set", "enhancer.speed=3"] for name in JOBS}
    calls = [(name, words) for name in JOBS for words in (["--help"], ["--no-such-option"], wrong[name])]
    command = [sys.executable, "-c", ANSWERS, json.dumps([SLOW, calls])]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout.splitlines()
    answers = [json.loads(line.removeprefix("answer ")) for line in shown if line.startswith("answer ")]
    assert len(JOBS) > 25
    assert answers == [[name, status, []] for name in JOBS for status in (entry.DONE, entry.USAGE, entry.USAGE)]


def test_underscores_do_as_well_as_dashes():
    options = entry.parser("").parse_args(["--data_dir", "a_b", "--result_dir=c_d", "--set", "x.y_z=1"])
    assert (str(options.data_dir), str(options.result_dir), options.set) == ("a_b", "c_d", ["x.y_z=1"])
    words = entry.parser("")
    words.add_argument("words", nargs="*")
    words.add_argument("--spelt_so", type=int)
    assert words.parse_args(["--spelt_so=3"]).spelt_so == 3
    assert words.parse_args(["--", "--data_dir"]).words == ["--data_dir"]


def test_the_defaults_are_those_of_the_configuration():
    options = entry.parser("").parse_args([])
    assert (options.config, options.set) == (FOLDER / "configs" / "local.yaml", [])
    assert Config().stop_seconds == 2


def test_a_configuration_is_a_file_or_the_name_of_one_that_ships(tmp_path, monkeypatch, capsys):
    def chosen(text):
        return entry.parser("").parse_args(["--config", text]).config

    monkeypatch.chdir(tmp_path)
    assert chosen("t4") == chosen("configs/t4.yaml") == FOLDER / "configs" / "t4.yaml"
    (tmp_path / "configs").mkdir()
    for name in ("configs/t4.yaml", "own.yaml", "own"):
        (tmp_path / name).write_text("instance: mine")
        assert chosen(name) == Path(name)
    assert chosen("t4") == FOLDER / "configs" / "t4.yaml"
    assert chosen("missing.yaml") == Path("missing.yaml")
    with pytest.raises(SystemExit):
        chosen("missing")
    assert "artifact, h100" in capsys.readouterr().err


def test_videos_and_results_are_in_the_current_folder_and_what_ships_beside_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = entry.parser("").parse_args([])
    assert (options.data_dir, options.result_dir) == (tmp_path / "dataset", tmp_path / "result")
    sample = Path("dataset/sample/360p_700kbps_d4_test.webm")
    assert shipped.found(sample) == entry.found(sample, options.data_dir) == FOLDER / sample
    assert shipped.everywhere(FOLDER / sample) == shipped.everywhere(sample) == str(sample)
    assert shipped.named("https://host/a.webm") == "https://host/a.webm"
    assert shipped.found("dataset/other.webm") == entry.found(Path("other.webm"), options.data_dir)
    sample.parent.mkdir(parents=True)
    sample.write_bytes(b"mine")
    assert shipped.named(str(sample)) == str(sample)
    assert shipped.found(sample) == tmp_path / sample
