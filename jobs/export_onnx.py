"""Exports a model as ONNX files, for one LR size and for any, and checks each against PyTorch on real frames.

    python jobs/export_onnx.py -m EDSR_B8_F32_S3 -l 720               the weights that ship
    python jobs/export_onnx.py -c lol0 -l 720 -m edsr -b 8 -f 32 -s 3   those trained on a content
    python jobs/export_onnx.py -c lol0 -l 720 -m edsr -b 8 -f 32 -e 20   those after epoch 20, as published

Writes <model>/1280x720_fp16.onnx, dynamic_fp16.onnx, 1280x720_fp32.onnx, dynamic_fp32.onnx and export.json below
RESULT_DIR/<content>/checkpoint/<training video>, or RESULT_DIR/generic. A file whose output is not over 60 dB (fp32)
or 45 dB (fp16) from PyTorch's is not written; one that is there with the same weights is left as it is.
Exit status: 0 done, 1 failed (said why), 2 wrong usage.
"""

import argparse
import sys

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from jobs.cli import entry
from jobs.cli.model import Chosen, choose, model_parser
from ns_ray.sr.export import REQUIRED_DB, Exported, export, onnx_name
from ns_ray.sr.frames import spaced_frames
from ns_ray.sr.weights import load_weights
from ns_ray.whole_file import write_record

_SHAPES = ("fixed", "dynamic")


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = model_parser(__doc__)
    add = parser.add_argument
    add("--precision", nargs="+", choices=tuple(REQUIRED_DB), default=list(REQUIRED_DB), help="precisions to export")
    add("--shapes", nargs="+", choices=_SHAPES, default=list(_SHAPES), help="for the LR size alone, for any size")
    add("--count", type=int, default=2, metavar="N", help="frames to check on")
    options = parser.parse_args(argv)
    if options.count < 1:
        parser.error("--count must be at least 1")
    return options


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return entry.run(lambda: export_all(options))


def export_all(options: argparse.Namespace) -> None:
    """Export and check all files asked for.

    Raises:
        NsRayError: weights or frames are missing, or an export is not what PyTorch computes.
    """
    chosen = choose(options)
    weights = load_weights(chosen.spec, chosen.weights)
    frames = spaced_frames(chosen.video, options.count, chosen.size)
    console = entry.console()
    done = {}
    kinds = [(precision, shape) for precision in options.precision for shape in options.shapes]
    with Progress(console=console, transient=True) as bar:
        for precision, shape in bar.track(kinds, description="exporting"):
            size = chosen.size if shape == "fixed" else None
            path = chosen.models / onnx_name(precision, size)
            done[precision, shape] = export(chosen.spec, weights, path, frames, precision, size)
    _show(console, done)
    _record(chosen, done)


def _show(console: Console, done: dict[tuple[str, str], Exported]) -> None:
    table = Table("file", "PSNR to PyTorch, dB", "needed", "kB", "")
    for (precision, _), one in done.items():
        state = "written" if one.fresh else "was there"
        size = one.path.stat().st_size / 1000
        table.add_row(one.path.name, f"{one.psnr_db:.1f}", f"{REQUIRED_DB[precision]:g}", f"{size:.0f}", state)  # type: ignore[index]
    console.print(table)
    console.print(f"in {next(iter(done.values())).path.parent}", soft_wrap=True)


def _record(chosen: Chosen, done: dict[tuple[str, str], Exported]) -> None:
    files = [
        {"file": one.path.name, "precision": precision, "shape": shape, "psnr_db": one.psnr_db}
        for (precision, shape), one in done.items()
    ]
    record = {"model": chosen.spec.name, "weights": chosen.weights.name, "frames": chosen.video.name, "files": files}
    write_record(chosen.models / "export.json", record)


if __name__ == "__main__":
    sys.exit(main())
