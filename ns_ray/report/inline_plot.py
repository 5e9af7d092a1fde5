"""A plot as an SVG element inside an HTML page, whose text colours it takes over, light or dark."""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Replaced by the page's own colours.
INK, LINE = "#010203", "#040506"
WIDTH = 10.0

_STYLE: Any = {
    "axes.axisbelow": True,
    "axes.edgecolor": LINE,
    "axes.facecolor": "none",
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": "none",
    "font.size": 9,
    "grid.color": LINE,
    "grid.linewidth": 0.5,
    "legend.frameon": False,
    "savefig.facecolor": "none",
    "svg.fonttype": "none",
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": LINE,
    "xtick.labelcolor": INK,
    "ytick.color": LINE,
    "ytick.labelcolor": INK,
}


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture: its title, what one sees in it, and its SVG element."""

    title: str
    caption: str
    svg: str


@contextmanager
def drawing() -> Iterator[None]:
    """The style of all plots, while figures are made and plotted."""
    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def figure_of(height: float) -> tuple[Figure, Axes]:
    """An empty figure of the page's width and so many inches of height, and its axes."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.add_subplot()


def plot(title: str, caption: str, figure: Figure) -> Plot:
    """A finished figure for the page; made while `drawing`."""
    matplotlib.rcParams["svg.hashsalt"] = title
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", dpi=200, metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    return Plot(title, caption, _inline(buffer.getvalue(), title))


def _inline(document: str, label: str) -> str:
    """An SVG document as an element of a page, in its colours, without prologue, size and ids of groups."""
    start = document.index("<svg")
    end = document.index(">", start)
    box = re.search(r'viewBox="[^"]*"', document[start:end])
    body = re.sub(r"<metadata>.*?</metadata>", "", document[end + 1 :], flags=re.DOTALL)
    body = re.sub(r'<g id="[^"]*"', "<g", body)
    for colour, variable in ((INK, "var(--ink)"), (LINE, "var(--line)")):
        body = body.replace(f": {colour}", f": {variable}")
    return f'<svg {box[0] if box else ""} role="img" aria-label="{label}">{body}'
