"""What a benchmark run found, for people: tables for the terminal and one HTML file that needs nothing else.

    python -m ns_ray.report.html benchmark.json -o report.html

makes the report of a finished run anew.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich import box
from rich.table import Table
from rich.text import Text

from ns_ray.errors import NsRayError, ResultError
from ns_ray.report.admission import admission_grid, lowered_line
from ns_ray.report.page import folded, grid_html, link, links, list_html, page, text
from ns_ray.report.picture_section import picture_line, picture_section
from ns_ray.report.plots import plots
from ns_ray.report.results import BenchmarkResult
from ns_ray.report.stream_labels import stream_labels
from ns_ray.report.tables import (
    Grid,
    Row,
    clean,
    flatten,
    gain_line,
    methods_grid,
    notes_grid,
    overall_grid,
    pace_grid,
    problems_grid,
    profile_grid,
    quality_grid,
    stage_latency_grid,
    stages_grid,
    streams_grid,
    verdict,
)
from ns_ray.report.terminal import Terminal
from ns_ray.whole_file import write_whole

TERMINAL_ROWS = 20
PROBLEM_ROWS = 12

_TONES = {"": "", "good": "green", "bad": "red", "total": "bold"}


def tables(result: BenchmarkResult) -> list[Table]:
    """For a terminal of 80 columns: the picture, streams, what limits, the run as a whole, other methods, problems."""
    grids = [
        quality_grid(result),
        streams_grid(result, TERMINAL_ROWS),
        profile_grid(result),
        pace_grid(result, TERMINAL_ROWS),
        overall_grid(result),
        admission_grid(result),
        methods_grid(result),
        notes_grid(result),
    ]
    problems = problems_grid(result)
    more = len(problems.rows) - TERMINAL_ROWS
    if more > 0:
        problems.rows[TERMINAL_ROWS:] = [Row(((f"and {more} more",), ("",), ("",)), "total")]
    return [_table(grid) for grid in (*grids, problems) if grid.rows]


def write_report(result: BenchmarkResult, path: Path, source: Path | None = None) -> None:
    """Write the HTML report.

    Args:
        result: the run.
        path: the file to write.
        source: the JSON file that holds the run; `benchmark.json` beside the report by default.
    """
    source = source or path.with_name("benchmark.json")
    page = _page(result, Path(os.path.relpath(source, path.parent)).as_posix(), source.parent)
    write_whole(path, page.encode())


def load_result(path: Path) -> BenchmarkResult:
    """Read benchmark.json.

    Raises:
        ResultError: the file cannot be read or holds something else.
    """
    try:
        return BenchmarkResult.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise ResultError(f"{path}: cannot be read ({error})") from error
    except ResultError as error:
        raise ResultError(f"{path}: {error}") from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Make a report from a benchmark.json."""
    parser = argparse.ArgumentParser(prog="python -m ns_ray.report.html", description=main.__doc__)
    parser.add_argument("source", type=Path, metavar="benchmark.json", help="the result of a run")
    parser.add_argument("-o", "--output", type=Path, help="the report (default: report.html beside the result)")
    options = parser.parse_args(arguments)
    output = options.output or options.source.with_name("report.html")
    try:
        result = load_result(options.source)
        write_report(result, output, options.source)
    except (NsRayError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    console = Terminal()
    for table in tables(result):
        console.print(table)
    if result.picture.quality is None:
        console.print(Text(f"picture: {picture_line(result.picture)}"))
    console.print(Text(f"report: {output}"))
    return 0


def _table(grid: Grid) -> Table:
    table = Table(
        title=f"\n{grid.title}",
        title_justify="left",
        title_style="bold",
        caption=grid.note or None,
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    tall = any(column.parts for column in grid.columns)
    for i, column in enumerate(grid.columns):
        title = column.short or column.title
        for number, part in enumerate(column.parts or ("",)):
            heading = f"{'' if number else title}\n{part}" if column.parts else f"\n{title}" if tall else title
            table.add_column(
                Text(heading),
                justify="right" if column.numeric else "left",
                overflow="fold",
                no_wrap=column.numeric,
                min_width=8 if i == 0 else None,
            )
    for row in grid.rows:
        if row.tone == "total":
            table.add_section()
        table.add_row(*(Text(clean(part)) for cell in row.cells for part in cell), style=_TONES[row.tone])
    return table


def _page(result: BenchmarkResult, source: str, folder: Path) -> str:
    said = verdict(result)
    detail = f"{said.detail} {lowered_line(result)}".strip()
    problems = problems_grid(result)
    told = result.options
    if result.told is not None:
        told = {name: value for name, value in told.items() if name in result.told}
    quality = quality_grid(result)
    figures = grid_html(quality) if quality.rows else ""
    gained = f'<p class="gain">{text(gain_line(result))}</p>' if quality.rows else ""
    sections = [
        f'<header class="{said.tone}"><h1>{text(said.headline)}</h1>{gained}<p>{text(detail)}</p></header>',
        picture_section(result.picture, stream_labels(result.streams), folder, figures),
    ]
    if problems.rows:
        more = replace(problems, title=f"{len(problems.rows) - PROBLEM_ROWS} more", rows=problems.rows[PROBLEM_ROWS:])
        problems.rows[PROBLEM_ROWS:] = []
        rest = folded(more) if more.rows else ""
        sections.append(f'<section class="problems">{grid_html(problems)}{rest}</section>')
    sections.append(f"<section>{grid_html(streams_grid(result))}</section>")
    if result.epochs:
        sections.append(f"<section>{grid_html(profile_grid(result))}</section>")
    for grid in (pace_grid(result), overall_grid(result), admission_grid(result), notes_grid(result)):
        sections.append(f"<section>{grid_html(grid)}</section>" if grid.rows else "")
    if result.against:
        others = ((other.method, other.report) for other in result.against)
        sections.append(f"<section>{grid_html(methods_grid(result))}{links('Their own reports', others)}</section>")
    drawn = plots(result)
    sections.extend(
        f"<figure><h2>{text(plot.title)}</h2>{plot.svg}<figcaption>{text(plot.caption)}</figcaption></figure>"
        for plot in drawn
    )
    if not drawn:
        sections.append("<section><h2>Plots</h2><p>No stream came as far as an epoch: nothing to draw.</p></section>")
    if result.epochs:
        sections.append(f"<section>{grid_html(stages_grid(result))}</section>")
        sections.append(f"<section>{folded(stage_latency_grid(result))}</section>")
    sections.append(
        '<section><h2>What was run</h2><div class="lists">'
        + list_html("Options" if result.told is None else "Options that were set", flatten(told))
        + list_html("Engine", ((name, str(engine)) for name, engine in result.engines.items()))
        + list_html("Host", flatten(result.host))
        + "</div></section>"
    )
    sections.append(f"<section>{list_html('Configuration', flatten(result.config), '')}</section>")
    sections.append(f"<footer>Every number and plot here comes from {link(source, source)}.</footer>")
    return page(said.headline, detail, sections)


if __name__ == "__main__":
    sys.exit(main())
