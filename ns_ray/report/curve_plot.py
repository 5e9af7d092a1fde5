"""The plot of quality over the share of anchors."""

from collections import defaultdict
from io import BytesIO
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from ns_ray.whole_file import write_whole

COLOURS = {"neuroscaler": "#0072b2", "published": "#cc79a7", "uniform": "#e69f00"}
LINES = {"best": "-", "plain": "--"}
LEVELS = {"bilinear": "#999999", "bicubic": "#666666", "full": "#009e73"}


def draw(result: dict[str, Any], path: Path) -> None:
    """Draw what jobs/curves.py measured.

    Args:
        result: its JSON.
        path: the picture to write; the suffix says which format.
    """
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    for name, colour in LEVELS.items():
        label = "super-resolution of all frames" if name == "full" else name
        axes.axhline(result[name]["psnr_y"], color=colour, linestyle=":", label=label)
    curves: defaultdict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for point in result["points"]:
        curves[point["selection"], point["mode"]].append((100 * point["fraction"], point["psnr_y"]))
    for (selection, mode), points in curves.items():
        x, y = zip(*sorted(points), strict=True)
        axes.plot(x, y, LINES[mode], color=COLOURS[selection], marker="o", label=f"{selection}, {mode} mode")
    axes.set_xlabel("anchors, % of the frames")
    axes.set_ylabel("luma PSNR, dB")
    axes.set_xlim(0, None)
    axes.set_title(f"{result['lr']}, {result['model']}, {len(result['full']['frames'])} frames")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = BytesIO()
    figure.savefig(picture, dpi=150, format=path.suffix[1:])
    write_whole(path, picture.getvalue())
