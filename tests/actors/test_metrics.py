"""What actors count, and where that goes; Ray's own part is stood in for."""

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ns_ray.actors import metrics
from ns_ray.actors.metrics import METRICS, PREFIX, Flushing, RaySink, Sums, count_epoch
from ns_ray.actors.reports import EpochReport, Totals
from ns_ray.report.results import AnchorResult, EpochResult, Span

DOCS = Path(__file__).parents[2] / "docs/operations.md"


class Heard:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, str], float] = {}
        self.levels: dict[tuple[str, str], float] = {}
        self.values: list[tuple[str, float]] = []

    def count(self, name: str, tag: str, by: float) -> None:
        assert by > 0
        self.counts[name, tag] = self.counts.get((name, tag), 0) + by

    def level(self, name: str, tag: str, value: float) -> None:
        self.levels[name, tag] = value

    def observe(self, name: str, value: float) -> None:
        self.values.append((name, value))


def _epoch(sums: Sums, *, late: bool = False) -> None:
    spans = [Span("decode", 10.0, 10.25), Span("inference", 10.25, 10.75), Span("write", 10.75, 11.0)]
    result = EpochResult("s", 0, 10.0, None, spans, dropped=2 if late else 0, late=late, seconds=0.5)
    anchors = tuple(AnchorResult("s", at, 0, type, 1.0, 100) for at, type in enumerate(("KEY", "NORMAL", "NORMAL")))
    before = Totals(shown=40, lr_bytes=1000, damaged=1)
    after = Totals(shown=80, lr_bytes=3000, damaged=2)
    count_epoch(sums, EpochReport(result, anchors), before, after, packets=38, written=5000)


def test_epochs_add_up_and_are_passed_on_once() -> None:
    sums, heard = Sums(), Heard()
    flushing = Flushing(sums, heard)
    flushing.levels = lambda: {("sessions", ""): 3.0, ("requests_waiting", "decode"): 2.0}
    _epoch(sums)
    _epoch(sums, late=True)
    flushing.flush()
    flushing.flush()
    assert heard.counts == {
        ("epochs_total", ""): 2,
        ("late_epochs_total", ""): 1,
        ("packets_total", ""): 76,
        ("damaged_packets_total", ""): 2,
        ("frames_total", ""): 80,
        ("stream_seconds_total", ""): 1.0,
        ("dropped_anchors_total", ""): 2,
        ("bytes_in_total", ""): 4000,
        ("bytes_out_total", ""): 10000,
        ("anchors_total", "KEY"): 2,
        ("anchors_total", "NORMAL"): 4,
        ("stage_seconds_total", "decode"): 0.5,
        ("stage_seconds_total", "inference"): 1.0,
        ("stage_seconds_total", "write"): 0.5,
    }
    assert heard.values == [("epoch_latency_seconds", 1.0)] * 2
    assert heard.levels == {("sessions", ""): 3.0, ("requests_waiting", "decode"): 2.0}


def test_threads_lose_nothing() -> None:
    sums, heard = Sums(), Heard()
    flushing = Flushing(sums, heard)

    def add() -> None:
        for _ in range(200):
            sums.add({("frames_total", ""): 1}, {"epoch_latency_seconds": 0.5})

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(50):
        flushing.flush()
    for thread in threads:
        thread.join()
    flushing.flush()
    assert heard.counts == {("frames_total", ""): 800}
    assert len(heard.values) == 800


def test_values_that_nobody_takes_do_not_pile_up() -> None:
    sums = Sums()
    for _ in range(3000):
        sums.add({("frames_total", ""): 1}, {"epoch_latency_seconds": 0.5})
    taken = sums.take()
    assert (taken.counts[("frames_total", "")], len(taken.values["epoch_latency_seconds"])) == (3000, 1000)


def test_a_stop_passes_on_what_there_is() -> None:
    sums, heard = Sums(), Heard()
    flushing = Flushing(sums, heard)
    flushing.start()
    sums.add({("actors_lost_total", "host"): 1})
    flushing.stop()
    assert heard.counts == {("actors_lost_total", "host"): 1}


def test_ray_gets_every_metric_with_the_actor_and_never_a_stream(monkeypatch) -> None:
    made: dict[str, Any] = {}

    class Made:
        def __init__(self, name: str, about: str, *rest: Any) -> None:
            made[name] = self
            self.keys, self.got = rest[-1], []

        def set_default_tags(self, tags: dict[str, str]) -> None:
            self.tags = tags

        def inc(self, by: float, tags: dict[str, str] | None) -> None:
            self.got.append((by, tags))

        def set(self, value: float, tags: dict[str, str] | None) -> None:
            self.got.append((value, tags))

        def observe(self, value: float) -> None:
            self.got.append(value)

    monkeypatch.setattr(metrics, "metrics", SimpleNamespace(Counter=Made, Gauge=Made, Histogram=Made))
    sums = Sums()
    flushing = Flushing(sums, RaySink("host-3"))
    flushing.levels = lambda: {
        (metric.name, "x" if metric.tag else ""): 1.0 for metric in METRICS if metric.kind == "gauge"
    }
    for metric in METRICS:
        if metric.kind == "counter":
            sums.add({(metric.name, "x" if metric.tag else ""): 2.0})
        if metric.kind == "histogram":
            sums.add({}, {metric.name: 0.5})
    flushing.flush()
    for metric in METRICS:
        one = made[PREFIX + metric.name]
        assert one.tags == {"actor": "host-3"}
        assert set(one.keys) == {"actor"} | ({metric.tag} if metric.tag else set())
        assert set(one.keys) <= {"actor", "state", "type", "stage", "kind", "why"}
        tags = {metric.tag: "x"} if metric.tag else None
        assert one.got == [{"counter": (2.0, tags), "gauge": (1.0, tags), "histogram": 0.5}[metric.kind]]


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_metric_is_documented(metric) -> None:
    assert f"`{metric.name}`" in DOCS.read_text()
