"""The checks of the TensorRT engine, and their verdict."""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from rich.table import Table

from ns_ray.errors import ModelError
from ns_ray.host import describe_host
from ns_ray.jobs.cli import entry
from ns_ray.jobs.cli.model import Chosen
from ns_ray.jobs.cli.progress import waiting
from ns_ray.jobs.work.streams_served import Demand, anchor_ms, streams_served
from ns_ray.metrics.psnr import psnr
from ns_ray.picture.coding import Coding
from ns_ray.sr.engine import Planes
from ns_ray.sr.frames import spaced_frames
from ns_ray.sr.gpus import find_gpu
from ns_ray.sr.plans import record_path
from ns_ray.sr.refittable_plan import plan_key
from ns_ray.sr.tensorrt_engine import TensorRtEngine
from ns_ray.sr.tensorrt_package import find_tensorrt
from ns_ray.sr.torch_engine import TorchEngine
from ns_ray.sr.weights import Weights, load_weights, varied
from ns_ray.whole_file import write_record

REQUIRED_DB = 50.0
"""PSNR that float16 has to keep to float32, 8 bits a sample; rounding alone leaves about 59 dB."""
_STREAMS = 8


@dataclass(frozen=True, slots=True)
class Check:
    """One thing checked: what, what was found, what is asked, and whether that holds."""

    what: str
    found: str
    asked: str
    passed: bool


def check(options: argparse.Namespace, chosen: Chosen) -> None:
    """Run all checks, and print the verdict and how many streams this GPU could serve.

    Raises:
        ModelError: a check did not pass, or the engine does not run here.
    """
    frames = spaced_frames(chosen.video, options.count, chosen.size)
    weights = load_weights(chosen.spec, chosen.weights)
    coding = Coding.usual(chosen.config.anchor_codec, options.fraction)
    demand = Demand(float(options.frame_rate), options.fraction, coding, float(chosen.config.slot))
    console = entry.console()
    done: list[Check] = []
    with tempfile.TemporaryDirectory() as plans, waiting(console, "checking"):
        for one in _checks(chosen, options, frames, weights, Path(plans)):
            console.print(f"{'pass' if one.passed else 'FAIL'}  {one.what}: {one.found}", highlight=False)
            done.append(one)
        took = _anchor_ms(chosen, options, frames, weights, demand, Path(plans))
    table = Table("check", "found", "asked", "")
    for one in done:
        table.add_row(one.what, one.found, one.asked, "pass" if one.passed else "FAIL")
    console.print(table)
    console.print(_served(took, demand, chosen), highlight=False)
    record = {
        "host": describe_host(),
        "model": chosen.spec.name,
        "lr": chosen.size,
        "checks": [*map(asdict, done)],
        "anchor_ms": took,
        "streams": streams_served(took, demand),
        "of_streams": asdict(demand),
    }
    write_record(options.result_dir / "generic" / chosen.spec.name / "check.json", record)
    failed = [one.what for one in done if not one.passed]
    if failed:
        raise ModelError(f"verdict: FAIL ({'; '.join(failed)})")
    console.print("verdict: PASS")


def _checks(
    chosen: Chosen, options: argparse.Namespace, frames: list[Planes], weights: Weights, plans: Path
) -> Iterator[Check]:
    package, gpu = find_tensorrt(), find_gpu(options.device)
    make = (chosen.spec, *chosen.size, options.device)
    start = time.perf_counter()
    engine = TensorRtEngine(*make, plans=plans)
    built = time.perf_counter() - start
    yield Check("plan", f"{package.name} {package.version}, {gpu.name}: ready in {built:.1f} s", "built", True)

    path = plan_key(package, gpu, chosen.spec, *chosen.size).path(plans)
    made = path.stat().st_mtime_ns
    start = time.perf_counter()
    TensorRtEngine(*make, plans=plans)
    again = time.perf_counter() - start
    yield Check("plan found again", f"{again:.1f} s", "not built again", path.stat().st_mtime_ns == made)
    record = json.loads(record_path(path).read_text())
    record_path(path).write_text(json.dumps(record | {"version": "0"}))
    TensorRtEngine(*make, plans=plans)
    rebuilt = path.stat().st_mtime_ns != made
    yield Check("plan of another version", "built again" if rebuilt else "taken", "built again", rebuilt)

    reference = TorchEngine(*make, dtype=torch.float32)
    others = {name: tensor * 0.9 for name, tensor in weights.items()}
    for what, state in (("weights loaded", weights), ("weights switched", others), ("weights switched back", weights)):
        engine.load(state)
        reference.load(state)
        for form in ("rgb", "yuv"):
            worst = min(_alike(engine.infer(one, form), reference.infer(one, form)) for one in frames)
            yield Check(
                f"{what}, {form}", f"{worst:.1f} dB to PyTorch", f"over {REQUIRED_DB:g} dB", worst > REQUIRED_DB
            )
    in_order = all(
        np.array_equal(np.asarray(one), engine.infer(planes))
        for one, planes in zip(engine.infer_all(frames * 4), frames * 4, strict=True)
    )
    yield Check("many frames in order", str(in_order), "equal to one at a time", in_order)

    latency = engine.warm_up(options.runs)
    half = TorchEngine(*make)
    half.load(weights)
    other = half.warm_up(options.runs)
    yield Check("latency, host to host", f"{latency:.2f} ms (torch {other:.2f} ms)", "below torch's", latency < other)
    start = time.perf_counter()
    count = sum(1 for _ in engine.infer_all(frames * options.runs))
    each = (time.perf_counter() - start) / count * 1e3
    yield Check("many frames, each", f"{each:.2f} ms", "not over the latency", each < latency * 1.05)
    switch = statistics.median(_timed(engine, state) for _ in range(options.runs) for state in (others, weights))
    yield Check("switch of weights", f"{switch:.2f} ms", "below half an inference", switch < latency / 2)


def _anchor_ms(
    chosen: Chosen, options: argparse.Namespace, frames: list[Planes], weights: Weights, demand: Demand, plans: Path
) -> float:
    engine = TensorRtEngine(chosen.spec, *chosen.size, options.device, plans=plans)
    sets = [varied(weights, number) for number in range(_STREAMS)]
    return anchor_ms(engine, sets, frames, demand, options.runs)


def _served(took: float, demand: Demand, chosen: Chosen) -> str:
    columns, rows = chosen.size
    return (
        f"this GPU could serve {streams_served(took, demand):.1f} streams of {columns}x{rows}, {demand.frame_rate:.4g} "
        f"frames a second and {demand.fraction:.3g} anchors a frame, if nothing else took time: an anchor takes "
        f"{took:.2f} ms, with the DNN, {demand.coding.codec} of quality {demand.coding.quality} and other weights "
        f"every {demand.a_turn} anchors. Decoding is another limit, which jobs/benchmark_decode.py measures"
    )


def _alike(ours: object, theirs: object) -> float:
    """PSNR in dB of a picture, or the worst of its planes."""
    if isinstance(ours, tuple) and isinstance(theirs, tuple):
        return min(psnr(one, other) for one, other in zip(ours, theirs, strict=True))
    return psnr(np.asarray(ours), np.asarray(theirs))


def _timed(engine: TensorRtEngine, state: Weights) -> float:
    start = time.perf_counter()
    engine.load(state)
    return (time.perf_counter() - start) * 1e3
