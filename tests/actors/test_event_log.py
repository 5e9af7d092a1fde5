import io
import json
from typing import Any

import pytest

from ns_ray.actors.event_log import EventLog
from ns_ray.actors.reports import StreamReport, Totals
from ns_ray.config.config import EventLevel
from ns_ray.report.results import EpochResult, Span


def _lines(level: EventLevel) -> list[dict[str, Any]]:
    """What is written of a stream with an epoch in time and a late one."""
    out = io.StringIO()
    log = EventLog("host-0", level, out)
    log.begun(9.0, "arena0", 4, "a.webm", again=False)
    spans = [Span("decode", 10.0, 10.25), Span("inference", 11.0, 11.5)]
    for slot, late in ((4, False), (5, True)):
        log.epoch(12.0, EpochResult("arena0", slot, 10.0, 10.5, spans, late=late, packets=40))
    report = StreamReport(
        "arena0", "a.webm", "failed", 'stream arena0: "gone"\nwith its node', (), Totals(epochs=2, late=1)
    )
    log.ended(13.0, 6, report)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_every_event_is_a_line_that_names_stream_and_slot() -> None:
    lines = _lines("epochs")
    assert [(line["event"], line["stream"], line["slot"], line["actor"]) for line in lines] == [
        ("begun", "arena0", 4, "host-0"),
        ("epoch", "arena0", 4, "host-0"),
        ("epoch", "arena0", 5, "host-0"),
        ("ended", "arena0", 6, "host-0"),
    ]
    assert lines[2]["spent"] == {"decode": 0.25, "wait for inference": 0.75, "inference": 0.5}
    assert (lines[3]["state"], lines[3]["late_epochs"]) == ("failed", 1)
    assert lines[3]["reason"].endswith("with its node")


@pytest.mark.parametrize(("level", "events"), [("off", []), ("streams", [("begun", 4), ("epoch", 5), ("ended", 6)])])
def test_how_much_is_written_is_configured(level: EventLevel, events: list[tuple[str, int]]) -> None:
    assert [(line["event"], line["slot"]) for line in _lines(level)] == events
