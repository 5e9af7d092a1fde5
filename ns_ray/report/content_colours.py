"""A colour for each content, the same in all plots of a study."""

from collections.abc import Iterable
from itertools import cycle

_COLOURS = "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#000000", "#999999", "#aa4499", "#8c6d46"


def colours_of(contents: Iterable[str]) -> dict[str, str]:
    """By name; they begin again after ten."""
    return dict(zip(contents, cycle(_COLOURS), strict=False))
