"""Inference of blank frames, measured: preallocated, left on the device, and the naive way."""

import argparse
import gc
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from ns_ray.config.config import Config
from ns_ray.errors import ModelError
from ns_ray.host import describe_host
from ns_ray.jobs.cli import entry
from ns_ray.jobs.cli.device import device_of
from ns_ray.jobs.cli.progress import Progress
from ns_ray.report.artifact_files import INFER, NAIVE, model_folder
from ns_ray.sr.calibrate import calibrate, create_engine
from ns_ray.sr.checkpoints import checkpoint_folder, lr_size, trained_weights, weights_path
from ns_ray.sr.engine import Engine, Planes
from ns_ray.sr.spec import ModelSpec
from ns_ray.sr.weights import Weights, load_weights, save_weights, varied
from ns_ray.whole_file import write_record

Figures = dict[str, float]
T = TypeVar("T")


def benchmark(options: argparse.Namespace, config: Config) -> None:
    """Measure, write, show.

    Raises:
        ModelError: the model or its weights cannot be used, or no engine runs here.
    """
    options.device = device_of(options.device)
    spec = ModelSpec.parse(options.model)
    console = entry.console()
    if options.device == "cpu":
        torch.set_num_threads(config.enhancer.threads)
    folder = model_folder(options.result_dir, options.instance or config.instance, options.input_resolution, spec.name)
    shipped = load_weights(spec, _weights(options, spec, console))
    with tempfile.TemporaryDirectory(prefix="ns_ray_infer_") as own, Progress(console) as bar:
        total = max(options.warm_up + options.requests, options.naive_requests)
        files = list(bar.track(_own(shipped, Path(own), total), total=total, description="weights"))
        preallocated, about = _preallocated(options, config, spec, files, bar)
        about |= {"host": describe_host(), "weights": "read before, switched to inside the time"}
        write_record(folder / INFER, preallocated | about)
        naive = _naive(options, spec, str(about["engine"]), files[: options.naive_requests], bar)
    if naive:
        write_record(folder / NAIVE, naive | about | {"weights": "read inside the time"})
    table = Table(
        "way", "frames", "seconds", "frames a second", title=f"{spec}, {options.input_resolution}p, {about['engine']}"
    )
    for way, figures in (
        ("preallocated", preallocated),
        ("left on device", preallocated["on device"]),
        ("naive", naive),
    ):
        if figures:
            table.add_row(way, *(f"{figures[key]:.4g}" for key in ("num frames", "latency", "throughput")))
    console.print(table)
    console.print(f"{folder}: {INFER}{f' and {NAIVE}' if naive else ''} written")


def _weights(options: argparse.Namespace, spec: ModelSpec, console: Console) -> Path:
    """Those named, the content's, or where nothing was trained on it, which is said, those that ship."""
    if options.weights:
        return Path(options.weights)
    try:
        folder = checkpoint_folder(options.result_dir, options.content, options.input_resolution, options.duration)
        return trained_weights(folder, spec, options.content)
    except ModelError as error:
        console.print(f"the weights that ship are taken, as speed does not depend on them ({error})", style="yellow")
        return weights_path(spec)


def _own(shipped: Weights, folder: Path, count: int) -> Iterator[Path]:
    """A file of weights for each request, no two alike."""
    for number in range(count):
        path = folder / f"{number}.pt"
        save_weights(varied(shipped, number), path)
        yield path


def _blank(engine: Engine) -> Planes:
    y, u, v = (np.zeros(shape, np.uint8) for shape in engine.lr_shapes)
    return y, u, v


def _preallocated(
    options: argparse.Namespace, config: Config, spec: ModelSpec, files: list[Path], bar: Progress
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The figures with everything allocated before, and what was measured on what."""
    sets = [load_weights(spec, file) for file in files]
    size = lr_size(str(options.input_resolution))
    engine = calibrate(spec, sets[0], *size, options.device, config.enhancer.engine).engine
    prepared = [engine.prepare(weights) for weights in sets]
    frames = [_blank(engine)] * options.request_frames

    def to_host(weights: Weights) -> None:
        engine.load(weights)
        for _ in engine.infer_all(frames, "yuv"):
            pass

    def on_device(weights: Weights) -> None:
        engine.load(weights)
        for planes in frames:
            engine.pixels(planes)

    found: list[Figures] = []
    for serve, name in ((to_host, "requests"), (on_device, "left on device")):
        for weights in prepared[: options.warm_up]:
            serve(weights)
        found.append(_timed(serve, prepared[options.warm_up :][: options.requests], options, name, bar))
    about = {"engine": engine.name, "device": options.device, "size": f"{size[0]}x{size[1]}"}
    return {**found[0], "on device": found[1]}, about


def _naive(options: argparse.Namespace, spec: ModelSpec, name: str, files: list[Path], bar: Progress) -> Figures:
    """The figures with everything done anew for each request; empty where none is asked for."""
    if not files:
        return {}
    size = lr_size(str(options.input_resolution))

    def serve(file: Path) -> None:
        engine = create_engine(name, spec, *size, options.device)
        engine.load(load_weights(spec, file))
        for _ in engine.infer_all([_blank(engine)] * options.request_frames, "yuv"):
            pass
        del engine
        gc.collect()
        if options.device.startswith("cuda"):
            torch.cuda.synchronize(options.device)
            torch.cuda.empty_cache()

    return _timed(serve, files, options, "naive requests", bar)


def _timed(
    serve: Callable[[T], None], requests: Iterable[T], options: argparse.Namespace, name: str, bar: Progress
) -> Figures:
    """Serve requests one after another."""
    served = 0
    start = time.perf_counter()
    for request in bar.track(list(requests), description=name):
        serve(request)
        served += 1
    if options.device.startswith("cuda"):
        torch.cuda.synchronize(options.device)
    seconds = time.perf_counter() - start
    frames = served * options.request_frames
    return {"num frames": frames, "latency": seconds, "throughput": frames / seconds}
