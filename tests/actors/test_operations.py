"""What ships for Prometheus and Grafana asks for what actors count, and for nothing else."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import ns_ray
from ns_ray.actors.metrics import METRICS, PREFIX

FOLDER = Path(ns_ray.__file__).parent / "operations"
DOCS = Path(__file__).parents[2] / "docs/operations.md"
_TAGS = {metric.name: {metric.tag, "actor"} - {""} for metric in METRICS}
_KINDS = {metric.name: metric.kind for metric in METRICS}
_SELECTED = re.compile(r"ray_(neuroscaler_\w+)(?:\{(.*?)\})?(\[\w+\])?")


def _dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text())
    return found


def _rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


def _expressions() -> Iterator[str]:
    for panel in _dashboard()["panels"]:
        yield from (target["expr"] for target in panel["targets"])
    yield from (rule["expr"] for rule in _rules())
    for line in DOCS.read_text().splitlines():
        yield from (code for code in re.findall(r"`([^`]+)`", line) if "ray_neuroscaler_" in code and "(" in code)


def _faults(expression: str) -> list[str]:
    """What of an expression nothing answers: metrics, tags, and counters that are taken as they are."""
    found = []
    for name, tags, window in _SELECTED.findall(expression):
        metric = name.removeprefix(PREFIX).removesuffix("_bucket")
        if metric not in _KINDS:
            found.append(f"{name} is counted nowhere")
        elif (_KINDS[metric] == "histogram") != name.endswith("_bucket"):
            found.append(f"{name} is not asked for by its buckets")
        elif set(re.findall(r"(\w+)=", tags)) - _TAGS[metric]:
            found.append(f"{name} has no tags {tags}")
        elif window and _KINDS[metric] == "gauge":
            found.append(f"{name} is a gauge")
    return found


@pytest.mark.parametrize("expression", sorted(set(_expressions())))
def test_expressions_ask_for_what_is_counted(expression: str) -> None:
    assert _SELECTED.search(expression)
    assert _faults(expression) == []


def test_what_nothing_counts_is_found() -> None:
    assert _faults('rate(ray_neuroscaler_gone_total[1m]) + ray_neuroscaler_sessions{stage="x"}') == [
        "neuroscaler_gone_total is counted nowhere",
        'neuroscaler_sessions has no tags stage="x"',
    ]
    assert _faults("rate(ray_neuroscaler_sessions[1m])")
    assert _faults("rate(ray_neuroscaler_epoch_latency_seconds[1m])")


def test_the_dashboard_shows_every_metric_but_those_of_single_packets() -> None:
    shown = " ".join(target["expr"] for panel in _dashboard()["panels"] for target in panel["targets"])
    left_out = {metric.name for metric in METRICS if PREFIX + metric.name not in shown}
    assert left_out == {"packets_total", "weights_switch_seconds_total"}


def test_the_dashboard_is_one_for_grafana() -> None:
    board = _dashboard()
    (source,) = (one["name"] for one in board["templating"]["list"] if one["type"] == "datasource")
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, f"{panel['title']} lies on another"
        assert max(x for x, _ in cells) < 24
        taken |= cells
        assert panel["datasource"] == {"type": "prometheus", "uid": f"${{{source}}}"}
        assert {target["refId"] for target in panel["targets"]} == set("ABC"[: len(panel["targets"])])
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def test_alerts_say_what_to_do() -> None:
    for rule in _rules():
        assert rule["labels"]["severity"] in ("page", "warn")
        assert set(rule["annotations"]) == {"summary", "remedy"}
        assert f"`{rule['alert']}`" in DOCS.read_text()


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool (Debian's prometheus) is not installed")
def test_prometheus_takes_them() -> None:
    done = subprocess.run(["promtool", "check", "config", "prometheus.yml"], cwd=FOLDER, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
