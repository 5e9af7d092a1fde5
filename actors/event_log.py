"""What happens to streams, written down: an event a line, in JSON, with its stream and slot."""

import json
import sys
from typing import Any, TextIO

from ns_ray.actors.reports import StreamReport
from ns_ray.config.config import EventLevel
from ns_ray.report.lateness import time_by_cause
from ns_ray.report.results import EpochResult, Standing


class EventLog:
    """Writes to an actor's standard error, of which Ray keeps a file on its node.

    Every line has `time` (seconds since 1970), `actor`, `event`, `stream` (`*` for all) and `slot`.
    """

    def __init__(self, actor: str, level: EventLevel, out: TextIO | None = None) -> None:
        """Set up a log.

        Args:
            actor: who writes.
            level: `off` for nothing; `streams` for their beginnings, ends and late epochs; `epochs` for every epoch.
            out: where to; standard error where None.
        """
        self._actor = actor
        self._level = level
        self._out = out

    def begun(self, now: float, stream: str, slot: int, source: str, *, again: bool) -> None:
        """A stream begins in a slot; `again` where another host's work is gone on with."""
        self._write(now, "begun", stream, slot, input=source, again=again)

    def epoch(self, now: float, result: EpochResult) -> None:
        """An epoch was written; `spent` tells where its time went, see `time_by_cause`."""
        if self._level == "epochs" or result.late:
            spent = {cause: round(seconds, 4) for cause, seconds in time_by_cause(result).items()}
            counts = {"packets": result.packets, "dropped": result.dropped, "late": result.late}
            lowered = {"factor": result.factor} if result.factor < 1 else {}
            latency = round(result.latency, 4)
            self._write(now, "epoch", result.stream, result.epoch, **counts, **lowered, latency=latency, spent=spent)

    def ended(self, now: float, slot: int, report: StreamReport) -> None:
        """A stream has ended, as its report says; `slot` is the one after its last."""
        totals = report.totals
        counts = {"epochs": totals.epochs, "late_epochs": totals.late, "dropped": totals.dropped}
        more = {"state": report.state, "reason": report.reason, "output": report.output}
        self._write(now, "ended", report.name, slot, **more, **counts)

    def refused(self, now: float, stream: str, slot: int, reason: str) -> None:
        """A stream was not let in."""
        self._write(now, "refused", stream, slot, reason=reason)

    def fractions(self, now: float, slot: int, standing: Standing) -> None:
        """All streams' fractions are other ones from this slot on, or the next."""
        figures = ("cause", "factor", "asked", "capacity", "streams", "enhancers", "decoding")
        self._write(now, "fractions", "*", slot, **{name: _brief(getattr(standing, name)) for name in figures})

    def _write(self, now: float, event: str, stream: str, slot: int, **more: Any) -> None:
        if self._level == "off":
            return
        line = {"time": round(now, 3), "actor": self._actor, "event": event, "stream": stream, "slot": slot, **more}
        print(json.dumps(line), file=self._out or sys.stderr, flush=True)


def _brief(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value
