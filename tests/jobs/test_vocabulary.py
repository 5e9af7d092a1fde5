"""All jobs call the same things by the same names, say what they take, and take no 0 where there has to be some."""

from importlib import import_module

import pytest
from job_options import JOBS, NEEDED, actions_of, breaches, parser_of
from jobs_table import TABLE

from ns_ray.jobs import benchmark, benchmark_decode, curves, play, prepare_stills, study, train
from ns_ray.jobs.cli import values

TAKE_SOME = (
    values.count,
    values.even_count,
    values.port,
    values.positive,
    values.share,
    values.ranked_share,
    values.quality,
    values.frame_rate,
    values.size,
)
"""Types of values that take no 0."""
TAKE_NONE = {
    "benchmark": {"--num-gpus"},
    "benchmark_infer": {"--warm-up", "--naive-requests"},
    "check_realtime": {"--num-gpus"},
    "enhancer_benchmark": {"--num-gpus", "--limit"},
    "serve": {"--num-gpus", "--port"},
    "study": {"--placements"},
}
"""Counts that may be 0."""


@pytest.mark.parametrize("job", JOBS)
def test_words_and_help(job):
    assert breaches(parser_of(job)) == []


@pytest.mark.parametrize("job", JOBS)
def test_zero_is_wrong_usage_of_what_takes_one_or_more(job, capsys):
    none = set()
    for action in actions_of(parser_of(job)):
        word = next((name for name in action.option_strings if name.startswith("--")), "")
        if action.type in (values.count_or_none, values.port_or_any):
            none.add(word)
        if action.type not in TAKE_SOME:
            continue
        for wrong in ("0", "-1", "some"):
            with pytest.raises(SystemExit) as stopped:
                import_module(f"ns_ray.jobs.{job}").main([*NEEDED.get(job, []), f"{word}={wrong}"])
            assert stopped.value.code == 2
            said = capsys.readouterr().err
            assert f"argument {'/'.join(action.option_strings)}: {wrong}" in said, said
    assert none == TAKE_NONE.get(job, set())


def test_all_wrong_values_are_told_at_once(capsys):
    with pytest.raises(SystemExit) as stopped:
        benchmark.main(["-n", "0", "--quality", "200", "--method", "magic", "-f", "7", "--instance", "../up"])
    assert stopped.value.code == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if "error: argument" in line]
    assert len(lines) == 5


def test_the_table_names_all_jobs():
    rows = [line.split("|") for line in TABLE.read_text().splitlines() if line.startswith("| `")]
    assert [row[1].strip(" `") for row in rows] == JOBS
    assert {row[5].strip() for row in rows} == {"holds"}


@pytest.mark.parametrize(
    ("word", "instance"),
    [("ae_server", True), ("g4dn.12xlarge", True), ("gone.webm", False), ("a/b", False), ("rtmp://host/a", False)],
)
def test_i_is_the_input_and_as_published_a_machine_where_it_can_be_no_input(word, instance, capsys):
    several, one = benchmark.arguments(["-i", word]), benchmark_decode.arguments(["-i", word])
    assert (several.instance, several.input) == ((word, None) if instance else (None, [word]))
    assert (one.instance, one.input) == ((word, None) if instance else (None, word))
    assert ("--instance" in capsys.readouterr().err) == instance


def test_a_file_is_an_input_whatever_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "box").touch()
    (tmp_path / "folder").mkdir()
    assert benchmark.arguments(["-i", "box", "--instance", "here"]).input == ["box"]
    assert benchmark.arguments(["-i", "a", "b"]).input == ["a", "b"]
    assert benchmark.arguments(["-i", "folder"]).instance == "folder"


def test_what_is_read_has_its_place_or_its_option(capsys):
    assert play.arguments(["-i", "a.mkv", "-o", "b"]).hybrid == play.arguments(["a.mkv", "-o", "b"]).hybrid == "a.mkv"
    one, other = curves.arguments(["-i", "a", "--reference", "b"]), curves.arguments(["a", "b"])
    assert (one.lr, one.hr) == (other.lr, other.hr)
    assert study.arguments(["-i", "a", "c", "--reference", "b", "d"]).videos == study.arguments([*"abcd"]).videos
    for job, wrong in (
        (play, ["-o", "b"]),
        (play, ["a.mkv", "-i", "a.mkv", "-o", "b"]),
        (curves, ["a", "b", "-i", "c"]),
        (curves, ["-i", "a"]),
        (curves, [*"abcd"]),
        (study, [*"abc"]),
    ):
        with pytest.raises(SystemExit) as stopped:
            job.arguments(wrong)
        assert stopped.value.code == 2
        assert "-i" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        prepare_stills.main([])


def test_spellings_that_were_published_are_understood():
    options = train.arguments(["-l", "360", "-h", "1080", "-m", "EDSR_B8_F16_S3"])
    same = train.arguments(["--input_resolution", "360", "--output-resolution", "1080", "--model", "EDSR_B8_F16_S3"])
    assert vars(options) == vars(same)
    again = train.arguments(["--lr", "360", "--hr", "1080", "-m", "EDSR_B8_F16_S3", "-m", "EDSR_B8_F16_S3"])
    assert vars(again) == vars(same)
