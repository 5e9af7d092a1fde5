"""What limits a run: how busy each pool of actors was; the streams it kept up with, and those the GPU alone could."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from ns_ray.report.results import BenchmarkResult, EpochResult, MethodResult, Span


@dataclass(frozen=True, slots=True)
class PoolLoad:
    """How busy one pool was.

    Attributes:
        name: the pool.
        does: its work, in words.
        workers: how many calls it works on at a time.
        busy_seconds: time its workers were at work, all together.
        utilisation: of the time that they had, from 0 to 1.
    """

    name: str
    does: str
    workers: int
    busy_seconds: float
    utilisation: float


@dataclass(frozen=True, slots=True)
class GpuLimit:
    """The GPUs' own limit.

    Attributes:
        anchor_ms: an enhancer's time for an anchor, from the LR frame to the compressed anchor, in this run.
        anchors_per_second: anchors that one stream asks for in a second.
        streams: streams that all enhancers could serve if nothing else took time.
    """

    anchor_ms: float
    anchors_per_second: float
    streams: float


def pool_loads(result: BenchmarkResult) -> list[PoolLoad]:
    """Every pool and the job's own process, the most loaded first; none where nothing ran."""
    available = _duration(result.epochs)
    if not available:
        return []
    config = result.config
    decoder = config.get("decoder", {})
    in_enhancer = _compresses(result)
    decoders = decoder.get("actors", 1) + decoder.get("nvdec", 0) * decoder.get("nvdec_sessions", 1)
    enhancing = {"inference", "encode"} if in_enhancer else {"inference"}
    pools = [
        ("host", "reading, writing", _actors(result, "host"), {"read", "write"}),
        ("decoder", "decoding, copying anchors", decoders, {"decode", "take"}),
        ("enhancer", "DNN, compressing anchors" if in_enhancer else "DNN", enhancers(result), enhancing),
    ]
    if not in_enhancer:
        pools.append(("encoder", "compressing", _actors(result, "encoder"), {"encode"}))
    loads = []
    for name, does, workers, stages in pools:
        busy = _busy(result.epochs, stages)
        loads.append(PoolLoad(name, does, workers, busy, busy / (workers * available)))
    choosing = _choosing(result.epochs)
    loads.append(PoolLoad("scheduler", "choosing anchors", 1, choosing, choosing / available))
    job = result.usage.job_cpu_seconds
    loads.append(PoolLoad("job", "following the streams", 1, job, job / available))
    return sorted(loads, key=lambda load: load.utilisation, reverse=True)


def enhancers(result: BenchmarkResult) -> int:
    """How many enhancers ran."""
    gpus = result.options.get("num_gpus", 0)
    return gpus if isinstance(gpus, int) and gpus else _actors(result, "enhancer")


def limit(result: BenchmarkResult) -> str:
    """What limits the run, in a sentence; empty where nothing ran."""
    loads = pool_loads(result)
    if not loads:
        return ""
    first, *others = loads
    text = f"Most loaded: {first.name} ({first.does}), {100 * first.utilisation:.0f} % of the time"
    if others:
        text += f"; next {others[0].name}, {100 * others[0].utilisation:.0f} %"
    cores = result.host.get("cores") or 0
    if cores:
        text += f"; {100 * result.usage.cores / cores:.0f} % of the CPU cores"
    return f"{text}."


def gpu_limit(result: BenchmarkResult) -> GpuLimit | None:
    """The enhancers' own limit; None where no anchor was made."""
    made = sum(sum(stream.anchors.values()) for stream in result.streams)
    if not made or not result.media_seconds:
        return None
    stages = {"inference", "encode"} if _compresses(result) else {"inference"}
    anchor_ms = 1000 * _busy(result.epochs, stages) / made
    rate = made / result.media_seconds
    if not anchor_ms:
        return None
    return GpuLimit(anchor_ms, rate, enhancers(result) * 1000 / (anchor_ms * rate))


def real_time_streams(result: BenchmarkResult) -> float:
    """Streams that the machine kept in real time: those of a paced run that held, or else video done by time taken."""
    if result.paced and result.real_time:
        return float(len(result.streams))
    return result.media_seconds / result.wall_seconds if result.wall_seconds else 0.0


def as_method(result: BenchmarkResult, report: str = "") -> MethodResult:
    """The run as one method among others; `report` is where its own report lies."""
    shown = sum(stream.frames for stream in result.streams)
    anchors = sum(sum(stream.anchors.values()) for stream in result.streams)
    return MethodResult(
        str(result.options.get("method", "this run")),
        str(result.options.get("model_name", "")),
        sum(stream.status != "refused" for stream in result.streams),
        anchors / shown if shown else 0.0,
        result.media_seconds,
        result.wall_seconds,
        real_time_streams(result),
        report,
    )


def control_ms(result: BenchmarkResult) -> float:
    """CPU milliseconds of all processes, a stream and epoch, in which none of the stages' own work was done.

    That is reading, choosing, calls and what they carry, Ray itself, and the job. Where a DNN runs on a CPU in several
    threads, the time of all but one counts here, too.
    """
    usage = result.usage
    return 1000 * (usage.cpu_seconds - sum(usage.stage_cpu_seconds.values())) / max(len(result.epochs), 1)


def waiting_ms(epoch: EpochResult) -> float:
    """Milliseconds of an epoch's latency in which no stage worked on it: queues, and Ray between the stages."""
    inside = [Span(s.stage, max(s.start, epoch.arrived), s.end) for s in epoch.spans if s.end > epoch.arrived]
    return 1000 * max(0.0, epoch.latency - _covered(inside))


def _duration(epochs: Iterable[EpochResult]) -> float:
    """Seconds from the first work to the last; finishing files, which comes after, left out."""
    spans = [span for epoch in epochs for span in epoch.spans]
    return max((span.end for span in spans), default=0.0) - min((span.start for span in spans), default=0.0)


def _compresses(result: BenchmarkResult) -> bool:
    """Whether enhancers compress anchors themselves."""
    method = result.options.get("method", "neuroscaler")
    return bool(method == "neuroscaler" and result.config.get("encoder", {}).get("anchors", "enhancer") == "enhancer")


def _actors(result: BenchmarkResult, pool: str) -> int:
    actors = result.config.get(pool, {}).get("actors", 1)
    return actors if isinstance(actors, int) else 1


def _busy(epochs: Iterable[EpochResult], stages: set[str]) -> float:
    """Seconds of work on stages; where those of an epoch overlap, as on a GPU, time counts once."""
    return sum(_covered([span for span in epoch.spans if span.stage in stages]) for epoch in epochs)


def _choosing(epochs: Iterable[EpochResult]) -> float:
    """Seconds of choosing; the streams of a round share one span."""
    spans = {(span.start, span.end) for epoch in epochs for span in epoch.spans if span.stage == "schedule"}
    return sum(end - start for start, end in spans)


def _covered(spans: Iterable[Span]) -> float:
    """Length of the union of spans."""
    total, until = 0.0, -math.inf
    for span in sorted(spans, key=lambda span: span.start):
        total += max(0.0, span.end - max(span.start, until))
        until = max(until, span.end)
    return total
