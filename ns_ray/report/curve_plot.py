"""The plot of quality over the share of anchors."""

from collections import defaultdict
from pathlib import Path
from typing import Any

from ns_ray.report.picture import Picture
from ns_ray.report.rate_distortion_plot import FIGURES

COLOURS = {
    "neuroscaler": "#0072b2",
    "published": "#cc79a7",
    "published-quality": "#d55e00",
    "uniform": "#e69f00",
    "uniform-coded": "#56b4e9",
    "nemo": "#000000",
}
LINES = {"best": "-", "plain": "--"}
LEVELS = {"bilinear": "#999999", "bicubic": "#666666", "full": "#009e73"}


def draw(result: dict[str, Any], path: Path, figure: str = "psnr_y") -> None:
    """Draw what jobs/curves.py measured.

    Args:
        result: its JSON.
        path: the picture to write; the suffix says which format.
        figure: what to draw, one of FIGURES; points that lack it are left out.
    """
    picture = Picture()
    axes = picture.axes
    for name, colour in LEVELS.items():
        label = "super-resolution of all frames" if name == "full" else name
        axes.axhline(result[name][figure], color=colour, linestyle=":", label=label)
    curves: defaultdict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for point in (one for one in result["points"] if figure in one):
        curves[point["selection"], point["mode"]].append((100 * point["fraction"], point[figure]))
    for (selection, mode), points in curves.items():
        x, y = zip(*sorted(points), strict=True)
        axes.plot(x, y, LINES[mode], color=COLOURS[selection], marker="o", label=f"{selection}, {mode} mode")
    axes.set_xlabel("anchors, % of the frames")
    axes.set_ylabel(FIGURES[figure])
    axes.set_xlim(0, None)
    axes.set_title(f"{result['lr']}, {result['model']}, {len(result['full']['frames'])} frames")
    picture.write(path)
