"""Whether there was time for all that streams asked for, in rows of text."""

from itertools import pairwise

from ns_ray.report.results import BenchmarkResult, Standing
from ns_ray.report.tables import Column, Grid, Row, number

ROWS = 12
_CAUSES = {
    "streams": "streams came or went",
    "enhancers": "enhancers came or went",
    "overload": "anchors were late, or are not any more",
}


def lowered_line(result: BenchmarkResult) -> str:
    """That fractions were lowered, in a sentence; empty where they were not."""
    admission = result.admission
    if admission is None or admission.lowest == 1:
        return ""
    last = admission.standings[-1].factor
    return (
        f"Fractions were lowered, to {100 * admission.lowest:.0f} % of what was asked at the least and "
        f"{100 * last:.0f} % at the end, as there was no time for more anchors."
    )


def admission_grid(result: BenchmarkResult) -> Grid:
    """What was asked for and what enhancers were counted on for, each time that changed; none where all were let in."""
    columns = (
        Column("from, s"),
        Column("streams"),
        Column("enhancers"),
        Column("anchors a second", ("asked", "counted on")),
        Column("fractions, %", short="fractions, %"),
        Column("because", numeric=False),
    )
    grid = Grid("Admission", columns)
    admission = result.admission
    if admission is None:
        return grid
    standings = _telling(admission.standings)
    for one in standings:
        cells = (
            (number(max(0.0, one.seconds)),),
            (str(one.streams),),
            (str(one.enhancers),),
            (number(one.asked), number(one.capacity)),
            (f"{100 * one.factor:.0f}",),
            (_CAUSES.get(one.cause, ""),),
        )
        grid.rows.append(Row(cells, "bad" if one.factor < 1 else ""))
    refused = max((one.refused for one in admission.standings), default=0)
    how = f"below {admission.floor:g} no fraction falls" if admission.mode == "degrade" else "no fraction is lowered"
    grid.note = f"Mode {admission.mode}: {how}; {refused} streams refused. {lowered_line(result)}".strip()
    return grid


def _telling(standings: list[Standing]) -> list[Standing]:
    """Some of the standings: the first, the last, and those of the largest changes between them, in their order."""
    if len(standings) <= ROWS:
        return standings
    changes = [abs(one.factor - before.factor) for before, one in pairwise(standings)]
    middle = sorted(range(1, len(standings) - 1), key=lambda at: -changes[at - 1])[: ROWS - 2]
    return [standings[at] for at in sorted({0, *middle, len(standings) - 1})]
