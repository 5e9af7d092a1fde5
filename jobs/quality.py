"""Measure a hybrid stream's picture: PSNR and SSIM of its frames against a reference, upscaling beside it."""

import argparse
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import av
import av.error
import numpy as np
from av.container import InputContainer
from rich.progress import Progress
from rich.table import Table

from jobs.cli import entry
from ns_ray.client.decoder import HybridDecoder
from ns_ray.client.rebuild import HrFrame
from ns_ray.config.load import load_config
from ns_ray.errors import MediaError
from ns_ray.evaluation.original import scaled
from ns_ray.metrics.psnr import plane_errors
from ns_ray.metrics.ssim import ssim
from ns_ray.picture.yuv import Yuv420, resize
from ns_ray.video.probe import open_input
from ns_ray.whole_file import write_record

METHODS = ("hybrid", "bilinear", "bicubic")


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = entry.parser(__doc__)
    add = parser.add_argument
    add("hybrid", metavar="HYBRID", help="the hybrid stream")
    add("--reference", required=True, metavar="HR", help="the original video; a larger one is scaled down (bicubic)")
    add("--mode", choices=("best", "plain"), default="best", help="plain is reuse as published")
    add("--every", type=int, default=1, metavar="N", help="compare one frame in N")
    add("--threads", type=int, default=1, metavar="N", help="threads of the reconstruction")
    add("--json", type=Path, metavar="OUT", help="where to write every frame's figures")
    options = parser.parse_args(argv)
    if options.every < 1:
        parser.error("--every must be 1 or more")
    return options


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return entry.run(lambda: measure(options))


def measure(options: argparse.Namespace) -> None:
    """Compare frame by frame and write the figures.

    Raises:
        NsRayError: a video cannot be read, or they share no frame.
    """
    load_config(options.config, options.set)  # for what is wrong with it: measuring needs no setting
    decoder = HybridDecoder(options.hybrid, options.mode, options.threads)
    frames: list[dict[str, dict[str, float]]] = []
    names: list[dict[str, int | str]] = []
    console = entry.console()
    with Progress(console=console, transient=True) as progress, open_input(options.reference) as source:
        task = progress.add_task("frames", total=None)
        for number, (frame, original) in enumerate(together(decoder, source, options.reference)):
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
        raise MediaError(f"{options.hybrid} and {options.reference} have no frame in common; is either empty?")
    mean = {name: average([frame[name] for frame in frames]) for name in METHODS}
    table = Table("", "luma PSNR, dB", "PSNR of all planes, dB", "luma SSIM", title=f"{len(frames)} frames")
    for name, figures in mean.items():
        table.add_row(name, f"{figures['psnr_y']:.2f}", f"{figures['psnr']:.2f}", f"{figures['ssim_y']:.4f}")
    console.print(table)
    for index, reason in decoder.damaged[:10]:
        console.print(f"packet {index}: {reason}", style="yellow")
    if options.json:
        result = {
            "hybrid": options.hybrid,
            "reference": options.reference,
            "mode": options.mode,
            "mean": mean,
            "frames": [name | frame for name, frame in zip(names, frames, strict=True)],
        }
        write_record(options.json, result)


def together(decoder: HybridDecoder, source: InputContainer, path: str) -> Iterator[tuple[HrFrame, av.VideoFrame]]:
    """Each frame with that of the reference, which has also those that come before the first that can be decoded.

    Raises:
        MediaError: the reference, a file of that path, is damaged.
    """
    originals = source.decode(video=0)
    missed = 0
    for frame in decoder:
        try:
            original = next(islice(originals, decoder.missed - missed, None), None)
        except av.error.FFmpegError as error:
            raise MediaError(
                f"{path}: the reference cannot be decoded up to frame {frame.video_index} ({error})"
            ) from error
        missed = decoder.missed
        if original is None:
            return
        yield frame, original


def compare(picture: Yuv420, original: Yuv420) -> dict[str, float]:
    """PSNR of luma and of all planes (by their samples), and SSIM of luma."""
    errors = plane_errors(picture.planes, original.planes)
    return {"psnr_y": errors.psnr_y, "psnr": errors.psnr, "ssim_y": ssim(picture.y, original.y)}


def average(frames: list[dict[str, float]]) -> dict[str, float]:
    """Mean of each figure."""
    return {key: float(np.mean([frame[key] for frame in frames])) for key in frames[0]}


if __name__ == "__main__":
    sys.exit(main())
