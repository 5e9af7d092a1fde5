"""Measures super-resolution: luma PSNR of bilinear, bicubic and models against an HR reference.

    python jobs/evaluate_sr.py LR HR [-m MODEL ...] [--every 20] [--weights DIR [-e 20]]

LR and HR are videos of the same frames; an HR video larger than scale times LR is scaled down first (swscale,
bicubic). Bilinear and bicubic upscale the luma plane (swscale). Prints a table and writes
RESULT_DIR/evaluation/sr/<LR's name>.json. Exit status: 0 done, 1 failed, 2 wrong usage.
"""

import argparse
import statistics
import sys
import time
from collections import defaultdict
from pathlib import Path

import av
import numpy as np
import torch
from av.video.reformatter import Interpolation
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from jobs import face
from jobs.model_face import epoch_option
from ns_ray.config import load_config
from ns_ray.errors import ModelError
from ns_ray.metrics.psnr import psnr
from ns_ray.run_folder import set_aside
from ns_ray.sr.calibrate import calibrate
from ns_ray.sr.checkpoints import weights_in
from ns_ray.sr.dataset import VideoPair, read_pair
from ns_ray.sr.engine import Engine, Plane
from ns_ray.sr.spec import SHIPPED, ModelSpec
from ns_ray.sr.weights import load_weights
from ns_ray.whole_file import write_record

_INTERPOLATIONS = ("bilinear", "bicubic")


def upscale(luma: Plane, scale: int, interpolation: str) -> Plane:
    """A luma plane (H, W) -> (H * scale, W * scale), by swscale, `bilinear` or `bicubic`."""
    way = Interpolation[interpolation.upper()]
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(luma), "gray")
    height, width = luma.shape
    larger: Plane = frame.reformat(width * scale, height * scale, interpolation=way).to_ndarray()  # type: ignore[assignment]
    return larger


def evaluate(
    pair: VideoPair,
    models: list[str],
    weights: Path | None,
    epoch: int | None,
    every: int,
    device: str,
    engine: str,
    console: Console,
) -> dict[str, list[float]]:
    """PSNR in dB of every compared frame, by method.

    Raises:
        NsRayError: an unknown model, missing weights, or videos that cannot be read or share no frame.
    """
    specs = [ModelSpec.parse(model) for model in models]
    if len({spec.scale for spec in specs}) != 1:
        raise ModelError("name models of one scale")
    scale = specs[0].scale
    states = [load_weights(spec, weights_in(weights, spec, epoch) if weights else None) for spec in specs]
    engines: list[Engine] = []
    results: defaultdict[str, list[float]] = defaultdict(list)
    with Progress(console=console) as bar:
        task = bar.add_task("frames", total=None)
        for low, high in read_pair(pair, scale, every):
            if not engines:
                rows, columns = low[0].shape
                engines = [
                    calibrate(spec, state, columns, rows, device, engine, runs=1).engine
                    for spec, state in zip(specs, states, strict=True)
                ]
            for name in _INTERPOLATIONS:
                results[name].append(psnr(upscale(low[0], scale, name), high[0]))
            for candidate in engines:
                start = time.perf_counter()
                picture = candidate.infer(low, "yuv")
                results[f"{candidate.spec.name} ms"].append((time.perf_counter() - start) * 1000)
                results[candidate.spec.name].append(psnr(picture[0], high[0]))
            bar.advance(task)
    if not results:
        raise ModelError(f"{pair.lr} and {pair.hr} have no frame of the same time in common")
    return results


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    parser = face.parser(__doc__)
    add = parser.add_argument
    add("lr", type=Path, metavar="LR", help="LR video: a path, or one below --data-dir")
    add("hr", type=Path, metavar="HR", help="its HR reference, likewise")
    add("-m", "--model", action="append", help=f"may be repeated; default: {' and '.join(SHIPPED)}")
    add("--weights", type=Path, metavar="DIR", help="folder of <model>.pt; default: the ones that ship")
    epoch_option(parser)
    add("--every", type=int, default=20, metavar="N", help="compare one frame in N")
    add("--engine", metavar="NAME", help="inference engine; default: the configuration's")
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="cpu, cuda or cuda:<index>")
    options = parser.parse_args(argv)
    if options.every < 1:
        parser.error("--every must be at least 1")
    if options.epoch is not None and options.weights is None:
        parser.error("--epoch is of the training that --weights names")
    return face.run(lambda: measure(options))


def measure(options: argparse.Namespace) -> None:
    """Compare, print the table and write the figures.

    Raises:
        ConfigError: a setting is wrong.
        ModelError: an unknown model, missing weights, or videos that cannot be read or share no frame.
    """
    config = load_config(options.config, options.set)
    console = face.console()
    low, high = (face.found(path, options.data_dir) for path in (options.lr, options.hr))
    models = options.model or list(SHIPPED)
    engine = options.engine or config.enhancer.engine
    results = evaluate(
        VideoPair("", low, high), models, options.weights, options.epoch, options.every, options.device, engine, console
    )
    table = Table("", "luma PSNR, dB", "over bicubic, dB", "ms a frame")
    means = {name: statistics.fmean(values) for name, values in results.items()}
    for name in [*_INTERPOLATIONS, *models]:
        times = results.get(f"{name} ms")
        gain = means[name] - means["bicubic"]
        table.add_row(name, f"{means[name]:.3f}", f"{gain:+.3f}", f"{statistics.median(times):.0f}" if times else "")
    console.print(table)
    target = options.result_dir / "evaluation" / "sr" / f"{options.lr.stem}.json"
    record = {
        "lr": options.lr.name,
        "hr": options.hr.name,
        "every": options.every,
        "mean": means,
        "frames": results,
    }
    set_aside(target, console.print)
    write_record(target, record)
    console.print(f"{target} written", soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
