"""Measures super-resolution: luma PSNR of bilinear, bicubic and models against an HR reference.

    python jobs/evaluate_sr.py LR HR [-m MODEL ...] [--every 20] [--result-dir result] [--data-dir dataset] ...

LR and HR are videos of the same frames; an HR video larger than scale times LR is scaled down first (swscale,
bicubic). Bilinear and bicubic upscale the luma plane (swscale). Prints a table and writes
RESULT_DIR/evaluation/sr/<LR's name>.json. Exit status: 0 done, 1 failed, 2 wrong usage.
"""

import argparse
import json
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

from ns_ray.errors import ModelError, NsRayError
from ns_ray.metrics.psnr import psnr
from ns_ray.sr.calibrate import create_engine
from ns_ray.sr.dataset import VideoPair, read_pair
from ns_ray.sr.engine import Engine, Plane
from ns_ray.sr.models import SHIPPED, ModelSpec
from ns_ray.sr.weights import load_weights

_INTERPOLATIONS = {"bilinear": Interpolation.BILINEAR, "bicubic": Interpolation.BICUBIC}


def upscale(luma: Plane, scale: int, interpolation: Interpolation) -> Plane:
    """A luma plane (H, W) upscaled by swscale -> (H * scale, W * scale)."""
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(luma), "gray")
    height, width = luma.shape
    larger: Plane = frame.reformat(width * scale, height * scale, interpolation=interpolation).to_ndarray()  # type: ignore[assignment]
    return larger


def evaluate(
    pair: VideoPair,
    models: list[str],
    weights: Path | None,
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
    states = [load_weights(spec, weights / f"{spec.name}.pt" if weights else None) for spec in specs]
    engines: list[Engine] = []
    results: defaultdict[str, list[float]] = defaultdict(list)
    with Progress(console=console) as bar:
        task = bar.add_task("frames", total=None)
        for low, high in read_pair(pair, scale, every):
            if not engines:
                rows, columns = low[0].shape
                engines = [create_engine(engine, spec, columns, rows, device) for spec in specs]
                for candidate, state in zip(engines, states, strict=True):
                    candidate.load(state)
            for name, interpolation in _INTERPOLATIONS.items():
                results[name].append(psnr(upscale(low[0], scale, interpolation), high[0]))
            for candidate in engines:
                start = time.perf_counter()
                picture = candidate.infer(low, "yuv")
                results[f"{candidate.spec.name} ms"].append((time.perf_counter() - start) * 1000)
                results[candidate.spec.name].append(psnr(picture[0], high[0]))
            bar.advance(task)
    if not results:
        raise ModelError(f"{pair.lr} and {pair.hr} have no frame of the same time in common")
    return results


def main(arguments: list[str] | None = None) -> int:
    """Runs the job; returns its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lr", type=Path, metavar="LR", help="LR video")
    parser.add_argument("hr", type=Path, metavar="HR", help="its HR reference")
    parser.add_argument("-m", "--model", action="append", help=f"may be repeated (default: {' and '.join(SHIPPED)})")
    parser.add_argument("--weights", type=Path, help="directory of <model>.pt (default: the ones that ship)")
    parser.add_argument("--every", type=int, default=20, help="compare one frame in so many (default: %(default)s)")
    parser.add_argument("--engine", default="torch", help="default: %(default)s")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="default: %(default)s")
    parser.add_argument("--data-dir", type=Path, default=Path(), help="where LR and HR are, if relative")
    parser.add_argument("--result-dir", type=Path, default=Path("result"), help="default: %(default)s")
    options = parser.parse_args(arguments)
    if options.every < 1:
        parser.error("--every must be at least 1")
    console = Console(stderr=True)
    pair = VideoPair("", options.data_dir / options.lr, options.data_dir / options.hr)
    models = options.model or list(SHIPPED)
    try:
        results = evaluate(pair, models, options.weights, options.every, options.device, options.engine, console)
    except NsRayError as error:
        console.print(f"[red]failed:[/] {error}")
        return 1
    table = Table("", "luma PSNR, dB", "over bicubic, dB", "ms a frame")
    means = {name: statistics.fmean(values) for name, values in results.items()}
    for name in [*_INTERPOLATIONS, *models]:
        times = results.get(f"{name} ms")
        gain = means[name] - means["bicubic"]
        table.add_row(name, f"{means[name]:.3f}", f"{gain:+.3f}", f"{statistics.median(times):.0f}" if times else "")
    Console().print(table)
    target = options.result_dir / "evaluation" / "sr" / f"{options.lr.stem}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    record = {
        "lr": options.lr.name,
        "hr": options.hr.name,
        "every": options.every,
        "mean": means,
        "frames": results,
    }
    target.write_text(json.dumps(record, indent=1) + "\n")
    console.print(f"{target} written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
