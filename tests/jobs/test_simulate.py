"""Simulated selection, at a size that takes no time."""

import json
from itertools import pairwise
from pathlib import Path

import pytest

from ns_ray.jobs import simulate

TINY = [
    "--streams",
    "40",
    "--gpus",
    "8",
    "--host-streams",
    "10",
    "--slots",
    "2",
    "--share",
    "0.01",
    "--region-hosts",
    "3",
]


def test_figures_are_shown_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "figures.json"
    assert simulate.main([*TINY, "--cells", "1", "4", "--json", str(out)]) == 0
    result = json.loads(out.read_text())
    assert out.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    assert result["hosts"] == 4
    median, least, most = result["host_ms"]
    assert 0 < least <= median <= most
    assert result["offer_bytes"] > 10 * (7 * 8 + 8 * 9)
    assert result["award_bytes"] > 10 * 2 * 8
    # 4 hosts, of 10 streams each where a GPU has 5: two enhancers a host; a slot is 2/3 s.
    assert result["calls"] == pytest.approx({"award": 6, "decode": 6, "enhance": 12, "enhancers_a_host": 2})
    for less, more in pairwise(result["growth"]):
        assert (more["streams"], more["hosts"]) == (2 * less["streams"], 2 * less["hosts"])
    last = result["growth"][-1]
    assert last["regions"] == -(-last["hosts"] // 3)
    assert all(last[way] >= 1000 * 2 / 3 * 0.01 for way in simulate.SCHEDULERS)
    assert all(0 < result["most_streams"][way] <= last["streams"] for way in simulate.SCHEDULERS)
    one, four = result["cells"]
    assert {value for key, value in one.items() if key != "cells"} == {0}
    for way in ("mixed", "alike"):
        assert 0 < abs(four[f"{way}_lost"]) < 0.2
        assert 0 < four[f"{way}_moved"] < 0.3
    assert "against one global greedy" in capsys.readouterr().out


def test_where_a_scheduler_ends_lies_between_measurements() -> None:
    growth = [{"streams": 100, "merge_ms": 10.0}, {"streams": 200, "merge_ms": 30.0}]
    assert simulate.most_streams(growth, "merge_ms", 0.02, 1.0) == 150
    assert simulate.most_streams(growth, "merge_ms", 0.005, 1.0) == 50
    assert simulate.most_streams(growth, "merge_ms", 0.5, 1.0) is None


@pytest.mark.parametrize(
    "wrong", [["--streams", "0"], ["--cells", "0"], ["--share", "0"], ["--call-ms", "-1"], ["--fraction", "1.5"]]
)
def test_wrong_usage(wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        simulate.main(wrong)
    assert stop.value.code == 2
