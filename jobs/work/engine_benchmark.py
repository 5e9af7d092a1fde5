"""Inference engines, measured one by one: the DNN alone, and anchors to images."""

import argparse
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from itertools import cycle, islice

import numpy as np
import torch
from rich.table import Table

from ns_ray.actors.anchor_encoders import encoders_on
from ns_ray.errors import ModelError
from ns_ray.jobs.cli import entry
from ns_ray.jobs.cli.device import device_of
from ns_ray.jobs.cli.progress import waiting
from ns_ray.metrics.psnr import bounded_psnr
from ns_ray.picture.coding import Coding
from ns_ray.sr.calibrate import create_engine
from ns_ray.sr.color import chroma_size
from ns_ray.sr.engine import Engine, Plane, Planes
from ns_ray.sr.enhance import Compress, Compressor, Enhancement
from ns_ray.sr.torch_engine import TorchEngine
from ns_ray.sr.weights import Weights, load_weights
from ns_ray.whole_file import write_record

_STREAMS = 8
_FRAMES = 6


def benchmark(options: argparse.Namespace) -> None:
    """Measure, print and write.

    Raises:
        ModelError: a model or its weights cannot be used, or no engine runs here.
    """
    options.device = device_of(options.device)
    console, results = entry.console(), []
    table = Table("model", "engine", "DNN, ms a frame", "anchor, ms", "switch, ms", "PSNR, dB", title=options.device)
    encoders = encoders_on(options.device)
    for model in options.model:
        weights = load_weights(model)
        for name in options.engine:
            try:
                engine = create_engine(name, model, options.width, options.height, options.device)
            except ModelError as error:
                console.print(f"{model}, {name}: {error}", style="yellow")
                continue
            with waiting(console, f"measuring {model}, {name}"):
                figures = measure(engine, weights, encoders, options)
            results.append({"model": model, "engine": name, **figures})
            shown = (summary(figures[key]) for key in ("dnn_ms", "anchor_ms", "switch_ms"))
            table.add_row(model, name, *shown, f"{figures['psnr'][0]:.1f}")
    if not results:
        raise ModelError(f"no engine of {', '.join(options.engine)} runs on {options.device}")
    console.print(table)
    on_gpu = options.device.startswith("cuda")
    machine = torch.cuda.get_device_name(options.device) if on_gpu else platform.processor() or platform.machine()
    document = {
        "machine": machine,
        "torch": torch.__version__,
        "size": f"{options.width}x{options.height}",
        "results": results,
    }
    options.json.parent.mkdir(parents=True, exist_ok=True)
    write_record(options.json, document)


def measure(
    engine: Engine, weights: Weights, encoders: list[Compress], options: argparse.Namespace
) -> dict[str, list[float]]:
    """Every figure as the list of its runs, in milliseconds; the PSNR in dB, one for each of some frames."""
    frames = [noise(engine.width, engine.height, seed) for seed in range(_FRAMES)]
    streams = [
        engine.prepare({name: value * (1 + k / 1024) for name, value in weights.items()}) for k in range(_STREAMS)
    ]
    engine.load(weights)
    enhancement = Enhancement(engine, Compressor(*encoders, device=engine.device))

    def dnn() -> None:
        for planes in islice(cycle(frames), options.frames):
            engine.pixels(planes)

    coding = Coding(options.anchor_codec, options.quality)

    def anchors() -> None:
        for _ in enhancement.run(switching(engine, streams, frames, options.frames), coding):
            pass

    def switch() -> None:
        for stream in islice(cycle(streams), options.frames):
            engine.load(stream)

    timed = {"dnn_ms": dnn, "anchor_ms": anchors, "switch_ms": switch}
    figures = {name: milliseconds(run, engine.device, options.frames, options.runs) for name, run in timed.items()}
    engine.load(weights)
    reference = TorchEngine(engine.spec, engine.width, engine.height, engine.device, torch.float32)
    reference.load(weights)
    figures["psnr"] = [bounded_psnr(engine.infer(planes), reference.infer(planes)) for planes in frames[:2]]
    return figures


def switching(engine: Engine, streams: list[Weights], frames: list[Planes], count: int) -> Iterator[Planes]:
    """Frames of streams by turns: before each, its stream's weights are loaded."""
    for stream, planes in islice(zip(cycle(streams), cycle(frames), strict=False), count):
        engine.load(stream)
        yield planes


def milliseconds(run: Callable[[], None], device: str, count: int, runs: int) -> list[float]:
    """Time of one of the `count` things that `run` does, once for each run; a first run, to warm up, does not count."""
    times = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        run()
        if device.startswith("cuda"):
            torch.cuda.synchronize(device)
        times.append((time.perf_counter() - start) * 1000 / count)
    return times[1:]


def summary(times: list[float]) -> str:
    """Median, smallest and largest."""
    return f"{statistics.median(times):.3f} ({min(times):.3f} to {max(times):.3f})"


def noise(width: int, height: int, seed: int) -> Planes:
    """Random planes, smooth enough that images of them are not all noise."""
    random = np.random.default_rng(seed)

    def plane(rows: int, columns: int) -> Plane:
        coarse = random.integers(32, 220, (-(-rows // 16), -(-columns // 16)), np.uint8)
        grain = random.integers(0, 16, (rows, columns), np.uint8)
        made: Plane = coarse.repeat(16, 0).repeat(16, 1)[:rows, :columns] + grain
        return made

    chroma = chroma_size(height, width)
    return plane(height, width), plane(*chroma), plane(*chroma)
