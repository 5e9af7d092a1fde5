"""What actors count, for whoever watches a service: of all their streams together, never of one.

Numbers are added up in plain Python (`Sums`) and passed on once a second (`Flushing`), to Ray where there is one.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import ray
from ray.util import metrics

from ns_ray.actors.reports import EpochReport, Totals

_FLUSH_SECONDS = 1.0
_SECONDS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.667, 0.8, 1.0, 1.333, 2.0, 4.0, 8.0)
PREFIX = "neuroscaler_"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric's name without prefixes, how it adds up, the tag that splits it (empty for none), and what it is."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    tag: str
    about: str


METRICS = (
    Metric("sessions", "gauge", "", "streams that are being enhanced"),
    Metric("epochs_in_work", "gauge", "", "epochs between decoding and their file"),
    Metric("requests_waiting", "gauge", "stage", "epochs whose answer is waited for: `decode`, `inference`, `write`"),
    Metric("fraction_factor", "gauge", "", "what all fractions are multiplied by, as there is no time for more"),
    Metric("asked_anchors", "gauge", "", "anchors a second that streams which come in real time ask for"),
    Metric("capacity_anchors", "gauge", "", "anchors a second that enhancers are counted on for"),
    Metric("decoding_share", "gauge", "", "seconds a second that the busiest decoder is asked for"),
    Metric("streams_refused_total", "counter", "", "streams that were not let in"),
    Metric("actors", "gauge", "kind", "actors that there are to be"),
    Metric("streams_ended_total", "counter", "state", "streams that have ended: done, failed or stopped"),
    Metric("epochs_total", "counter", "", "epochs written"),
    Metric("late_epochs_total", "counter", "", "of these, those that were not enhanced in time"),
    Metric("packets_total", "counter", "", "packets of video that came in"),
    Metric("damaged_packets_total", "counter", "", "of these, those that could not be decoded"),
    Metric("frames_total", "counter", "", "shown frames"),
    Metric("stream_seconds_total", "counter", "", "seconds of video, of all streams together"),
    Metric("anchors_total", "counter", "type", "anchors made, by type of frame"),
    Metric("dropped_anchors_total", "counter", "", "anchors chosen but not made"),
    Metric("skipped_anchors_total", "counter", "why", "anchors left out to keep to a rate: `still` or `unpaid`"),
    Metric("bytes_in_total", "counter", "", "bytes of the packets of video"),
    Metric("bytes_out_total", "counter", "", "bytes written"),
    Metric("epoch_latency_seconds", "histogram", "", "from an epoch's last packet to the end of the last work on it"),
    Metric("stage_seconds_total", "counter", "stage", "time that epochs spent in a stage"),
    Metric("busy_seconds_total", "counter", "", "time that a decoder decoded, or an enhancer inferred"),
    Metric("decoded_frames_total", "counter", "", "frames decoded, hidden ones included"),
    Metric("enhanced_frames_total", "counter", "", "frames super-resolved"),
    Metric("weights_switches_total", "counter", "", "times that an enhancer switched to other weights"),
    Metric("weights_switch_seconds_total", "counter", "", "time that took"),
    Metric("actors_lost_total", "counter", "kind", "actors that died; each is started again"),
)
"""All there are."""

Key = tuple[str, str]
"""A metric's name, and the value of its tag, empty for none."""


_MOST_VALUES = 1000  # of a histogram, where nobody takes them


@dataclass(slots=True)
class Taken:
    """What has come together: additions to counters, and values for histograms by name."""

    counts: dict[Key, float] = field(default_factory=dict)
    values: dict[str, list[float]] = field(default_factory=dict)


class Sums:
    """Adds numbers up until they are taken. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = Taken()

    def add(self, counts: Mapping[Key, float], values: Mapping[str, float] | None = None) -> None:
        """Add to counters, and values to histograms."""
        with self._lock:
            so_far = self._taken.counts
            for key, by in counts.items():
                so_far[key] = so_far.get(key, 0.0) + by
            for name, value in (values or {}).items():
                held = self._taken.values.setdefault(name, [])
                if len(held) < _MOST_VALUES:
                    held.append(value)

    def take(self) -> Taken:
        """All that has been added since the last time."""
        with self._lock:
            taken, self._taken = self._taken, Taken()
        return taken


def count_epoch(sums: Sums, report: EpochReport, before: Totals, after: Totals, packets: int, written: int) -> None:
    """Count an epoch.

    Args:
        sums: what to add it to.
        report: what became of it.
        before, after: what had come of its stream without it, and with it.
        packets: how many packets of video it had.
        written: bytes by which its file has grown.
    """
    counts: dict[Key, float] = {
        ("epochs_total", ""): 1,
        ("late_epochs_total", ""): report.result.late,
        ("packets_total", ""): packets,
        ("damaged_packets_total", ""): after.damaged - before.damaged,
        ("frames_total", ""): after.shown - before.shown,
        ("stream_seconds_total", ""): report.result.seconds,
        ("dropped_anchors_total", ""): report.result.dropped,
        ("skipped_anchors_total", "still"): report.result.still,
        ("skipped_anchors_total", "unpaid"): report.result.unpaid,
        ("bytes_in_total", ""): after.lr_bytes - before.lr_bytes,
        ("bytes_out_total", ""): written,
    }
    for anchor in report.anchors:
        key = "anchors_total", anchor.type
        counts[key] = counts.get(key, 0) + 1
    for span in report.result.spans:
        key = "stage_seconds_total", span.stage
        counts[key] = counts.get(key, 0.0) + span.seconds
    sums.add(counts, {"epoch_latency_seconds": report.result.latency})


class Sink(Protocol):
    """Where numbers go."""

    def count(self, name: str, tag: str, by: float) -> None:
        """Add to a counter; `by` is above 0."""
        ...

    def level(self, name: str, tag: str, value: float) -> None:
        """Set a gauge."""
        ...

    def observe(self, name: str, value: float) -> None:
        """Add a value to a histogram."""
        ...


class RaySink:
    """Ray's metrics, which each node offers for Prometheus; one process has one."""

    def __init__(self, actor: str) -> None:
        """Set up metrics that carry the name of this actor."""
        self._all: dict[str, Any] = {}
        self._tags = {metric.name: metric.tag for metric in METRICS}
        for metric in METRICS:
            name, keys = PREFIX + metric.name, ("actor", *filter(None, [metric.tag]))
            match metric.kind:
                case "counter":
                    made: Any = metrics.Counter(name, metric.about, keys)
                case "gauge":
                    made = metrics.Gauge(name, metric.about, keys)
                case "histogram":
                    made = metrics.Histogram(name, metric.about, list(_SECONDS), keys)
            made.set_default_tags({"actor": actor})
            self._all[metric.name] = made

    def count(self, name: str, tag: str, by: float) -> None:
        """See Sink."""
        self._all[name].inc(by, self._tag(name, tag))

    def level(self, name: str, tag: str, value: float) -> None:
        """See Sink."""
        self._all[name].set(value, self._tag(name, tag))

    def observe(self, name: str, value: float) -> None:
        """See Sink."""
        self._all[name].observe(value)

    def _tag(self, name: str, value: str) -> dict[str, str] | None:
        key = self._tags[name]
        return {key: value} if key else None


class Flushing:
    """Passes sums on in a thread, once a second from `start` to `stop`."""

    def __init__(self, sums: Sums, sink: Sink) -> None:
        self.levels: Callable[[], Mapping[Key, float]] = dict
        self._sums = sums
        self._sink = sink
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="metrics", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, with what there is by then."""
        self._stop.set()
        self._thread.join()
        self.flush()

    def flush(self) -> None:
        """Pass on what there is: counters and histograms that have grown, and the gauges that `levels` gives."""
        taken = self._sums.take()
        for (name, tag), by in taken.counts.items():
            if by > 0:
                self._sink.count(name, tag, by)
        for name, values in taken.values.items():
            for value in values:
                self._sink.observe(name, value)
        for (name, tag), level in self.levels().items():
            self._sink.level(name, tag, level)

    def _go_on(self) -> None:
        while not self._stop.wait(_FLUSH_SECONDS):
            self.flush()


def flushing(sums: Sums) -> Flushing | None:
    """Have the sums of the actor that this runs in passed on to Ray; None where this is no actor."""
    name = ray.get_runtime_context().get_actor_name() if ray.is_initialized() else None
    if not name:
        return None
    made = Flushing(sums, RaySink(name))
    made.start()
    return made
