"""A model's ONNX files, exported, checked, recorded."""

import argparse

from rich.console import Console
from rich.table import Table

from ns_ray.jobs.cli import entry
from ns_ray.jobs.cli.model import Chosen
from ns_ray.jobs.cli.progress import Progress
from ns_ray.sr.export import REQUIRED_DB, Exported, export, onnx_name
from ns_ray.sr.frames import spaced_frames
from ns_ray.sr.weights import load_weights
from ns_ray.whole_file import write_record


def export_all(options: argparse.Namespace, chosen: Chosen) -> None:
    """Export and check all files asked for.

    Raises:
        NsRayError: weights or frames are missing, or an export is not what PyTorch computes.
    """
    weights = load_weights(chosen.spec, chosen.weights)
    frames = spaced_frames(chosen.video, options.count, chosen.size)
    console = entry.console()
    done = {}
    kinds = [(precision, shape) for precision in options.precision for shape in options.shapes]
    with Progress(console) as bar:
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
