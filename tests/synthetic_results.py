"""Results of runs that never were."""

import random
from typing import Any

from ns_ray.report.results import (
    STAGES,
    AnchorResult,
    BenchmarkResult,
    EngineResult,
    EpochResult,
    Rule,
    Span,
    StreamResult,
    Usage,
    percentiles,
)

EPOCH = 40 / 60
WORK = {
    "read": 0.004,
    "decode": 0.11,
    "schedule": 0.0008,
    "take": 0.006,
    "inference": 0.22,
    "encode": 0.05,
    "write": 0.003,
}


def make_stream(name: str, epochs: int, rng: random.Random, paced: bool = True, load: float = 1.0):
    """A stream whose epochs pass every stage; each stage takes up the next epoch when it is free."""
    free = dict.fromkeys(STAGES, 0.0)
    done: list[EpochResult] = []
    for number in range(epochs):
        arrived = (number + 1) * EPOCH if paced else 0.3 * number
        deadline = arrived + EPOCH if paced else None
        epoch = EpochResult(name, number, arrived, deadline, first=40 * number, packets=40)
        now = arrived
        for stage, mean in WORK.items():
            start = max(now, free[stage])
            now = free[stage] = start + load * mean * rng.lognormvariate(0, 0.35)
            epoch.spans.append(Span(stage, start, now))
        inferred = epoch.spans[4].end
        epoch.late = deadline is not None and inferred > deadline
        epoch.dropped = int(epoch.late and rng.random() < 0.5)
        done.append(epoch)
    chosen: list[AnchorResult] = []
    for number in range(epochs):
        first = number * 40
        kinds = ["KEY" if number % 3 == 0 else "ALTREF", "ALTREF", "NORMAL"]
        for i, kind in enumerate(kinds[: 3 - done[number].dropped]):
            gain = 0.0 if kind == "KEY" else rng.lognormvariate(3, 0.8)
            index = first + i * 13
            chosen.append(AnchorResult(name, index, int(kind == "ALTREF"), kind, gain, rng.randint(60_000, 140_000)))
    seconds = epochs * EPOCH
    stream = StreamResult(
        name,
        f"{name}.webm",
        frames=40 * epochs,
        hidden=3 * epochs,
        seconds=seconds,
        anchors={kind: sum(a.type == kind for a in chosen) for kind in ("KEY", "ALTREF", "NORMAL")},
        dropped_anchors=sum(e.dropped for e in done),
        missed_deadlines=sum(e.late for e in done),
        decode_fps=round(400 / load, 1),
        inference_fps=13.6 / load,
        encode_fps=60.0,
        latency_ms={
            stage: percentiles([1000 * s.seconds for e in done for s in e.spans if s.stage == stage])
            for stage in STAGES
        }
        | {"epoch": percentiles([1000 * e.latency for e in done])},
        lr_kbps=rng.uniform(600, 800),
        anchor_kbps=sum(a.bytes for a in chosen) * 8 / 1000 / seconds if seconds else 0,
    )
    return stream, done, chosen


def make_result(streams: int = 2, epochs: int = 6, paced: bool = True, **changes: Any) -> BenchmarkResult:
    """A run of so many streams and epochs; every seventh stream is overloaded."""
    rng = random.Random(7)
    result = BenchmarkResult(
        options={"method": "neuroscaler", "videos": streams, "model": "EDSR_B8_F32_S3", "fraction": 0.075},
        config={"instance": "local", "enhancer": {"actors": 1, "engine": "auto"}},
        host={"processor": "A processor", "cores": 2, "memory_gb": 8, "gpus": []},
        engines={"640x360 EDSR_B8_F32_S3": EngineResult("torch", "cpu", 412.3)},
        paced=paced,
        wall_seconds=epochs * EPOCH + 1,
        media_seconds=streams * epochs * EPOCH,
        real_time=True,
        rules=[
            Rule("slowest decode", 400.0, 59.0, "fps", True),
            Rule("latest inference", -210.0, 100.0, "ms", True),
            Rule("encode against inference", 4.1, 1.0, "x", True),
        ],
        usage=Usage(31.2, 1.8, 2310.0),
    )
    for i in range(streams):
        stream, done, chosen = make_stream(f"arena-{i}", epochs, rng, paced, 2.6 if i % 7 == 6 else 1.0)
        result.streams.append(stream)
        result.epochs += done
        result.chosen += chosen
    for name, value in changes.items():
        setattr(result, name, value)
    return result
