"""No job writes over what it reads."""

import os
from argparse import Namespace
from pathlib import Path

import pytest

from ns_ray.errors import ConfigError
from ns_ray.jobs import play, quality
from ns_ray.jobs.cli.outputs import require_other_output


@pytest.fixture
def there(tmp_path) -> Path:
    (tmp_path / "data").mkdir()
    for name in ("a.mkv", "data/b.webm"):
        (tmp_path / name).write_text(name)
    (tmp_path / "link.mkv").symlink_to("a.mkv")
    (tmp_path / "folder").symlink_to(tmp_path)
    os.link(tmp_path / "a.mkv", tmp_path / "hard.mkv")
    return tmp_path


@pytest.mark.parametrize("output", ["a.mkv", "data/../a.mkv", "link.mkv", "folder/a.mkv", "hard.mkv", "data/b.webm"])
def test_the_same_file_by_any_name_is_refused(there, output):
    options = Namespace(hybrid=str(there / "a.mkv"), more=[Path("b.webm"), None, 3], data_dir=there / "data")
    options.output = there / output
    with pytest.raises(
        ConfigError, match=rf"{output}: it would be written over .* which is an input \((hybrid|more)\)"
    ):
        require_other_output(options, "output")


def test_others_are_not(there):
    options = Namespace(hybrid=str(there / "a.mkv"), reference="https://box/b.webm", data_dir=there, output=None)
    require_other_output(options, "output")
    for name in ("c.mkv", "data/b.webm", "data"):
        options.output = there / name
        require_other_output(options, "output")
    (there / "taken.mkv").touch()
    (there / "taken.part.mkv").hardlink_to(there / "a.mkv")
    options.output = there / "taken.mkv"
    with pytest.raises(ConfigError, match=r"taken\.mkv"):
        require_other_output(options, "output")


@pytest.mark.parametrize(
    ("job", "words"),
    [
        (play, ["{0}/a.mkv", "-o", "{0}/hard.mkv"]),
        (quality, ["{0}/a.mkv", "--reference", "{0}/data/b.webm", "--json", "{0}/data/b.webm"]),
        (quality, ["{0}/a.mkv", "--reference", "{0}/data/b.webm", "--json", "{0}/link.mkv"]),
    ],
)
def test_jobs_ask_before_they_begin(there, capsys, job, words):
    assert job.main([word.format(there) for word in words]) == 2
    assert "which is an input" in capsys.readouterr().err
    assert (there / "a.mkv").read_text() == "a.mkv"
    assert (there / "data" / "b.webm").read_text() == "data/b.webm"
