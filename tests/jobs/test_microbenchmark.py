"""The face of the micro-benchmark job; its figures are for quiet machines to judge."""

import json
from pathlib import Path

import pytest

from ns_ray.jobs import microbenchmark


@pytest.fixture
def instant(monkeypatch: pytest.MonkeyPatch) -> None:
    def runs() -> object:
        while True:
            yield lambda: None

    cases = {"idle": (None, "nothing"), "hopeless": (0.0, "what no machine can do")}
    made = {name: microbenchmark.Case(title, runs, limit) for name, (limit, title) in cases.items()}
    monkeypatch.setattr(microbenchmark, "CASES", made)


@pytest.mark.usefixtures("instant")
def test_figures_are_shown_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "figures.json"
    assert microbenchmark.main(["idle", "--repeats", "3", "--json", str(out)]) == 0
    assert "idle" in capsys.readouterr().out
    (case,) = json.loads(out.read_text())["cases"]
    assert case["repeats"] == 3
    assert case["min_ms"] <= case["median_ms"] <= case["max_ms"]


@pytest.mark.usefixtures("instant")
def test_a_missed_limit_fails_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert microbenchmark.main(["--repeats", "2", "--result-dir", str(tmp_path)]) == 1
    assert "hopeless" in capsys.readouterr().err
    assert len(json.loads((tmp_path / "microbenchmark.json").read_text())["cases"]) == 2


@pytest.mark.parametrize("arguments", [["nonsense"], ["--repeats", "0"], ["--repeats", "x"]])
def test_wrong_usage(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        microbenchmark.main(arguments)
    assert stop.value.code == 2


def test_scheduling_is_a_case(tmp_path: Path) -> None:
    """Ten times its limit: this only catches a slow algorithm, not a busy machine."""
    measurement = microbenchmark.measure("schedule", 5)
    assert measurement.limit_ms == 10
    assert measurement.min_ms < 100
