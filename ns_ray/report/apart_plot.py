"""The plot of what is lost where anchors are chosen for each GPU's streams alone."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from ns_ray.report.picture import Picture

WAYS = {"alike": "#d55e00", "random": "#0072b2", "spread": "#009e73"}
TITLES = {"alike": "those alike together", "random": "at random", "spread": "those alike apart"}
MODES = {"plain": "#e69f00", "best": "#0072b2"}


def draw(simulated: Mapping[str, Any], seen: Mapping[str, Any] | None, path: Path) -> None:
    """Draw what jobs/study.py found.

    Args:
        simulated: of many streams, by the proxy.
        seen: of the contents themselves, in dB; None where that was not measured.
        path: the picture to write; the suffix says which format.
    """
    picture = Picture(1, 2 if seen else 1)
    _simulated(picture.panels[0], simulated)
    if seen:
        _seen(picture.panels[1], seen)
    picture.write(path)


def _simulated(axes: Axes, simulated: Mapping[str, Any]) -> None:
    lines: defaultdict[str, list[tuple[int, float, float]]] = defaultdict(list)
    for row in simulated["apart"]:
        lines[row["way"]].append((row["gpus"], 100 * row["lost"], 100 * row["most_lost"]))
    for way, colour in WAYS.items():
        gpus, lost, most = zip(*sorted(lines[way]), strict=True)
        axes.plot(gpus, lost, color=colour, marker="o", label=f"streams placed {TITLES[way]}")
        if way == "random":
            axes.plot(gpus, most, color=colour, linestyle=":", label="the worst draw")
    axes.set_xticks(sorted({row["gpus"] for row in simulated["apart"]}))
    axes.set_title(f"by the proxy, {simulated['streams']} streams", fontsize="medium")
    axes.set_xlabel("GPUs, each choosing for its own streams")
    axes.set_ylabel("of the gain of one choice for all, lost, %")
    axes.set_ylim(min(0, axes.get_ylim()[0]), None)


def _seen(axes: Axes, seen: Mapping[str, Any]) -> None:
    for mode, colour in MODES.items():
        x = [100 * row["proxy_lost"] for row in seen["apart"]]
        axes.plot(x, [row[mode] for row in seen["apart"]], "o", color=colour, alpha=0.6, label=f"{mode} mode")
    axes.axhline(0, color="#999999", linewidth=1)
    axes.set_title("seen, a dot a placement of the contents", fontsize="medium")
    axes.set_xlabel("lost by the proxy, %")
    axes.set_ylabel("luma lost, mean of the streams, dB")
