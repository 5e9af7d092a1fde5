"""A plot as a picture of its own, beside the JSON it is made of."""

from io import BytesIO
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ns_ray.whole_file import write_whole


class Picture:
    """One plot, or several side by side.

    Attributes:
        panels: to draw on, row by row.
        axes: the first of them.
    """

    def __init__(self, rows: int = 1, columns: int = 1) -> None:
        size = (8, 5) if rows == columns == 1 else (6 * columns, 4 * rows)
        self._figure = Figure(figsize=size, layout="constrained")
        made = self._figure.subplots(rows, columns, squeeze=False)
        self.panels: tuple[Axes, ...] = tuple(made.flat)
        self.axes = self.panels[0]

    def write(self, path: Path, one_legend: bool = False) -> None:
        """Write it with grids, and legends where anything has a label; the suffix says in which format.

        Args:
            path: the picture.
            one_legend: below all panels, the first one's, in place of one on each.
        """
        for axes in self.panels:
            axes.grid(alpha=0.3)
            if not one_legend and axes.get_legend_handles_labels()[0]:
                axes.legend(fontsize="small")
        if one_legend:
            handles, labels = self.axes.get_legend_handles_labels()
            self._figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 8))
        path.parent.mkdir(parents=True, exist_ok=True)
        written = BytesIO()
        self._figure.savefig(written, dpi=150, format=path.suffix[1:])
        write_whole(path, written.getvalue())
