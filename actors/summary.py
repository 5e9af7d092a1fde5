"""From the runs of streams to the result of a benchmark."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from actors.stream_run import StreamRun
from ns_ray.config import Config
from ns_ray.realtime import Pace, rules
from ns_ray.results import STAGES, BenchmarkResult, EpochResult, Loss, StreamResult, percentiles


def summarise(
    result: BenchmarkResult, runs: Sequence[StreamRun], losses: Sequence[Loss], began: float, ended: float
) -> None:
    """Fill in what the runs found; wall-clock times become seconds since `began`."""
    for run in runs:
        run.epochs = [_since(epoch, began) for epoch in run.epochs]
        stream = stream_result(run)
        result.streams.append(stream)
        result.epochs += run.epochs
        result.chosen += run.anchors
        result.media_seconds += stream.seconds
        result.switches.count += run.switches.count
        result.switches.seconds += run.switches.seconds
    result.losses = [replace(loss, seconds=loss.seconds - began) for loss in losses if loss.seconds >= began]
    result.wall_seconds = ended - began
    slot = float(Config.model_validate(result.config).slot)
    paces = [Pace(slot, run.epochs) for run in runs]
    pool = result.config["decoder"]
    decoders = pool["actors"] + pool["nvdec"] * pool["nvdec_sessions"]
    result.rules = rules(paces, paced=result.paced, decoders=decoders)
    whole = all(stream.status in ("done", "damaged", "stopped") for stream in result.streams)
    result.real_time = whole and bool(result.rules) and all(rule.met for rule in result.rules)


def stream_result(run: StreamRun) -> StreamResult:
    """One stream's figures."""
    anchors = {"KEY": 0, "ALTREF": 0, "NORMAL": 0}
    for anchor in run.anchors:
        anchors[anchor.type] += 1
    spent = {stage: [s.seconds for e in run.epochs for s in e.spans if s.stage == stage] for stage in STAGES}
    made = sum(anchors.values())
    encoded = made if run.hybrid else run.encoded
    extra = sum(anchor.bytes for anchor in run.anchors) if run.hybrid else run.output_bytes
    latency = {stage: percentiles([1000 * seconds for seconds in values]) for stage, values in spent.items() if values}
    latency["epoch"] = percentiles([1000 * epoch.latency for epoch in run.epochs])
    ended = "failed" if run.failed else "stopped" if run.stopped else "damaged" if run.damaged else "done"
    return StreamResult(
        name=run.stream.name,
        input=run.stream.info.path,
        status=ended,
        reason=run.reason or "; ".join(_kinds(reason for _, reason in run.damaged)[:3]),
        frames=run.shown,
        hidden=run.hidden,
        damaged=len(run.damaged),
        seconds=run.seconds,
        anchors=anchors,
        dropped_anchors=sum(epoch.dropped for epoch in run.epochs),
        missed_deadlines=sum(epoch.late for epoch in run.epochs),
        decode_fps=_rate(run.shown + run.hidden, spent["decode"]),
        inference_fps=_rate(made, spent["inference"]),
        encode_fps=_rate(encoded, spent["encode"]),
        latency_ms=latency,
        lr_kbps=_kbps(run.lr_bytes, run.seconds),
        anchor_kbps=_kbps(extra, run.seconds),
        output=str(run.path) if run.output_bytes else "",
        output_bytes=run.output_bytes,
        notes=run.notes,
    )


def _since(epoch: EpochResult, began: float) -> EpochResult:
    return replace(
        epoch,
        arrived=epoch.arrived - began,
        deadline=None if epoch.deadline is None else epoch.deadline - began,
        spans=[replace(span, start=span.start - began, end=span.end - began) for span in epoch.spans],
    )


def _kinds(reasons: Iterable[str]) -> list[str]:
    """The first of each kind: those that differ in numbers alone are one."""
    kinds: dict[str, str] = {}
    for reason in reasons:
        kinds.setdefault(re.sub(r"\d+", "", reason), reason)
    return list(kinds.values())


def _rate(count: int, seconds: Sequence[float]) -> float:
    return count / sum(seconds) if count and sum(seconds) > 0 else 0.0


def _kbps(size: int, seconds: float) -> float:
    return size * 8 / 1000 / seconds if seconds else 0.0
