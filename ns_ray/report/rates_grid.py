"""What `jobs/rate_distortion.py` measured, as tables: every way to send, and hybrid streams beside others."""

from collections.abc import Mapping, Sequence
from typing import Any

from ns_ray.evaluation.equal_rate import at_rate
from ns_ray.report.tables import NOTHING, Column, Grid, Row

HYBRID = "hybrid"
_FIGURES = {
    "psnr_y": ("luma PSNR", 2),
    "psnr": ("all planes", 2),
    "ssim_y": ("SSIM", 4),
    "vmaf_v1": ("VMAF v1", 1),
    "vmaf_neg": ("NEG 4K", 1),
    "flicker": ("flicker", 2),
    "flicker_anchors": ("at anchors", 2),
}
_COMPARED = ("psnr_y", "psnr", "ssim_y", "vmaf_v1", "vmaf_neg")


def rates_grid(content: str, measured: Mapping[str, Any]) -> Grid:
    """All ways, each with what it takes and what it shows.

    Args:
        content: its name.
        measured: the document.
    """
    titles = [title for title, _ in _FIGURES.values()]
    columns = [
        Column("sent", numeric=False),
        Column("setting", numeric=False),
        Column("Mbit/s"),
        Column("of it anchors"),
    ]
    columns += [*map(Column, titles), Column("DNN, s a stream-hour")]
    grid = Grid(f"Quality over rate, {content}", tuple(columns))
    for row in sorted(measured["rows"], key=lambda row: (row["way"], row["mbps"] or 0)):
        cells = [row["way"], row["setting"], _told(row["mbps"], 2), _told(row.get("anchors_mbps"), 2)]
        cells += [_told(row.get(name), digits) for name, (_, digits) in _FIGURES.items()]
        grid.rows.append(Row(tuple((cell,) for cell in (*cells, _told(row.get("dnn_seconds_an_hour"), 0)))))
    grid.note = (
        f"Of {measured['frames']} frames, in best mode; Mbit are of 10^6 bits. VMAF and SSIM are libvmaf's; flicker is "
        "by how many levels of luma the error changes from frame to frame. The DNN's seconds are those of this machine."
    )
    return grid


def equal_rates_grid(measured: Mapping[str, Any]) -> Grid:
    """Each hybrid stream less what the other ways show at its rate, where that was measured."""
    rows: Sequence[Mapping[str, Any]] = measured["rows"]
    figures = [name for name in _COMPARED if rows[0].get(name) is not None]
    ways = dict.fromkeys(row["way"] for row in rows if row["mbps"] and "kbit/s" in row["setting"])
    columns = [Column("hybrid, less", numeric=False), Column("at its rate", numeric=False)]
    grid = Grid("At equal rate", (*columns, *(Column(_FIGURES[name][0]) for name in figures)))
    for row in rows:
        for way in ways if row["way"].startswith(HYBRID) else ():
            others = [other for other in rows if other["way"] == way]
            cells = [f"{row['setting']}, {row['mbps']:.2f} Mbit/s", way]
            for name in figures:
                same = at_rate([(other["mbps"], other[name]) for other in others], row["mbps"])
                cells.append(NOTHING if same is None else f"{row[name] - same:+.{_FIGURES[name][1]}f}")
            if any(cell != NOTHING for cell in cells[2:]):
                lost = cells[2].startswith("-")
                grid.rows.append(Row(tuple((cell,) for cell in cells), "bad" if lost else ""))
    grid.note = "Above 0 the hybrid stream is better. Rates at which another way was not measured are left out."
    return grid


def _told(value: float | None, digits: int) -> str:
    return NOTHING if value is None else f"{value:.{digits}f}"
