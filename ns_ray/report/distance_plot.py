"""The plot of quality by the distance to the anchor."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ns_ray.evaluation.distance import SPANS
from ns_ray.report.content_colours import colours_of
from ns_ray.report.curve_plot import LINES
from ns_ray.report.picture import Picture
from ns_ray.report.proxy_plot import TITLES

LOWEST, HIGHEST = -100, 200
"""% of SR's gain; what lies beyond comes of frames where SR gains next to nothing."""
FIGURES = {"over_bilinear": "luma PSNR over bilinear, dB", "kept": "of SR's gain, %"}


def draw(contents: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """Draw what jobs/study.py measured: a column for each selection, a row for each figure.

    Args:
        contents: its JSON files, by name.
        path: the picture to write; the suffix says which format.
    """
    picture = Picture(len(FIGURES), len(TITLES))
    places = [(figure, selection) for figure in FIGURES for selection in TITLES]
    for axes, (figure, selection) in zip(picture.panels, places, strict=True):
        for name, colour in colours_of(contents).items():
            for mode, line in LINES.items():
                rows = contents[name]["selections"][selection][mode]["by_distance"]
                points = [(SPANS.index(row["since"]), row[figure]) for row in rows if row[figure] is not None]
                if points:
                    x, y = zip(*points, strict=True)
                    scaled = [100 * value for value in y] if figure == "kept" else y
                    label = name if mode == "best" else None
                    axes.plot(x, scaled, line, color=colour, marker=".", label=label)
        axes.axhline(0, color="#999999", linewidth=1)
        axes.set_xticks(range(len(SPANS)), SPANS)
        axes.set_title(f"{TITLES[selection]}; best mode, dashed: plain", fontsize="medium")
        axes.set_xlabel("frames since the last anchor, hidden ones too")
        axes.set_ylabel(FIGURES[figure])
        if figure == "kept":
            low, high = axes.get_ylim()
            axes.set_ylim(max(low, LOWEST), min(high, HIGHEST))
    picture.write(path, one_legend=True)
