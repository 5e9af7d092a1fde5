"""What a job says while it works, without a terminal and on one."""

import io
import re
import time

import pytest
from rich.console import Console

from ns_ray.jobs.cli import progress
from ns_ray.jobs.cli.progress import Progress, told, waiting


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(progress, "FIRST_SECONDS", 0.05)
    monkeypatch.setattr(progress, "SECONDS", 0.05)


def lines(out: io.StringIO) -> list[str]:
    return out.getvalue().splitlines()


def until(out: io.StringIO, count: int) -> None:
    ends = time.monotonic() + 20
    while len(lines(out)) < count and time.monotonic() < ends:
        time.sleep(0.01)


def test_lines_every_so_often_where_there_is_no_terminal(quick):
    out = io.StringIO()
    with Progress(Console(file=out, width=20)) as bar:
        first, second = bar.add_task("a [red]/x.webm", total=480), bar.add_task("b", total=2)
        until(out, 1)
        for _ in range(120):
            bar.advance(first)
        until(out, 3)
        bar.update(second, completed=2)
        until(out, 5)
    assert lines(out)[0][9:] == "a [red]/x.webm: 0 of 480 (0 %)", "a sign of life before anything is done"
    assert all(re.match(r"\d\d:\d\d:\d\d a \[red\]/x\.webm: ", line) for line in lines(out)[:-1])
    assert any(re.search(r": 120 of 480 \(25 %\), [\d,.e+]+/s, .+ left$", line) for line in lines(out))
    assert re.search(r" b: 2 of 2 \(100 %\)(, [\d,.e+]+/s)?, done( in \d+ s)?$", lines(out)[-1])
    assert len(lines(out)) < 60, "not a line a frame"


def test_short_work_says_nothing_and_none_is_waited_for():
    out = io.StringIO()
    began = time.monotonic()
    with Progress(Console(file=out)) as bar:
        assert list(bar.track(range(9), description="frames")) == list(range(9))
    with waiting(Console(file=out), "starting"):
        pass
    assert out.getvalue() == ""
    assert time.monotonic() - began < progress.FIRST_SECONDS


def test_a_terminal_gets_bars_and_no_lines(quick):
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=80, color_system=None, _environ={"TERM": "xterm"})
    with Progress(console) as bar:
        bar.update(bar.add_task("frames", total=480), completed=120)
        bar.refresh()
        time.sleep(0.2)
    with waiting(console, "starting actors"):
        time.sleep(0.2)
    assert "frames ━━━" in out.getvalue()
    assert "120 of 480 (25 %)" in out.getvalue()
    assert "starting actors" in out.getvalue()
    assert not re.search(r"\d\d:\d\d:\d\d (frames:|starting)", out.getvalue())


def test_waiting_says_for_what_and_how_long(quick):
    out = io.StringIO()
    with waiting(Console(file=out, width=20), "starting actors"):
        until(out, 2)
    assert re.fullmatch(r"\d\d:\d\d:\d\d starting actors, \d s so far", lines(out)[1])


@pytest.mark.parametrize(
    ("counted", "total", "done", "expected"),
    [
        ("count", None, 12, "12, 0.5/s"),
        ("count", None, 0, "0"),
        ("count", 480, 480, "480 of 480 (100 %), 20/s, done in 24 s"),
        ("bytes", 4_000_000, 1_000_000, "1.0 MB of 4.0 MB (25 %), 41.7 kB/s, 1 min 12 s left"),
        ("share", 1000, 250, "25 %, 1 min 12 s left"),
        ("share", 1_000_000, 250, "0 %, 26 h 39 min left"),
    ],
)
def test_figures_of_a_task(counted, total, done, expected):
    now = 0.0
    bar = Progress(Console(file=io.StringIO()), counted)
    bar.get_time = lambda: now
    task = bar.add_task("x", total=total)
    for now in (12.0, 24.0):
        bar.update(task, completed=done * now / 24)
    assert told(bar.tasks[0], counted) == expected
