"""From what hosts told of streams to the result of a benchmark."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import reduce

from ns_ray.actors.following import Followed
from ns_ray.actors.reports import added
from ns_ray.config.config import Config
from ns_ray.report.realtime import Pace, not_judged, rules
from ns_ray.report.results import STAGES, BenchmarkResult, EpochResult, Loss, StreamResult, percentiles


def summarise(
    result: BenchmarkResult, streams: Sequence[Followed], losses: Sequence[Loss], began: float, ended: float
) -> None:
    """Fill in what became of the streams; wall-clock times become seconds since `began`."""
    paces = []
    slot = float(Config.model_validate(result.config).slot)
    for stream in streams:
        reports = [stream.epochs[number] for number in sorted(stream.epochs)]
        epochs = [_since(report.result, began) for report in reports]
        result.streams.append(stream_result(stream))
        result.epochs += epochs
        result.chosen += (anchor for report in reports for anchor in report.anchors)
        totals = stream.report.totals
        result.media_seconds += totals.seconds
        result.switches.count += totals.switches
        result.switches.seconds += totals.switch_seconds
        paces.append(Pace(slot, epochs))
    result.losses = [replace(loss, seconds=loss.seconds - began) for loss in losses if loss.seconds >= began]
    result.wall_seconds = ended - began
    pool = result.config["decoder"]
    decoders = pool["actors"] + pool["nvdec"] * pool["nvdec_sessions"]
    result.rules = rules(paces, paced=result.paced, decoders=decoders)
    whole = all(stream.status in ("done", "damaged", "stopped") for stream in result.streams)
    made = any(sum(stream.anchors.values()) for stream in result.streams)
    result.not_judged = not_judged(result)
    result.real_time = None if result.not_judged else whole and made and all(rule.met for rule in result.rules)


def stream_result(stream: Followed) -> StreamResult:
    """One stream's figures."""
    report, totals = stream.report, stream.report.totals
    epochs = [epoch.result for epoch in stream.epochs.values()]
    spent = {stage: [s.seconds for e in epochs for s in e.spans if s.stage == stage] for stage in STAGES}
    hybrid = stream.order.plan.method == "neuroscaler"
    made = sum(totals.anchors.values())
    sent = totals.anchor_bytes if hybrid else report.output_bytes
    latency = {stage: percentiles([1000 * seconds for seconds in values]) for stage, values in spent.items() if values}
    latency["epoch"] = percentiles([1000 * epoch.latency for epoch in epochs])
    return StreamResult(
        name=report.name,
        input=report.input,
        status="damaged" if report.state == "done" and totals.damaged else report.state,
        reason=report.reason or "; ".join(totals.reasons),
        frames=totals.shown,
        hidden=totals.hidden,
        damaged=totals.damaged,
        seconds=totals.seconds,
        anchors={"KEY": 0, "ALTREF": 0, "NORMAL": 0, **totals.anchors},
        dropped_anchors=totals.dropped,
        still_anchors=totals.still,
        unpaid_anchors=totals.unpaid,
        missed_deadlines=totals.late,
        decode_fps=_rate(totals.shown + totals.hidden, spent["decode"]),
        inference_fps=_rate(made, spent["inference"]),
        encode_fps=_rate(made if hybrid else totals.encoded, spent["encode"]),
        latency_ms=latency,
        lr_kbps=_kbps(totals.lr_bytes, totals.seconds),
        anchor_kbps=_kbps(sent, totals.seconds),
        anchor_share=sent / totals.lr_bytes if totals.lr_bytes else 0.0,
        output=report.output,
        output_bytes=report.output_bytes,
        notes=[*report.notes, *stream.losses],
    )


def cpu_by_stage(streams: Iterable[Followed]) -> dict[str, float]:
    """CPU seconds of the streams' own work, by stage."""
    nothing: dict[str, float] = {}
    return reduce(added, (stream.report.totals.cpu_seconds for stream in streams), nothing)


def _since(epoch: EpochResult, began: float) -> EpochResult:
    return replace(
        epoch,
        arrived=epoch.arrived - began,
        deadline=None if epoch.deadline is None else epoch.deadline - began,
        spans=[replace(span, start=span.start - began, end=span.end - began) for span in epoch.spans],
    )


def _rate(count: int, seconds: Sequence[float]) -> float:
    return count / sum(seconds) if count and sum(seconds) > 0 else 0.0


def _kbps(size: int, seconds: float) -> float:
    return size * 8 / 1000 / seconds if seconds else 0.0
