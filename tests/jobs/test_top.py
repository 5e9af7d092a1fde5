"""What jobs/top.py shows of a fleet; tests/actors/test_fleet.py looks at one that runs."""

import io
from typing import Any

import pytest
from rich.console import Console

from ns_ray.actors.orders import Placement
from ns_ray.actors.reports import HostView, StreamReport, Totals
from ns_ray.actors.watching import FleetView
from ns_ray.actors.worker import Pulse, Running
from ns_ray.jobs import top
from ns_ray.jobs.cli.fleet_tables import record, tables
from ns_ray.report.results import EpochResult, Span, Standing


def _epoch(stream: str, began: float, inference: float, *, late: bool) -> EpochResult:
    spans = [Span("decode", began, began + 0.25), Span("inference", began + inference, began + inference + 0.5)]
    return EpochResult(stream, 0, began, began + 1, spans, late=late)


def _view() -> FleetView:
    streams = tuple(StreamReport(name, "a.webm", "running", "", (), Totals()) for name in ("arena0", "match1"))
    placements = {"arena0": Placement("decoder-0", "enhancer-0"), "match1": Placement("decoder-0", "enhancer-1")}
    epochs = (
        _epoch("arena0", 0.0, 0.25, late=False),
        _epoch("match1", 0.0, 1.25, late=True),
        _epoch("match1", 1.0, 0.5, late=False),
    )
    levels = {("sessions", ""): 2.0, ("epochs_in_work", ""): 3.0}
    levels |= {
        ("requests_waiting", stage): float(count) for count, stage in enumerate(("decode", "inference", "write"))
    }
    pulses = {
        "host-0": Pulse(1, "", None),
        "host-1": None,
        "decoder-0": Pulse(2, "", None),
        "enhancer-0": None,
        "enhancer-1": Pulse(3, "", Running("enhance", 1.5)),
    }
    standing = Standing(0.0, "streams", 0.62, 9.0, 5.625, 2, 2, 0.25, 1)
    hosts = {"host-0": HostView(streams, placements, epochs, levels), "host-1": None}
    return FleetView("fleet-a", pulses, hosts, standing)


def _rows(kind: str, key: str) -> dict[str, dict[str, Any]]:
    return {row[key]: row for row in record(_view())[kind]}


def test_a_late_stream_is_told_with_its_stage() -> None:
    rows = _rows("streams", "stream")
    assert rows["match1"]["why"] == {"wait for inference": 1}
    assert (rows["match1"]["late"], rows["match1"]["epochs"], rows["match1"]["latency_most"]) == (1, 2, 1.75)
    assert (rows["arena0"]["late"], rows["arena0"]["why"]) == (0, {})


def test_hosts_tell_their_queues_and_workers_how_busy_they_are() -> None:
    hosts, workers = _rows("hosts", "host"), _rows("workers", "actor")
    assert hosts["host-0"]["waits"] == {"decode": 0.0, "inference": 1.0, "write": 2.0}
    assert not hosts["host-1"]["answers"]
    assert {name: row["streams"] for name, row in workers.items() if row["streams"]} == {
        "decoder-0": 2,
        "enhancer-0": 1,
        "enhancer-1": 1,
    }
    assert workers["enhancer-1"]["busy"] == pytest.approx(0.75 / 2.0)
    assert workers["decoder-0"]["busy"] == pytest.approx(0.5 / 2.0)
    assert (workers["enhancer-1"]["call"], workers["enhancer-1"]["call_seconds"]) == ("enhance", 1.5)


def test_the_table_begins_with_the_stream_that_is_late_most() -> None:
    console = Console(width=120, file=io.StringIO())
    for table in tables(_view()):
        console.print(table)
    text = console.file.getvalue()
    assert text.index("match1") < text.index("arena0")
    assert "wait for inference (1)" in text
    assert text.count("does not answer") == 3
    asked = next(line for line in text.splitlines() if "62%" in line)
    assert [cell.strip() for cell in asked.strip("│").split("│")] == ["2", "9.0", "5.6", "62%", "25%", "1"]
    assert record(_view())["standing"]["capacity"] == 5.625


def test_without_a_ray_it_says_so(monkeypatch, capsys) -> None:
    def init(*_: Any, **__: Any) -> None:
        raise ConnectionError("Could not find any running Ray instance")

    monkeypatch.setattr("ray.init", init)
    assert top.main(["--once"]) == 1
    assert "--address" in capsys.readouterr().err
