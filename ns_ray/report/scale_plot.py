"""The plot of what merging costs over the number of streams."""

from pathlib import Path
from typing import Any

from ns_ray.report.picture import Picture

LINES = {
    "with_calls_ms": ("one scheduler", "#e69f00"),
    "merge_ms": ("without Ray's calls", "#0072b2"),
    "top_ms": ("one scheduler above regions", "#009e73"),
    "region_ms": ("each region", "#999999"),
}
LIMIT = "#d55e00"


def draw(result: dict[str, Any], path: Path) -> None:
    """Draw what jobs/simulate.py measured.

    Args:
        result: its JSON.
        path: the picture to write; the suffix says which format.
    """
    picture = Picture()
    axes = picture.axes
    streams = [one["streams"] for one in result["growth"]]
    for key, (label, colour) in LINES.items():
        axes.plot(streams, [one[key] for one in result["growth"]], color=colour, marker="o", label=label)
    limit = 1000 * result["slot_seconds"] * result["share"]
    axes.axhline(limit, color=LIMIT, linestyle=":", label=f"{result['share']:.0%} of a slot")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("streams")
    axes.set_ylabel("CPU time a slot, ms")
    axes.set_title(f"hosts of {result['host_streams']} streams, slots of {1000 * result['slot_seconds']:.0f} ms")
    picture.write(path)
