"""The command `neuroscaler`: all jobs by their names."""

import os
import subprocess
import sys

import pytest

from ns_ray import jobs
from ns_ray.jobs import __main__ as command
from ns_ray.jobs.cli import entry
from ns_ray.jobs.cli.calling import as_called


def test_help_names_every_job_and_imports_none():
    program = f"import sys; from {jobs.__name__} import __main__; sys.argv[1:] = ['--help']; __main__.main()"
    program += "; print(*(name for name in sys.modules if name.startswith('ns_ray.jobs.')))"
    environment = os.environ | {"COLUMNS": "80"}
    command = [sys.executable, "-c", program]
    shown = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    *told, imported = shown.splitlines()
    listed = [line.split()[0] for line in told if line.startswith("  ") and line[2] != " "]
    assert len(listed) > 25
    assert {"benchmark", "play", "quality", "encode", "train"} <= set(listed)
    assert all(len(line) <= 80 for line in told)
    assert set(imported.split()) == {f"ns_ray.jobs.{name}" for name in ("__main__", "cli", "cli.calling")}


@pytest.mark.parametrize(("wrong", "nearest"), [("bench", "benchmark"), ("qality", "quality"), ("zzz", "")])
def test_what_is_no_job_is_wrong_usage_and_the_nearest_is_told(wrong, nearest, capsys):
    assert command.main([wrong, "--help"]) == entry.USAGE
    assert f"there is no job {wrong}; the nearest is {nearest}" in capsys.readouterr().err


def test_nothing_is_wrong_usage(capsys):
    assert command.main([]) == entry.USAGE
    assert "usage: neuroscaler JOB" in capsys.readouterr().out


def test_texts_name_jobs_as_they_are_called(monkeypatch):
    text = "make it by jobs/encode.py, or: python jobs/download.py --video a=b"
    assert as_called(text) == text
    monkeypatch.setattr(sys, "argv", ["neuroscaler benchmark"])
    assert as_called(text) == "make it by neuroscaler encode, or: neuroscaler download --video a=b"
    assert entry.parser("").prog == "neuroscaler benchmark"
    monkeypatch.setattr(sys, "argv", ["jobs/benchmark.py"])
    assert entry.parser("").prog == "python jobs/benchmark.py"
