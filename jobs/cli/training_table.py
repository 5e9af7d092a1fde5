"""What trainings say on the terminal: what they came to, and what they do without."""

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table

from ns_ray.sr.training_log import have_tensorboard


def training_table(records: Iterable[tuple[str, dict[str, Any]]]) -> Table:
    """A row for each model and pool of frames held out, of records as `training.json` holds them, with titles."""
    table = Table(title="luma PSNR of frames never trained on, dB")
    for column in ("trained on", "model", "frames", "bicubic", "at the start", "trained", "over bicubic", "over start"):
        table.add_column(column)
    table.add_column("patches/s")
    table.add_column("GPU")
    for title, record in records:
        used = record["gpu"].get("utilisation_percent")
        speed = [f"{record['patches_per_second']:,.0f}", "" if used is None else f"{used:.0f} %"]
        for model, final in record["final"].items():
            start = record["baseline"].get(model, {})
            for pool, psnr in final["psnr"].items():
                bicubic = record["baseline"]["bicubic"][pool]
                gain = [f"{start[pool]:.2f}", f"{psnr - start[pool]:+.2f}"] if start else ["", ""]
                figures = [f"{bicubic:.2f}", gain[0], f"{psnr:.2f}", f"{psnr - bicubic:+.2f}", gain[1]]
                table.add_row(title, model, pool, *figures, *speed)
            if not final["psnr"]:
                table.add_row(title, model, "none held out", *[""] * 5, *speed)
    return table


def warn_without_tensorboard(console: Console) -> None:
    """Say so where TensorBoard logs cannot be written."""
    if not have_tensorboard():
        console.print("no TensorBoard logs: the package tensorboard is not installed (extra `train`)", style="yellow")
