"""The plot of quality lost over residual bytes, a dot a frame."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.ticker import NullFormatter

from ns_ray.report.content_colours import colours_of
from ns_ray.report.picture import Picture

TITLES = {"neuroscaler": "anchors by gain", "key": "KEY frames alone"}


def draw(contents: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """Draw what jobs/study.py measured: a column for each selection, a row for each mode.

    Args:
        contents: its JSON files, by name.
        path: the picture to write; the suffix says which format.
    """
    modes = "plain", "best"
    picture = Picture(len(modes), len(TITLES))
    places = [(mode, selection) for mode in modes for selection in TITLES]
    for axes, (mode, selection) in zip(picture.panels, places, strict=True):
        for name, colour in colours_of(contents).items():
            found, told = contents[name]["frames"], contents[name]["selections"][selection][mode]["proxy"]
            mine = found[selection]
            rebuilt = np.array(mine["distances"]) > 0
            bytes_over = np.array(mine["residuals"])[rebuilt] / contents[name]["mean_frame_bytes"]
            lost = (np.array(found["full"]) - np.array(mine[mode]))[rebuilt]
            rank = "-" if told["spearman"] is None else f"{told['spearman']:.2f}"
            axes.plot(bytes_over, lost, ".", color=colour, ms=4, alpha=0.5, label=f"{name} ({rank})")
        axes.set_xscale("log")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_title(f"{TITLES[selection]}, {mode} mode (Spearman's coefficient)", fontsize="medium")
        axes.set_xlabel("residual since the anchor, mean frame sizes")
        axes.set_ylabel("luma lost against SR of the frame, dB")
    picture.write(path)
