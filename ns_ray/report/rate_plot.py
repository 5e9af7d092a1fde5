"""The plot of quality over bitrate: neuroscaler by its share of anchors, the other methods at their published rates."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from ns_ray.report.curve_plot import COLOURS, LEVELS, LINES
from ns_ray.report.inline_plot import figure_of
from ns_ray.report.rate_distortion_plot import FIGURES

_OTHERS = {"per-frame": ("#d55e00", "s"), "selective": ("#aa4499", "^")}


def rate_figure(curves: Mapping[str, Any], quality: Mapping[str, Mapping[str, Any]], figure: str) -> Figure:
    """Draw it; made while `inline_plot.drawing`.

    Args:
        curves: what jobs/curves.py measured.
        quality: what jobs/measure_quality.py measured of the other methods, by target, on as many frames.
        figure: `psnr_y` or `psnr`.
    """
    made, axes = figure_of(4.2)
    for name, colour in LEVELS.items():
        label = "super-resolution of all frames, not compressed" if name == "full" else name
        axes.axhline(curves[name][figure], color=colour, linestyle=":", label=label)
    lines: defaultdict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for point in curves["points"]:
        lines[point["selection"], point["mode"]].append((point["size"]["all"], point[figure]))
    for (selection, mode), points in lines.items():
        x, y = zip(*sorted(points), strict=True)
        axes.plot(x, y, LINES[mode], color=COLOURS[selection], marker="o", label=f"{selection}, {mode} mode")
    for target, (colour, marker) in _OTHERS.items():
        if target in quality:
            one = quality[target]["methods"][target]
            axes.plot([one["size"]["all"]], [one[figure]], marker, color=colour, ms=9, label=f"{target}, encoded anew")
    axes.set_xlim(0, None)
    axes.set_xlabel("what is sent, Mbit/s of 2^20 bits")
    axes.set_ylabel(FIGURES[figure])
    axes.grid()
    made.legend(loc="outside right upper", handlelength=1.8)
    return made
