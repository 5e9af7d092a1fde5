"""The figures of a run as rows of text: one content for the terminal and for the HTML report."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ns_ray.report.bottleneck import as_method, control_ms, gpu_limit, limit, pool_loads, waiting_ms
from ns_ray.report.results import STAGES, BenchmarkResult, EpochResult, StreamResult, percentiles

Tone = Literal["", "good", "bad", "total"]

NOTHING = "–"
PERCENTILES = ("p50", "p95", "p99")
NOTED_STREAMS = 6


@dataclass(frozen=True, slots=True)
class Column:
    """A column, or several under one heading.

    Attributes:
        title: the heading.
        parts: headings of the columns under it, where there are several.
        short: title and parts in brief, for the terminal, where they share one column.
        numeric: whether it holds numbers, which stand at the right.
    """

    title: str
    parts: tuple[str, ...] = ()
    short: str = ""
    numeric: bool = True


@dataclass(frozen=True, slots=True)
class Row:
    """One row: for each column as many texts as it has parts."""

    cells: tuple[tuple[str, ...], ...]
    tone: Tone = ""


@dataclass(slots=True)
class Grid:
    """A table without a medium."""

    title: str
    columns: tuple[Column, ...]
    rows: list[Row] = field(default_factory=list)
    note: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The run in a sentence, and what it rests on; without a tone where nothing is judged."""

    tone: Tone
    headline: str
    detail: str


def clean(text: str) -> str:
    """`text` with everything that could steer a terminal or break a file's encoding made visible as `�`."""
    return "".join(c if c.isprintable() or c == "\n" else "�" for c in text)


def number(value: float) -> str:
    """Three significant digits, without exponents; a dash for what is no number."""
    if not math.isfinite(value):
        return NOTHING
    size = abs(value)
    digits = 0 if size >= 99.95 or size == 0 else 1 if size >= 9.995 else 2
    return f"{value:.{digits}f}"


def flatten(tree: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    """Every leaf of nested mappings as `a.b` and its text."""
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            yield from flatten(value, f"{name}.")
        elif isinstance(value, list | tuple):
            yield name, ", ".join(map(str, value)) or NOTHING
        else:
            yield name, NOTHING if value is None or value in ({}, "") else str(value)


def severity(stream: StreamResult) -> tuple[bool, int, int, int, float]:
    """What makes one stream worse than another: greater is worse."""
    p99 = stream.latency_ms.get("epoch", {}).get("p99", 0.0)
    late = stream.missed_deadlines
    return (
        stream.status != "done",
        late,
        stream.dropped_anchors,
        stream.damaged,
        p99 if math.isfinite(p99) else 0,
    )


def worst(streams: Iterable[StreamResult], limit: int) -> list[StreamResult]:
    """All streams as they come or, where they are more than `limit`, that many of them, the worst first."""
    streams = list(streams)
    return streams if len(streams) <= limit else sorted(streams, key=severity, reverse=True)[:limit]


def stage_names(epochs: Iterable[EpochResult]) -> list[str]:
    """The stages that any epoch passed, in the order it passes them."""
    seen = {span.stage for epoch in epochs for span in epoch.spans}
    return [s for s in STAGES if s in seen] + sorted(seen.difference(STAGES))


def stage_ms(epoch: EpochResult, stage: str) -> float | None:
    """Milliseconds of work on a stage of an epoch; None where there was none."""
    spans = [span.seconds for span in epoch.spans if span.stage == stage]
    return 1000 * sum(spans) if spans else None


def epoch_ms(epochs: Iterable[EpochResult]) -> list[float]:
    """Latencies of the epochs that were worked on, in milliseconds."""
    return [1000 * epoch.latency for epoch in epochs if epoch.spans]


def stages_ms(epochs: Iterable[EpochResult], stage: str) -> list[float]:
    """Milliseconds of a stage, for each epoch that passed it."""
    return [ms for ms in (stage_ms(epoch, stage) for epoch in epochs) if ms is not None]


def verdict(result: BenchmarkResult) -> Verdict:
    """Whether real time held, and how fast the run was."""
    ran = [s for s in result.streams if s.frames]
    if not ran:
        return Verdict("bad", "No stream ran", f"{_statuses(result)}. Why is under Problems.")
    tone, words = _judged(result)
    broken = [f"{r.name} {number(r.value)} {r.unit} (limit {number(r.limit)})" for r in result.rules if not r.met]
    why = f"Rules broken: {'; '.join(broken)}. " if broken and tone == "bad" else ""
    if not tone:
        why = f"It is not judged because of this: {result.not_judged}. "
    pace = "paced in real time" if result.paced else "as fast as possible"
    frames = sum(s.frames for s in ran)
    rate = f", {number(frames / result.wall_seconds)} frames a second" if result.wall_seconds else ""
    return Verdict(
        tone,
        f"{words}: {_count(len(ran), 'stream')} at {speed(result)}",
        f"{why}{number(result.media_seconds)} s of video in {number(result.wall_seconds)} s{rate}, {pace}.",
    )


def _judged(result: BenchmarkResult) -> tuple[Tone, str]:
    """Whether it was real time, as a tone and in words."""
    if result.real_time is None:
        return "", "Real time not judged"
    return ("good", "Real time") if result.real_time else ("bad", "Not real time")


def _mean(streams: Iterable[StreamResult], rate: str) -> float:
    """Kbit/s of the streams that ran."""
    rates = [getattr(stream, rate) for stream in streams if stream.seconds]
    return sum(rates) / len(rates) if rates else 0.0


def speed(result: BenchmarkResult) -> str:
    """Seconds of video done in a second, all streams together."""
    ratio = result.media_seconds / result.wall_seconds if result.wall_seconds else math.nan
    return f"{number(ratio)} s of video a second"


def streams_grid(result: BenchmarkResult, limit: int | None = None) -> Grid:
    """One row a stream and one for all; with more than `limit` streams, the worst of them."""
    shown = result.streams if limit is None else worst(result.streams, limit)
    hidden = len(result.streams) - len(shown)
    grid = Grid(
        f"Streams: the worst {len(shown)} of {len(result.streams)}" if hidden else "Streams",
        (
            Column("stream", numeric=False),
            Column("status", numeric=False),
            Column("frames", ("shown", "hidden"), "frames\nshown/hid"),
            Column("anchors", ("KEY", "ALTREF", "NORMAL"), "anchors\nK/A/N"),
            Column("frames a second", ("decode", "inference", "encode"), "fps\ndec/inf/enc"),
            Column("epoch latency, ms", PERCENTILES, "ms an epoch\np50/p95/p99"),
            Column("late", ("missed", "dropped"), "late\nmiss/drop"),
            Column("kbit/s", ("LR", "anchors"), "kbit/s\nLR/anch"),
        ),
    )
    for s in shown:
        late = s.missed_deadlines or s.dropped_anchors
        grid.rows.append(
            Row(
                (
                    (s.name,),
                    (s.status,),
                    (str(s.frames), str(s.hidden)),
                    tuple(str(s.anchors.get(t, 0)) for t in ("KEY", "ALTREF", "NORMAL")),
                    (_rate(s.decode_fps), _rate(s.inference_fps), _rate(s.encode_fps)),
                    _percentiles(s.latency_ms.get("epoch", {})),
                    (str(s.missed_deadlines), str(s.dropped_anchors)),
                    (_rate(s.lr_kbps), _rate(s.anchor_kbps)),
                ),
                "bad" if s.status != "done" or late else "",
            )
        )
    if len(result.streams) > 1:
        grid.rows.append(_total(result.streams, result.epochs))
        grid.note = "All streams: sums; the slowest frames a second; percentiles over all epochs; mean kbit/s."
    return grid


def notes_grid(result: BenchmarkResult) -> Grid:
    """What the streams' inputs had that is worth a word, each once with the streams it is about."""
    grid = Grid("Notes", (Column("streams", numeric=False), Column("note", numeric=False)))
    about: dict[str, list[str]] = {}
    for stream in result.streams:
        for note in stream.notes:
            about.setdefault(note, []).append(stream.name)
    for note, names in about.items():
        more = len(names) - NOTED_STREAMS
        shown = ", ".join(names[:NOTED_STREAMS]) + (f" and {more} more" if more > 0 else "")
        grid.rows.append(Row(((shown,), (note,))))
    return grid


def overall_grid(result: BenchmarkResult) -> Grid:
    """The run as a whole: the verdict with its rules, the speed, the resources."""
    streams = result.streams
    grid = Grid("Overall", (Column("", numeric=False), Column("value", numeric=False), Column("", numeric=False)))

    def add(name: str, value: str, note: str = "", tone: Tone = "") -> None:
        grid.rows.append(Row(((name,), (value,), (note,)), tone))

    tone, _ = _judged(result)
    add("real time", {"good": "yes", "bad": "no"}.get(tone, "not judged"), result.not_judged, tone)
    for rule in result.rules:
        note = f"limit {number(rule.limit)} {rule.unit}".rstrip()
        value = f"{number(rule.value)} {rule.unit}".rstrip()
        if not tone:
            add(f"  {rule.name}", value, note)
        else:
            add(f"  {rule.name}", value, f"{'met' if rule.met else 'broken'}, {note}", "good" if rule.met else "bad")
    add("streams", _statuses(result), tone="bad" if any(s.status != "done" for s in streams) else "")
    add("speed", speed(result), "paced" if result.paced else "as fast as possible")
    add("wall time", f"{number(result.wall_seconds)} s", f"{number(result.media_seconds)} s of video")
    shown, hidden = sum(s.frames for s in streams), sum(s.hidden for s in streams)
    add("frames", f"{shown} shown, {hidden} hidden")
    anchors = sum(sum(s.anchors.values()) for s in streams)
    add("anchors", str(anchors), f"{100 * anchors / shown:.1f} % of the shown frames" if shown else "")
    still, unpaid = sum(s.still_anchors for s in streams), sum(s.unpaid_anchors for s in streams)
    if still or unpaid:
        add("  left out for the rate", str(still + unpaid), f"{still} show nothing new, {unpaid} had too few bytes")
    lr, made = _mean(streams, "lr_kbps"), _mean(streams, "anchor_kbps")
    if lr:
        add("kbit/s a stream", f"{number(lr)} + {number(made)}", f"anchors {number(made / lr)} times the video")
    missed, dropped = sum(s.missed_deadlines for s in streams), sum(s.dropped_anchors for s in streams)
    late = f"{missed} of {len(result.epochs)} epochs"
    add("missed deadlines", late, f"{dropped} anchors dropped", "bad" if missed or dropped else "")
    latency = "/".join(_percentiles(percentiles(epoch_ms(result.epochs))))
    add("epoch latency", f"{latency} ms", "/".join(PERCENTILES))
    usage = result.usage
    add("CPU", f"{number(usage.cores)} cores", f"{number(usage.cpu_seconds)} CPU seconds")
    add("  of that the job / Ray", f"{number(usage.job_cpu_seconds)} / {number(usage.ray_cpu_seconds)} CPU seconds")
    if usage.stage_cpu_seconds and result.epochs:
        stages = ", ".join(f"{stage} {number(seconds)}" for stage, seconds in sorted(usage.stage_cpu_seconds.items()))
        add("  of that the stages", stages, "CPU seconds")
        add("  all else", f"{number(control_ms(result))} ms", "CPU time a stream and epoch")
    add("peak memory", f"{number(usage.peak_memory_mb)} MB", _memory_over_time(usage.memory_mb))
    for name, engine in result.engines.items():
        add(f"engine of {name}", f"{engine.name} on {engine.device}", f"{engine.latency_ms:.1f} ms a frame")
    for kind, decoders in result.decoders.items():
        speed_of = f", {number(decoders.frames_per_second)} frames/s each" if decoders.frames_per_second else ""
        add(
            f"decoders on {kind}",
            f"{decoders.actors}{speed_of}",
            f"{_count(decoders.streams, 'stream')}{'; ' if decoders.reason else ''}{decoders.reason}",
        )
    switches = result.switches
    if switches.count:
        took = f"{1000 * switches.seconds / switches.count:.3f} ms each"
        add("switches of weights", f"{switches.count}, {took}")
    for loss in result.losses:
        add("actor lost", loss.actor, f"{loss.cause}; at {number(loss.seconds)} s, noticed by {loss.call}", "bad")
    if not result.losses:
        add("actors lost", "0")
    return grid


def profile_grid(result: BenchmarkResult) -> Grid:
    """How busy each pool was, the most loaded first; what limits, and the GPUs' own limit, in the note."""
    columns = (
        Column("pool", numeric=False),
        Column("does", numeric=False),
        Column("workers"),
        Column("busy, s"),
        Column("utilisation, %"),
    )
    grid = Grid("What limits", columns)
    for i, load in enumerate(pool_loads(result)):
        cells = (
            (load.name,),
            (load.does,),
            (str(load.workers),),
            (number(load.busy_seconds),),
            (number(100 * load.utilisation),),
        )
        grid.rows.append(Row(cells, "total" if not i else ""))
    notes = [limit(result)]
    own = gpu_limit(result)
    if own:
        where = "The GPU" if any(e.device.startswith("cuda") for e in result.engines.values()) else "The enhancer"
        notes.append(
            f"{where} alone could serve {number(own.streams)} streams: {own.anchor_ms:.2f} ms an anchor, "
            f"{number(own.anchors_per_second)} anchors a second of a stream."
        )
    waits = [waiting_ms(epoch) for epoch in result.epochs if epoch.spans]
    if waits:
        shown = "/".join(_percentiles(percentiles(waits)))
        notes.append(f"Waiting in queues and in Ray, ms of an epoch ({'/'.join(PERCENTILES)}): {shown}.")
    grid.note = " ".join(filter(None, notes))
    return grid


def methods_grid(result: BenchmarkResult) -> Grid:
    """This run beside the methods it was measured against; empty where there are none."""
    columns = (
        Column("method", numeric=False),
        Column("DNN", numeric=False),
        Column("DNN on, % of frames", short="DNN on, %"),
        Column("streams at once", short="at once"),
        Column("video, s"),
        Column("streams in real time", short="real time"),
        Column("this run has, times", short="ratio"),
    )
    grid = Grid("Against other methods", columns)
    if not result.against:
        return grid
    this = as_method(result)
    for i, other in enumerate((this, *result.against)):
        ratio = this.real_time_streams / other.real_time_streams if other.real_time_streams else math.inf
        figures = (100 * other.anchors, other.media_seconds, other.real_time_streams, ratio)
        share, *rest = ((number(figure),) for figure in figures)
        cells = ((other.method,), (other.model,), share, (str(other.streams),), *rest)
        grid.rows.append(Row(cells, "" if i else "total"))
    pace = "paced" if result.paced else "as fast as possible"
    grid.note = (
        f"Streams in real time: of this run ({pace}), all where real time held, else seconds of video by seconds "
        "taken. The others ran after it, on the same actors, as fast as they could."
    )
    return grid


def problems_grid(result: BenchmarkResult) -> Grid:
    """Whatever went wrong: streams not done, lost actors, missed deadlines, dropped anchors."""
    grid = Grid("Problems", tuple(Column(title, numeric=False) for title in ("where", "what", "why")))
    ordered = sorted(result.streams, key=severity, reverse=True)
    for s in ordered:
        if s.status != "done":
            reason = "; ".join(filter(None, (s.reason or "no reason was given", *_shortfalls(s))))
            grid.rows.append(Row(((s.name,), (s.status,), (reason,)), "bad"))
    for loss in result.losses:
        why = f"{loss.cause} and was replaced at {number(loss.seconds)} s, noticed by {loss.call}"
        grid.rows.append(Row(((loss.actor,), ("actor lost",), (why,)), "bad"))
    for s in ordered:
        shortfalls = _shortfalls(s)
        if s.status == "done" and shortfalls:
            grid.rows.append(
                Row(((s.name,), ("late" if not s.damaged else "damaged",), ("; ".join(shortfalls),)), "bad")
            )
    return grid


def stages_grid(result: BenchmarkResult) -> Grid:
    """Latency of each stage over the epochs of all streams."""
    columns = (Column("stage", numeric=False), Column("epochs"), Column("ms", (*PERCENTILES, "most")))
    grid = Grid("Latency by stage, all streams", columns)
    named = {stage: stages_ms(result.epochs, stage) for stage in stage_names(result.epochs)}
    named["epoch"] = epoch_ms(result.epochs)
    for name, values in named.items():
        most = number(max(values)) if values else NOTHING
        cells = ((name,), (str(len(values)),), (*_percentiles(percentiles(values)), most))
        grid.rows.append(Row(cells, "total" if name == "epoch" else ""))
    return grid


def methods_latency_grid(results: Mapping[str, BenchmarkResult]) -> Grid:
    """Latency of each stage over the epochs of all streams, of runs by their methods side by side."""
    columns = (Column("stage", numeric=False), *(Column(f"{method}, ms", PERCENTILES) for method in results))
    grid = Grid("Latency by stage, all streams", columns)
    stages = dict.fromkeys(stage for result in results.values() for stage in stage_names(result.epochs))
    for stage in stages:
        values = (stages_ms(result.epochs, stage) for result in results.values())
        grid.rows.append(Row(((stage,), *map(_percentiles, map(percentiles, values)))))
    epochs = (epoch_ms(result.epochs) for result in results.values())
    grid.rows.append(Row((("epoch",), *map(_percentiles, map(percentiles, epochs))), "total"))
    return grid


def stage_latency_grid(result: BenchmarkResult) -> Grid:
    """Latency of each stage of each stream."""
    seen = {stage for s in result.streams for stage in s.latency_ms}
    stages = [*(s for s in (*STAGES, "epoch") if s in seen), *sorted(seen.difference((*STAGES, "epoch")))]
    columns = (Column("stream", numeric=False), *(Column(f"{stage}, ms", PERCENTILES) for stage in stages))
    grid = Grid("Latency by stage and stream", columns)
    for s in result.streams:
        cells = ((s.name,), *(_percentiles(s.latency_ms.get(stage, {})) for stage in stages))
        grid.rows.append(Row(cells))
    return grid


def _memory_over_time(samples: list[float]) -> str:
    """Means over the second and the last quarter of the run, which tell whether memory grows."""
    quarter = len(samples) // 4
    if not quarter:
        return ""
    early, late = (sum(part) / quarter for part in (samples[quarter : 2 * quarter], samples[-quarter:]))
    return f"{number(early)} MB in the run's second quarter, {number(late)} MB in its last"


def _total(streams: list[StreamResult], epochs: list[EpochResult]) -> Row:
    anchors: Counter[str] = Counter()
    for s in streams:
        anchors.update(s.anchors)
    ran = [s for s in streams if s.frames]
    done = sum(s.status == "done" for s in streams)

    def slowest(rates: Iterable[float]) -> str:
        return _rate(min((r for r in rates if r), default=0))

    def mean(rates: Iterable[float]) -> str:
        return _rate(sum(rates) / max(len(ran), 1))

    return Row(
        (
            (f"all {len(streams)}",),
            (f"{done} done",),
            (str(sum(s.frames for s in streams)), str(sum(s.hidden for s in streams))),
            tuple(str(anchors[t]) for t in ("KEY", "ALTREF", "NORMAL")),
            (
                slowest(s.decode_fps for s in ran),
                slowest(s.inference_fps for s in ran),
                slowest(s.encode_fps for s in ran),
            ),
            _percentiles(percentiles(epoch_ms(epochs))),
            (str(sum(s.missed_deadlines for s in streams)), str(sum(s.dropped_anchors for s in streams))),
            (mean(s.lr_kbps for s in ran), mean(s.anchor_kbps for s in ran)),
        ),
        "total",
    )


def _shortfalls(stream: StreamResult) -> list[str]:
    counts = (
        (stream.missed_deadlines, "deadline", "missed"),
        (stream.dropped_anchors, "anchor", "dropped"),
        (stream.damaged, "damaged packet", ""),
    )
    return [f"{_count(n, noun)} {done}".rstrip() for n, noun, done in counts if n]


def _statuses(result: BenchmarkResult) -> str:
    counts = Counter(s.status for s in result.streams)
    return ", ".join(f"{n} {status}" for status, n in counts.most_common()) or "no streams"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _rate(value: float) -> str:
    return number(value) if value else NOTHING


def _percentiles(values: Mapping[str, float]) -> tuple[str, ...]:
    return tuple(number(values[p]) if p in values else NOTHING for p in PERCENTILES)
