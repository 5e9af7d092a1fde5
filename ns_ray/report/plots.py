"""A run's plots as SVG to be set inside an HTML page, whose text colours they take over, light or dark."""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from ns_ray.report.inline_plot import INK, LINE, Plot, drawing, figure_of, plot
from ns_ray.report.results import AnchorResult, BenchmarkResult, EpochResult, percentiles
from ns_ray.report.stream_labels import shortened, stream_labels
from ns_ray.report.tables import TYPES as WORDS
from ns_ray.report.tables import clean, epoch_ms, number, stage_names, stages_ms, worst

# Okabe and Ito's colours, told apart by the colour-blind and seen on white as on black.
STAGE_COLOURS = {
    "read": "#999999",
    "decode": "#56b4e9",
    "schedule": "#d9c400",
    "take": "#cc79a7",
    "inference": "#0072b2",
    "encode": "#009e73",
    "write": "#e69f00",
}
OTHER = "#8c6d46"
LATE = "#d55e00"
TYPES = {"KEY": (INK, "s"), "ALTREF": ("#aa4499", "^"), "NORMAL": ("#44aa99", "o")}

ROWS = 12
BARS = 40
CLOSE_UP_EPOCHS = 8
RASTER_FROM = 1500


def plots(result: BenchmarkResult) -> list[Plot]:
    """Every plot that the run has data for."""
    ran = {epoch.stream for epoch in result.epochs if epoch.spans}
    candidates = [s for s in result.streams if s.name in ran]
    kept = {s.name for s in worst(candidates, ROWS)}
    labels = stream_labels(result.streams)
    names = {s.name: labels[s.name] for s in candidates if s.name in kept}
    which = "" if len(names) == len(candidates) else f" Shown: the worst {len(names)} of {len(candidates)} streams."
    found: list[Plot] = []
    with drawing():
        if names:
            shown = [epoch for epoch in result.epochs if epoch.stream in kept]
            found.append(plot("Stages of each epoch", _TIMELINE + which, _timeline(names, shown)))
            close = _close_up(shown)
            if len(close) < len(shown):
                caption = "The epochs around the longest latency, close up."
                found.append(plot("Stages of each epoch, close up", caption, _timeline(names, close)))
        chosen = [anchor for anchor in result.chosen if anchor.stream in kept]
        if chosen:
            found.append(plot("Anchors chosen", _ANCHORS + which, _anchors(names, chosen)))
        if names:
            found.append(plot("Latency", _LATENCY, _latency(result.epochs)))
        if any(s.lr_kbps or s.anchor_kbps for s in result.streams):
            found.append(plot("Bitrates", _bitrates_caption(result), _bitrates(result)))
    return found


_TIMELINE = (
    "A row is a stream, a lane in it is a stage, a bar is one epoch's work there. A thin upright line is a "
    "deadline of inference; a triangle on top of it says that it was missed."
)
_ANCHORS = (
    "Each mark is an anchor: the higher it stands in its stream's row, the greater its gain (by its square "
    "root); the top of a row is the greatest gain of all. Key frames gain nothing by this measure and are "
    "taken first all the same."
)
_LATENCY = (
    "The share of epochs, of all streams, that took no longer than so many milliseconds: from the arrival of "
    "the last packet to the end of the last stage (epoch), and of each stage alone. Dots: p50, p95 and p99."
)


def _timeline(names: Mapping[str, str], epochs: Sequence[EpochResult]) -> Figure:
    stages = stage_names(epochs)
    row = {name: i for i, name in enumerate(names)}
    height = max(0.36, min(0.9, 3 / len(names)))
    figure, axes = figure_of(1.3 + height * len(names))
    lane = 0.8 / len(stages)
    bars: dict[str, list[list[tuple[float, float]]]] = defaultdict(list)
    for epoch in epochs:
        for span in epoch.spans:
            top = row[epoch.stream] - 0.4 + stages.index(span.stage) * lane
            x0, x1, y0, y1 = span.start, span.end, top, top + lane
            bars[span.stage].append([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
    raster = sum(map(len, bars.values())) > RASTER_FROM
    for stage, boxes in bars.items():
        # An edge of the same colour keeps the shortest bars in sight.
        colour = STAGE_COLOURS.get(stage, OTHER)
        axes.add_collection(PolyCollection(boxes, color=colour, linewidth=0.6, rasterized=raster))
    due = [(epoch.deadline, row[epoch.stream], epoch.late) for epoch in epochs if epoch.deadline is not None]
    sparse = len(epochs) / len(names) <= 30
    x_due, y_due = np.array([x for x, _, _ in due]), np.array([y for _, y, _ in due])
    axes.vlines(x_due, y_due - 0.44, y_due + 0.44, INK, lw=0.7 if sparse else 0.2)
    missed = [(x, y - 0.44) for x, y, late in due if late]
    size = 26 if sparse else 12
    x_late, y_late = [x for x, _ in missed], [y for _, y in missed]
    axes.scatter(x_late, y_late, s=size, color=LATE, marker="v", linewidths=0, zorder=3)
    handles: list[Any] = [Patch(color=STAGE_COLOURS.get(stage, OTHER), label=clean(stage)) for stage in stages]
    if due:
        handles.append(axes.plot([], [], color=INK, lw=0.8, label="deadline")[0])
    if missed:
        handles.append(axes.plot([], [], "v", color=LATE, mew=0, label="deadline missed")[0])
    _rows(axes, names.values())
    axes.autoscale_view(scaley=False)
    axes.set_xlabel("time since the run began (s)")
    axes.grid(axis="x")
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles), handlelength=1, columnspacing=1.2)
    return figure


def _close_up(epochs: Sequence[EpochResult]) -> list[EpochResult]:
    numbers = sorted({epoch.epoch for epoch in epochs})
    if len(numbers) <= 3 * CLOSE_UP_EPOCHS:
        return list(epochs)
    slowest = max(epochs, key=lambda epoch: epoch.latency).epoch
    first = min(max(0, numbers.index(slowest) - CLOSE_UP_EPOCHS // 2), len(numbers) - CLOSE_UP_EPOCHS)
    kept = set(numbers[first : first + CLOSE_UP_EPOCHS])
    return [epoch for epoch in epochs if epoch.epoch in kept]


def _anchors(names: Mapping[str, str], chosen: Sequence[AnchorResult]) -> Figure:
    row = {name: i for i, name in enumerate(names)}
    height = max(0.42, min(1.0, 3 / len(names)))
    figure, axes = figure_of(1.3 + height * len(names))
    gains = [anchor.gain for anchor in chosen if math.isfinite(anchor.gain)]
    greatest = max(gains, default=0) or 1
    crowd = len(chosen) / len(names)
    area, stem = (22, 0.8) if crowd <= 60 else (10, 0.5) if crowd <= 300 else (4, 0.2)
    for kind in dict.fromkeys((*TYPES, *(anchor.type for anchor in chosen))):
        colour, marker = TYPES.get(kind, (OTHER, "D"))
        mine = [anchor for anchor in chosen if anchor.type == kind]
        if not mine:
            continue
        x = np.array([anchor.video_index for anchor in mine])
        base = np.array([row[anchor.stream] for anchor in mine]) + 0.38
        share = np.array([anchor.gain if math.isfinite(anchor.gain) else greatest for anchor in mine]) / greatest
        top = base - 0.74 * np.sqrt(np.clip(share, 0, 1))
        raster = len(mine) > RASTER_FROM and colour != INK
        axes.vlines(x, top, base, colour, lw=stem, rasterized=raster)
        mark: Any = {"s": area, "color": colour, "marker": marker, "linewidths": 0}
        axes.scatter(x, top, **mark, label=clean(WORDS.get(kind, kind)), zorder=3, rasterized=raster)
    axes.hlines([i + 0.38 for i in row.values()], 0, max(a.video_index for a in chosen) + 1, LINE, lw=0.6, zorder=0)
    _rows(axes, names.values())
    axes.set_xlabel("shown frame in the stream (video_index)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel(f"√gain (height of a row: gain {number(greatest)})" if gains and max(gains) > 0 else "")
    legend: Any = {"handlelength": 1, "columnspacing": 1.2, "markerscale": math.sqrt(30 / area)}
    figure.legend(loc="outside upper left", ncols=len(TYPES) + 1, **legend)
    return figure


def _latency(epochs: Sequence[EpochResult]) -> Figure:
    series = {stage: stages_ms(epochs, stage) for stage in stage_names(epochs)}
    series["epoch"] = epoch_ms(epochs)
    figure, axes = figure_of(4.6)
    least, most = _range(series.values())
    wide = most / least > 20
    for name, values in series.items():
        ordered = np.maximum(np.sort(values), least)
        share = np.linspace(0, 1, min(max(len(ordered), 2), 400))
        colour = INK if name == "epoch" else STAGE_COLOURS.get(name, OTHER)
        width = 2.2 if name == "epoch" else 1.4
        axes.plot(np.quantile(ordered, share), share, color=colour, lw=width, label=clean(name))
        marks = percentiles(list(ordered))
        axes.plot(list(marks.values()), (0.5, 0.95, 0.99), "o", color=colour, ms=4.5 if name == "epoch" else 3.5)
    axes.set_ylim(0, 1.02)
    axes.set_yticks((0, 0.25, 0.5, 0.75, 0.95, 0.99), ("0", "25 %", "p50", "75 %", "p95", "p99"))
    axes.set_ylabel("share of epochs")
    axes.set_xlabel("latency (ms, logarithmic)" if wide else "latency (ms)")
    if wide:
        axes.set_xscale("log")
        axes.set_xlim(least * 0.8, most * 1.25)
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0,) if most / least > 1000 else (1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_xlim(0, most * 1.05)
    axes.grid()
    figure.legend(loc="outside right upper", handlelength=1.5)
    return figure


def _bitrates(result: BenchmarkResult) -> Figure:
    kept = {s.name for s in worst(result.streams, BARS)}
    streams = [s for s in result.streams if s.name in kept]
    height = 0.42 if len(streams) <= ROWS else 0.24
    figure, axes = figure_of(1.3 + height * len(streams))
    y = np.arange(len(streams))
    lr = np.nan_to_num([s.lr_kbps for s in streams])
    added = np.nan_to_num([s.anchor_kbps for s in streams])
    axes.barh(y, lr, 0.62, color=STAGE_COLOURS["read"], label="LR")
    axes.barh(y, added, 0.62, left=lr, color=STAGE_COLOURS["inference"], label=_added(result))
    sizes: dict[str, list[int]] = defaultdict(list)
    for anchor in result.chosen:
        sizes[anchor.stream].append(anchor.bytes)
    for i, s in enumerate(streams):
        mine = sizes[s.name]
        note = f"{number(s.lr_kbps)} + {number(s.anchor_kbps)}" if s.lr_kbps or s.anchor_kbps else s.status
        if mine:
            note += f", {len(mine)} × {number(sum(mine) / len(mine) / 1000)} kB"
        axes.annotate(clean(note), (lr[i] + added[i], i), (4, 0), textcoords="offset points", va="center", size=8)
    axes.set_xlim(0, float(np.max(lr + added)) * 1.28)
    labels = stream_labels(result.streams)
    _rows(axes, [labels[s.name] for s in streams])
    axes.set_xlabel("bitrate (kbit/s)")
    axes.grid(axis="x")
    figure.legend(loc="outside upper left", ncols=2, handlelength=1, columnspacing=1.2)
    return figure


def _bitrates_caption(result: BenchmarkResult) -> str:
    text = f"What a stream costs to send: the LR video and, on top of it, the {_added(result)}, in kbit/s"
    text += "; then the number of anchors and their mean size." if result.chosen else "."
    return text + (f" Shown: the worst {BARS} of {len(result.streams)}." if len(result.streams) > BARS else "")


def _added(result: BenchmarkResult) -> str:
    return "anchors" if result.options.get("method", "neuroscaler") == "neuroscaler" else "video encoded anew"


def _range(series: Iterable[Sequence[float]]) -> tuple[float, float]:
    """The least and the greatest value to show; nothing below a microsecond."""
    values = [value for one in series for value in one if math.isfinite(value)]
    least = max(min(values, default=1), 0.001)
    return least, max(*values, least * 1.01) if values else 2.0


def _rows(axes: Axes, labels: Collection[str]) -> None:
    axes.set_yticks(range(len(labels)), [shortened(clean(label).replace("\n", " ")) for label in labels])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(len(labels) - 0.45, -0.6)
