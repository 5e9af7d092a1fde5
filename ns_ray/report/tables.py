"""The figures of a run as rows of text: one content for the terminal and for the HTML report."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ns_ray.report.bottleneck import as_method, control_ms, gpu_limit, limit, pool_loads, waiting_ms
from ns_ray.report.results import STAGES, BenchmarkResult, EpochResult, StreamResult, percentiles
from ns_ray.report.stream_labels import input_names, stream_labels

Tone = Literal["", "good", "bad", "total"]

NOTHING = "–"
PERCENTILES = ("p50", "p95", "p99")
NOTED_STREAMS = 6
TYPES = {"KEY": "key", "ALTREF": "altref", "NORMAL": "normal"}
"""Types of frames, and their words."""
FIGURES = {
    "psnr_y": ("luma PSNR, dB", 2),
    "psnr": ("PSNR of all planes, dB", 2),
    "ssim_y": ("SSIM of luma", 4),
    "vmaf_v1": ("VMAF v1", 1),
    "vmaf_neg": ("VMAF NEG, 4K", 1),
    "flicker": ("flicker (less is better)", 2),
    "flicker_anchors": ("  where anchors are shown", 2),
}
"""Figures of a picture's quality: their words and digits."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column, or several under one heading.

    Attributes:
        title: the heading.
        parts: headings of the columns under it, where there are several.
        short: the title in brief, for the terminal, where parts are columns of their own.
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
        f"{_inputs(ran)}: {number(result.media_seconds)} s of video in {number(result.wall_seconds)} s{rate}, {pace}. "
        f"{why}".strip(),
    )


def _inputs(streams: Iterable[StreamResult]) -> str:
    names = input_names(streams)
    more = len(names) - NOTED_STREAMS
    return ", ".join(names[:NOTED_STREAMS]) + (f" and {more} more" if more > 0 else "")


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
    """What became of each stream, one a row, and of all; with more than `limit` streams, of the worst of them."""
    shown, title = _shown_streams("Streams", result, limit)
    statuses = any(s.status != "done" for s in result.streams)
    labels = stream_labels(result.streams, limit and (20 if statuses else 28))
    sent = ("video", "anchors") if _hybrid(result) else ("LR", "HR")
    columns = [
        Column("stream", numeric=False),
        Column("status", numeric=False),
        Column("frames"),
        Column("anchors", tuple(TYPES.values())),
        Column("kbit/s", sent),
    ]
    grid = Grid(title, tuple(column for column in columns if statuses or column.title != "status"))

    def add(name: str, status: str, some: list[StreamResult], tone: Tone) -> None:
        anchors = tuple(str(sum(s.anchors.get(kind, 0) for s in some)) for kind in TYPES)
        ran = max(sum(bool(s.frames) for s in some), 1)
        rates = (sum(s.lr_kbps for s in some) / ran, sum(s.anchor_kbps for s in some) / ran)
        frames = str(sum(s.frames for s in some))
        cells = ((name,), *([(status,)] if statuses else []), (frames,), anchors, tuple(map(_rate, rates)))
        grid.rows.append(Row(cells, tone))

    for s in shown:
        add(labels[s.name], s.status, [s], "bad" if s.status != "done" else "")
    notes = []
    if len(result.streams) > 1:
        done = sum(s.status == "done" for s in result.streams)
        add(f"all {len(result.streams)}", f"{done} done", result.streams, "total")
        notes.append("All streams: sums, and mean kbit/s.")
    written = [s.output.rpartition("/")[2] for s in result.streams if s.output]
    if written:
        more = len(written) - NOTED_STREAMS
        names = ", ".join(written[:NOTED_STREAMS]) + (f" and {more} more" if more > 0 else "")
        notes.append(f"Written, in this order: streams/{names}.")
    grid.note = " ".join(notes)
    return grid


def pace_grid(result: BenchmarkResult, limit: int | None = None) -> Grid:
    """How fast each stream went, one a row, and all; with more than `limit` streams, the worst of them."""
    shown, title = _shown_streams("Pace of the streams", result, limit)
    late = any(s.missed_deadlines or s.dropped_anchors for s in result.streams)
    labels = stream_labels(result.streams, limit and (17 if late else 28))
    columns = [
        Column("stream", numeric=False),
        Column("frames a second", ("decode", "DNN", "encode"), "fps"),
        Column("latency of an epoch, ms", PERCENTILES, "ms"),
        Column("late", ("missed", "dropped")),
    ]
    grid = Grid(title, tuple(column for column in columns if late or column.title != "late"))

    def add(name: str, some: list[StreamResult], latency: Mapping[str, float], tone: Tone) -> None:
        rates = tuple(
            _rate(min((rate for rate in found if rate), default=0))
            for found in zip(*((s.decode_fps, s.inference_fps, s.encode_fps) for s in some), strict=True)
        )
        counts = (str(sum(s.missed_deadlines for s in some)), str(sum(s.dropped_anchors for s in some)))
        grid.rows.append(Row(((name,), rates, _percentiles(latency), *([counts] if late else [])), tone))

    for s in shown:
        tone: Tone = "bad" if s.missed_deadlines or s.dropped_anchors else ""
        add(labels[s.name], [s], s.latency_ms.get("epoch", {}), tone)
    if len(result.streams) > 1:
        add(f"all {len(result.streams)}", result.streams, percentiles(epoch_ms(result.epochs)), "total")
        counted = ", and epochs that missed their deadline, and anchors dropped for it" if late else ""
        grid.note = f"All streams: the slowest frames a second; percentiles over all epochs{counted}."
    return grid


def _shown_streams(title: str, result: BenchmarkResult, limit: int | None) -> tuple[list[StreamResult], str]:
    shown = result.streams if limit is None else worst(result.streams, limit)
    count = len(result.streams)
    return shown, title if len(shown) == count else f"{title}: the worst {len(shown)} of {count}"


def _hybrid(result: BenchmarkResult) -> bool:
    return bool(result.options.get("method", "neuroscaler") == "neuroscaler")


def quality_grid(result: BenchmarkResult) -> Grid:
    """What enhancing gives and takes, bicubic beside it; without rows where there is no reference."""
    picture = result.picture
    quality = picture.quality
    stream = next((s for s in result.streams if s.name == picture.stream), None)
    grid = Grid("", (Column("figure", numeric=False), Column("bicubic"), Column("enhanced"), Column("difference")))
    if quality is None or stream is None:
        return grid
    grid.title = f"Picture of {stream_labels(result.streams, 45)[stream.name]}"
    bicubic, enhanced = quality.figures.get("bicubic", {}), quality.figures.get("enhanced", {})
    for figure, (name, digits) in FIGURES.items():
        if figure in bicubic and figure in enhanced:
            low, high = bicubic[figure], enhanced[figure]
            cells = (name, *(f"{value:.{digits}f}" for value in (low, high)), f"{high - low:+.{digits}f}")
            grid.rows.append(Row(tuple((cell,) for cell in cells)))
    video, anchors = stream.lr_kbps / 1000, stream.anchor_kbps / 1000
    sent = [("video, Mbit/s", video, video, 2), ("anchors, Mbit/s", 0.0, anchors, 2)]
    if not _hybrid(result):
        sent = [("video, Mbit/s", video, anchors, 2)]
    own = gpu_limit(result)
    if own:
        seconds = 3600 * own.anchor_ms / 1000 * own.anchors_per_second
        sent.append((f"{'GPU' if _on_gpu(result) else 'DNN on CPU'}, s a stream-hour", 0.0, seconds, 0))
    for name, low, high, digits in sent:
        texts = (f"{low:.{digits}f}" if low else NOTHING, f"{high:.{digits}f}")
        grid.rows.append(Row(((name,), (texts[0],), (texts[1],), ("",))))
    looked = ""
    if "ssim_y" in enhanced:
        last = quality.first + quality.looked_at - 1
        looked = f"; SSIM, VMAF and flicker (by levels of luma), which take longer, of frames {quality.first} to {last}"
    compared = f"PSNR of the first {quality.frames} frames against the reference{looked}."
    grid.note = " ".join(filter(None, (compared, quality.note, picture.note)))
    return grid


def gain_line(result: BenchmarkResult) -> str:
    """What enhancing gains, in a line; empty where there is no reference."""
    figures = result.picture.quality.figures if result.picture.quality else {}
    told = []
    for figure, unit in (("psnr_y", " dB"), ("vmaf_v1", "")):
        if all(figure in figures.get(name, {}) for name in ("bicubic", "enhanced")):
            low, high = figures["bicubic"][figure], figures["enhanced"][figure]
            name, digits = FIGURES[figure]
            name = name.partition(",")[0]
            told.append(f"{name} {high:.{digits}f}{unit}, {high - low:+.{digits}f} over bicubic")
    line = "; ".join(told)
    return line[:1].upper() + line[1:]


def _on_gpu(result: BenchmarkResult) -> bool:
    return any(engine.device.startswith("cuda") for engine in result.engines.values())


def notes_grid(result: BenchmarkResult) -> Grid:
    """What the streams' inputs had that is worth a word, each once with the streams it is about."""
    grid = Grid("Notes", (Column("streams", numeric=False), Column("note", numeric=False)))
    labels = stream_labels(result.streams)
    about: dict[str, list[str]] = {}
    for stream in result.streams:
        for note in stream.notes:
            about.setdefault(note, []).append(labels[stream.name])
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
        note = f"limit {number(rule.limit)}"
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
        where = "The GPU" if _on_gpu(result) else "The enhancer"
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
    labels = stream_labels(result.streams)
    ordered = sorted(result.streams, key=severity, reverse=True)
    for s in ordered:
        if s.status != "done":
            reason = "; ".join(filter(None, (s.reason or "no reason was given", *_shortfalls(s))))
            grid.rows.append(Row(((labels[s.name],), (s.status,), (reason,)), "bad"))
    for loss in result.losses:
        why = f"{loss.cause} and was replaced at {number(loss.seconds)} s, noticed by {loss.call}"
        grid.rows.append(Row(((loss.actor,), ("actor lost",), (why,)), "bad"))
    for s in ordered:
        shortfalls = _shortfalls(s)
        if s.status == "done" and shortfalls:
            what = "late" if not s.damaged else "damaged"
            grid.rows.append(Row(((labels[s.name],), (what,), ("; ".join(shortfalls),)), "bad"))
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
    labels = stream_labels(result.streams)
    for s in result.streams:
        cells = ((labels[s.name],), *(_percentiles(s.latency_ms.get(stage, {})) for stage in stages))
        grid.rows.append(Row(cells))
    return grid


def _memory_over_time(samples: list[float]) -> str:
    """Means over the second and the last quarter of the run, which tell whether memory grows."""
    quarter = len(samples) // 4
    if not quarter:
        return ""
    early, late = (sum(part) / quarter for part in (samples[quarter : 2 * quarter], samples[-quarter:]))
    return f"{number(early)} MB in the run's second quarter, {number(late)} MB in its last"


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
