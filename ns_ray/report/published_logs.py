"""A run's logs in the published form: written from its result, and read for the real-time rule.

    <run>/<id>/decode_latency.txt   video, super, start, end, latency
    <run>/<id>/infer_latency.txt    video, super, start and end of: host, refit, device, infer, unload; deadline
    <run>/<id>/encode_latency.txt   video, super, start, end
    <run>/<id>/stream.txt           content, model
    <run>/anchor_latency.txt        total and used budget (ms), anchors, epoch, start, end

Columns are separated by tabs; times are seconds since the run began; ids number the streams from 0. Source:
published-scripts.md, options.

The published engine times every frame by itself, ours the work on an epoch as a whole. What stands here instead:

- Frames of an epoch share the time of its decoding equally; so do anchors that of inference and of compression, and
  frames that are encoded anew that of encoding.
- Every packet has one line of decoding, of super 0: hidden frames, which would raise the rate, have none.
- `host`, `refit` and `device` (bringing frame and weights to the GPU) are part of `infer`, and end where that begins;
  `unload` is empty, too: of compressed anchors it is part of encoding. `unload` ends when inference does.
- The deadline of a paced run is ours: a slot after the epoch's own ended. Published: 666.666 ms after anchors were
  chosen, which forgives choosing late; that stands where the run was not paced.
- The total budget is the enhancers' time in a slot, the used one the time that they took for the epoch's anchors.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from ns_ray.config.config import Config
from ns_ray.errors import ResultError
from ns_ray.report.bottleneck import enhancers
from ns_ray.report.results import AnchorResult, BenchmarkResult, EpochResult, Span
from ns_ray.whole_file import write_whole

DECODE, INFER, ENCODE, STREAM = "decode_latency.txt", "infer_latency.txt", "encode_latency.txt", "stream.txt"
ANCHORS = "anchor_latency.txt"
_BEFORE = 3  # host, refit and device

Name = tuple[int, int]
"""A frame's video_index and super_index."""
Key = tuple[str, int]
"""A stream and an epoch of it."""
Time = tuple[float, float]
"""Start and end, in seconds since the run began."""
Row = Sequence[str | int | float]


@dataclass(frozen=True, slots=True)
class StreamLog:
    """What the logs of one stream tell the real-time rule.

    Attributes:
        name: its id.
        decode: when each frame was decoded.
        infer: when each anchor was begun and unloaded, in order.
        deadlines: when each anchor was due, likewise.
        encode: when each anchor or frame was encoded.
    """

    name: str
    decode: Sequence[Time]
    infer: Sequence[Time]
    deadlines: Sequence[float]
    encode: Sequence[Time]


def write_logs(result: BenchmarkResult, folder: Path) -> None:
    """Write the logs of a run to its folder.

    Raises:
        FileError: they cannot be written.
    """
    slot = float(Config.model_validate(result.config).slot)
    hybrid = result.options.get("method", "neuroscaler") == "neuroscaler"
    anchors = _anchors(result)
    for number, stream in enumerate(result.streams):
        own = folder / str(number)
        decode: list[Row] = []
        infer: list[Row] = []
        encode: list[Row] = []
        for epoch in (epoch for epoch in result.epochs if epoch.stream == stream.name):
            frames = [(epoch.first + i, 0) for i in range(epoch.packets)]
            made = anchors[stream.name, epoch.epoch]
            decode += ((*name, *time, time[1] - time[0]) for name, time in _shared(epoch, "decode", frames))
            due = _deadline(epoch, slot, result.paced)
            infer += (_inferred(name, time, due) for name, time in _shared(epoch, "inference", made))
            encode += ((*name, *time) for name, time in _shared(epoch, "encode", made if hybrid else frames))
        for file, rows in ((DECODE, decode), (INFER, infer), (ENCODE, encode)):
            _write(own / file, rows)
        _write(own / STREAM, [(stream.input, str(result.options.get("model_name", "")))])
    counts = {key: len(made) for key, made in anchors.items()}
    _write(folder / ANCHORS, _budgets(result.epochs, counts, 1000 * slot * enhancers(result)))


def read_log(folder: Path) -> StreamLog:
    """Read the logs of one stream.

    Raises:
        ResultError: one is missing or damaged; names the file and the remedy.
    """
    decode = [(row[2], row[3]) for row in _read(folder / DECODE, 5)]
    infer = _read(folder / INFER, 13)
    encode = [(row[2], row[3]) for row in _read(folder / ENCODE, 4)]
    return StreamLog(folder.name, decode, [(row[2], row[11]) for row in infer], [row[12] for row in infer], encode)


def _anchors(result: BenchmarkResult) -> dict[Key, list[Name]]:
    """The anchors of every epoch, by the packets that they came in."""
    by_stream: dict[str, list[AnchorResult]] = {}
    for anchor in result.chosen:
        by_stream.setdefault(anchor.stream, []).append(anchor)
    found: dict[Key, list[Name]] = {}
    for epoch in result.epochs:
        inside = range(epoch.first, epoch.first + epoch.packets)
        own = (a for a in by_stream.get(epoch.stream, ()) if a.video_index in inside)
        found[epoch.stream, epoch.epoch] = [(anchor.video_index, anchor.super_index) for anchor in own]
    return found


def _shared(epoch: EpochResult, stage: str, names: Sequence[Name]) -> Iterator[tuple[Name, Time]]:
    """Each frame with its share of the time that a stage took; nothing where it took none."""
    span = _whole(epoch.spans, stage)
    if span is None:
        return
    step = span.seconds / max(len(names), 1)
    for i, name in enumerate(names):
        yield name, (span.start + i * step, span.start + (i + 1) * step)


def _whole(spans: Iterable[Span], stage: str) -> Span | None:
    """From the first beginning of a stage to its last end."""
    found = [span for span in spans if span.stage == stage]
    return Span(stage, min(s.start for s in found), max(s.end for s in found)) if found else None


def _inferred(name: Name, time: Time, due: float) -> Row:
    start, end = time
    return (*name, *(start,) * 2 * _BEFORE, start, end, end, end, due)


def _deadline(epoch: EpochResult, slot: float, paced: bool) -> float:
    if paced:
        return (epoch.epoch + 2) * slot
    choosing = _whole(epoch.spans, "schedule")
    return (choosing.start if choosing else epoch.arrived) + slot


def _budgets(epochs: Iterable[EpochResult], anchors: Mapping[Key, int], total: float) -> Iterator[Row]:
    by_number = sorted(epochs, key=lambda epoch: epoch.epoch)
    for number, group in groupby(by_number, key=lambda epoch: epoch.epoch):
        together = list(group)
        spans = [span for epoch in together for span in epoch.spans]
        choosing = _whole(spans, "schedule")
        if choosing is not None:
            used = 1000 * sum(span.seconds for span in spans if span.stage == "inference")
            made = sum(anchors[epoch.stream, epoch.epoch] for epoch in together)
            yield total, used, made, number, choosing.start, choosing.end


def _write(path: Path, rows: Iterable[Row]) -> None:
    write_whole(path, "".join("\t".join(map(_text, row)) + "\n" for row in rows).encode())


def _text(value: str | int | float) -> str:
    return f"{value:.6f}" if isinstance(value, float) else str(value)


def _read(path: Path, columns: int) -> list[list[float]]:
    try:
        rows = [[float(value) for value in line.split("\t")] for line in path.read_text().splitlines()]
    except OSError as error:
        raise ResultError(f"{path}: no log is there ({error.strerror}); run jobs/benchmark.py first") from error
    except ValueError as error:
        raise ResultError(f"{path}: it is damaged ({error}); run jobs/benchmark.py again") from error
    if any(len(row) != columns for row in rows):
        raise ResultError(f"{path}: its lines do not all have {columns} columns; run jobs/benchmark.py again")
    return rows
