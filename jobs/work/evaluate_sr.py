"""PSNR of upscalings and models, frame by frame."""

import argparse
import statistics
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ns_ray.config.config import Config
from ns_ray.errors import ModelError
from ns_ray.evaluation.figures import Series
from ns_ray.evaluation.original import Despite, Original
from ns_ray.evaluation.upscaled import UPSCALED, upscaled
from ns_ray.jobs.cli import entry
from ns_ray.jobs.cli.checks import weights_file
from ns_ray.jobs.cli.despite import despite
from ns_ray.jobs.cli.device import device_of
from ns_ray.jobs.cli.progress import Progress
from ns_ray.metrics.psnr import plane_errors
from ns_ray.picture.yuv import Yuv420
from ns_ray.run_folder import set_aside
from ns_ray.sr.calibrate import calibrate
from ns_ray.sr.dataset import read_pair
from ns_ray.sr.engine import Engine
from ns_ray.sr.pairs import VideoPair
from ns_ray.sr.spec import ModelSpec
from ns_ray.sr.weights import load_weights
from ns_ray.whole_file import write_record


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was compared: the frames' PSNR by method, and milliseconds a frame by model."""

    series: defaultdict[str, Series]
    times: defaultdict[str, list[float]]


def evaluate(
    pair: VideoPair,
    models: list[str],
    weights: Path | None,
    epoch: int | None,
    every: int,
    device: str,
    engine: str,
    console: Console,
    differing: Despite,
) -> Evaluation:
    """Compare frame by frame.

    Raises:
        NsRayError: an unknown model, missing weights, or videos that cannot be read or do not belong together.
    """
    specs = [ModelSpec.parse(model) for model in models]
    if len({spec.scale for spec in specs}) != 1:
        raise ModelError("name models of one scale")
    scale = specs[0].scale
    Original(str(pair.hr), str(pair.lr), scale, differing)
    ahead = float(differing.offset or 0)
    states = [load_weights(spec, weights_file(spec, weights, epoch)) for spec in specs]
    engines: list[Engine] = []
    found = Evaluation(defaultdict(Series), defaultdict(list))
    with Progress(console) as bar:
        task = bar.add_task("frames", total=None)
        for low, high in read_pair(pair, scale, every, ahead):
            rows, columns = low[0].shape
            if not engines:
                engines = [
                    calibrate(spec, state, columns, rows, device, engine, runs=1).engine
                    for spec, state in zip(specs, states, strict=True)
                ]
            size = columns * scale, rows * scale
            for name in UPSCALED:
                found.series[name].add(plane_errors(upscaled(Yuv420(*low), size, name).planes, high))
            for candidate in engines:
                start = time.perf_counter()
                picture = candidate.infer(low, "yuv")
                found.times[candidate.spec.name].append((time.perf_counter() - start) * 1000)
                found.series[candidate.spec.name].add(plane_errors(picture, high))
            bar.advance(task)
    if not found.series:
        raise ModelError(f"{pair.lr} and {pair.hr} have no frame of the same time in common")
    return found


def measure(options: argparse.Namespace, config: Config) -> None:
    """Compare, print the table and write the figures.

    Raises:
        ModelError: an unknown model, missing weights, or videos that cannot be read or share no frame.
    """
    options.device = device_of(options.device)
    console = entry.console()
    low, high = (entry.found(path, options.data_dir) for path in (options.lr, options.hr))
    engine = options.engine or config.enhancer.engine
    found = evaluate(
        VideoPair("", low, high),
        options.model,
        options.weights,
        options.epoch,
        options.every,
        options.device,
        engine,
        console,
        despite(options),
    )
    table = Table("", "luma PSNR, dB", "over bicubic, dB", "all planes, dB", "over bicubic, dB", "ms a frame")
    bicubic = found.series["bicubic"]
    for name, series in found.series.items():
        gains, times = series.over(bicubic), found.times.get(name)
        row = [text for key, mean in series.mean.items() for text in (f"{mean:.3f}", f"{gains[key]:+.3f}")]
        table.add_row(name, *row, f"{statistics.median(times):.0f}" if times else "")
    console.print(table)
    target = options.result_dir / "evaluation" / "sr" / f"{options.lr.stem}.json"
    record = {
        "lr": options.lr.name,
        "hr": options.hr.name,
        "every": options.every,
        "mean": {name: series.mean["psnr_y"] for name, series in found.series.items()},
        "mean_all_planes": {name: series.mean["psnr"] for name, series in found.series.items()},
        "frames": {name: series.psnr_y for name, series in found.series.items()},
        "frames_all_planes": {name: series.psnr for name, series in found.series.items()},
        "ms": found.times,
    }
    set_aside(target, console.print)
    write_record(target, record)
    console.print(f"{target} written", soft_wrap=True)
