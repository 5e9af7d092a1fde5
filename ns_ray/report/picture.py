"""A plot as a picture of its own, beside the JSON it is made of."""

from io import BytesIO
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ns_ray.whole_file import write_whole


class Picture:
    """One plot.

    Attributes:
        axes: to draw on.
    """

    def __init__(self) -> None:
        self._figure = Figure(figsize=(8, 5), layout="constrained")
        self.axes: Axes = self._figure.add_subplot()

    def write(self, path: Path) -> None:
        """Write it with a grid and a legend; the suffix says in which format."""
        self.axes.grid(alpha=0.3)
        self.axes.legend(fontsize="small")
        path.parent.mkdir(parents=True, exist_ok=True)
        written = BytesIO()
        self._figure.savefig(written, dpi=150, format=path.suffix[1:])
        write_whole(path, written.getvalue())
