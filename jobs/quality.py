"""Measure a hybrid stream's picture: PSNR and SSIM of its frames against a reference, upscaling beside it.

Frames are compared by their times. A reference of another frame rate, shape or beginning is refused unless --despite or
--offset say otherwise.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from rich.table import Table

from ns_ray import shipped
from ns_ray.client.decoder import HybridDecoder
from ns_ray.errors import MediaError
from ns_ray.evaluation.original import Original, scaled
from ns_ray.jobs.cli import entry, values, vocabulary
from ns_ray.jobs.cli.checks import Checks
from ns_ray.jobs.cli.despite import despite, despite_options
from ns_ray.jobs.cli.outputs import require_other_output
from ns_ray.jobs.cli.progress import Progress
from ns_ray.metrics.psnr import plane_errors
from ns_ray.metrics.ssim import ssim
from ns_ray.picture.yuv import Yuv420, resize
from ns_ray.whole_file import write_record

METHODS = ("hybrid", "bilinear", "bicubic")


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = entry.parser(__doc__)
    add = parser.add_argument
    add("hybrid", nargs="?", metavar="HYBRID", help="the hybrid stream: a path, or a URL; the same as -i HYBRID")
    vocabulary.input_option(parser, "the hybrid stream", metavar="HYBRID")
    add("--reference", required=True, metavar="HR", help="the original video; a larger one is scaled down (bicubic)")
    add("--mode", choices=("best", "plain"), default="best", help="plain is reuse as published")
    add("--every", type=values.count, default=1, metavar="N", help="compare one frame in N")
    add("--threads", type=values.count, default=1, metavar="N", help="threads of the reconstruction")
    add("--json", type=Path, metavar="OUT", help="where to write every frame's figures")
    despite_options(parser)
    options = parser.parse_args(argv)
    vocabulary.one_input(parser, options, "hybrid")
    return options


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return entry.run(lambda: measure(options))


def measure(options: argparse.Namespace) -> None:
    """Compare frame by frame and write the figures.

    Raises:
        NsRayError: a video cannot be read, or they do not belong together.
    """
    options.reference = shipped.named(options.reference)
    checks = Checks()
    checks.settings(options)
    checks.video(options.hybrid)
    checks.video(options.reference)
    if options.json:
        checks.file(options.json, "--json")
    checks(require_other_output, options, "json")
    checks.done()
    decoder = HybridDecoder(options.hybrid, options.mode, options.threads)
    source = Original(options.reference, options.hybrid, decoder.scale, despite(options))
    frames: list[dict[str, dict[str, float]]] = []
    names: list[dict[str, int | str]] = []
    console = entry.console()
    with Progress(console) as progress:
        task = progress.add_task("frames", total=None)
        timed = ((frame, frame.pts * decoder.info.time_base - source.begin) for frame in decoder)
        for number, (frame, original) in enumerate(source.beside(timed)):
            progress.advance(task)
            if number % options.every:
                continue
            rows, columns = frame.picture.y.shape
            size = (columns, rows)
            pictures = {
                "hybrid": frame.picture,
                "bilinear": resize(frame.lr, size),
                "bicubic": resize(frame.lr, size, "BICUBIC"),
            }
            truth = scaled(original, size, frame.colors, options.reference)
            frames.append({name: compare(picture, truth) for name, picture in pictures.items()})
            names.append({"video_index": frame.video_index, "source": frame.source})
    if not frames:
        raise MediaError(f"{options.hybrid} and {options.reference} have no frame of the same time")
    mean = {name: average([frame[name] for frame in frames]) for name in METHODS}
    table = Table("", "luma PSNR, dB", "PSNR of all planes, dB", "luma SSIM", title=f"{len(frames)} frames")
    for name, figures in mean.items():
        table.add_row(name, f"{figures['psnr_y']:.2f}", f"{figures['psnr']:.2f}", f"{figures['ssim_y']:.4f}")
    console.print(table)
    for note in source.notes():
        console.print(note, style="yellow", soft_wrap=True)
    for index, reason in decoder.damaged[:10]:
        console.print(f"packet {index}: {reason}", style="yellow")
    if options.json:
        result = {
            "hybrid": options.hybrid,
            "reference": options.reference,
            "mode": options.mode,
            "left_out": source.left_out,
            "mean": mean,
            "frames": [name | frame for name, frame in zip(names, frames, strict=True)],
        }
        write_record(options.json, result)


def compare(picture: Yuv420, original: Yuv420) -> dict[str, float]:
    """PSNR of luma and of all planes (by their samples), and SSIM of luma."""
    errors = plane_errors(picture.planes, original.planes)
    return {"psnr_y": errors.psnr_y, "psnr": errors.psnr, "ssim_y": ssim(picture.y, original.y)}


def average(frames: list[dict[str, float]]) -> dict[str, float]:
    """Mean of each figure."""
    return {key: float(np.mean([frame[key] for frame in frames])) for key in frames[0]}


if __name__ == "__main__":
    sys.exit(main())
