"""What a benchmark run found, for people: tables for the terminal and one HTML file that needs nothing else.

    python -m ns_ray.report.html benchmark.json -o report.html

makes the report of a finished run anew.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from urllib.parse import quote

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ns_ray.errors import NsRayError, ResultError
from ns_ray.report.picture_section import picture_line, picture_section
from ns_ray.report.plots import plots
from ns_ray.report.results import BenchmarkResult
from ns_ray.report.tables import (
    Column,
    Grid,
    Row,
    clean,
    flatten,
    methods_grid,
    notes_grid,
    overall_grid,
    problems_grid,
    profile_grid,
    stage_latency_grid,
    stages_grid,
    streams_grid,
    verdict,
)
from ns_ray.whole_file import write_whole

TERMINAL_ROWS = 20
PROBLEM_ROWS = 12

_TONES = {"": "", "good": "green", "bad": "red", "total": "bold"}


def tables(result: BenchmarkResult) -> list[Table]:
    """For the terminal: the streams and notes on them, the run as a whole, other methods, what limits it, problems."""
    grids = [
        streams_grid(result, TERMINAL_ROWS),
        notes_grid(result),
        overall_grid(result),
        methods_grid(result),
        profile_grid(result),
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
    console = Console()
    for table in tables(result):
        console.print(table)
    console.print(Text(f"picture: {picture_line(result.picture)}"))
    console.print(Text(f"report: {output}"))
    return 0


def _table(grid: Grid) -> Table:
    table = Table(
        title=grid.title,
        title_justify="left",
        title_style="bold",
        caption=grid.note or None,
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for i, column in enumerate(grid.columns):
        table.add_column(
            Text(column.short or column.title),
            justify="right" if column.numeric else "left",
            overflow="fold",
            no_wrap=column.numeric,
            min_width=8 if i == 0 else None,
        )
    for row in grid.rows:
        if row.tone == "total":
            table.add_section()
        table.add_row(*(Text(clean("/".join(cell))) for cell in row.cells), style=_TONES[row.tone])
    return table


def _page(result: BenchmarkResult, source: str, folder: Path) -> str:
    said = verdict(result)
    problems = problems_grid(result)
    options = ", ".join(f"{name} {text}" for name, text in flatten(result.options))
    sections = [
        f'<header class="{"good" if said.good else "bad"}"><h1>{_text(said.headline)}</h1>'
        f"<p>{_text(said.detail)}</p></header>",
        picture_section(result.picture, folder),
    ]
    if problems.rows:
        more = replace(problems, title=f"{len(problems.rows) - PROBLEM_ROWS} more", rows=problems.rows[PROBLEM_ROWS:])
        problems.rows[PROBLEM_ROWS:] = []
        rest = _folded(more) if more.rows else ""
        sections.append(f'<section class="problems">{_grid(problems)}{rest}</section>')
    sections.append(
        '<section><h2>What was run</h2><div class="lists">'
        + _list("Options", flatten(result.options))
        + _list("Engine", ((name, str(engine)) for name, engine in result.engines.items()))
        + _list("Host", flatten(result.host))
        + "</div></section>"
    )
    notes = notes_grid(result)
    sections.append(f"<section>{_grid(streams_grid(result))}{_grid(notes) if notes.rows else ''}</section>")
    sections.append(f"<section>{_grid(overall_grid(result))}</section>")
    if result.against:
        links = ((other.method, other.report) for other in result.against)
        sections.append(f"<section>{_grid(methods_grid(result))}{_links('Their own reports', links)}</section>")
    if result.epochs:
        sections.append(f"<section>{_grid(profile_grid(result))}</section>")
    drawn = plots(result)
    sections.extend(
        f"<figure><h2>{_text(plot.title)}</h2>{plot.svg}<figcaption>{_text(plot.caption)}</figcaption></figure>"
        for plot in drawn
    )
    if not drawn:
        sections.append("<section><h2>Plots</h2><p>No stream came as far as an epoch: nothing to draw.</p></section>")
    if result.epochs:
        sections.append(f"<section>{_grid(stages_grid(result))}</section>")
        sections.append(f"<section>{_folded(stage_latency_grid(result))}</section>")
    sections.append(f"<section>{_list('Configuration', flatten(result.config), '')}</section>")
    sections.append(f"<footer>Every number and plot here comes from {_link(source, source)}.</footer>")
    return _TEMPLATE.format(
        title=_text(said.headline), style=_STYLE, description=_text(options), body="\n".join(sections)
    )


def _grid(grid: Grid) -> str:
    return f"<h2>{_text(grid.title)}</h2>{_html_table(grid)}"


def _folded(grid: Grid) -> str:
    return f"<details><summary>{_text(grid.title)}</summary>{_html_table(grid)}</details>"


def _html_table(grid: Grid) -> str:
    tall = any(column.parts for column in grid.columns)
    top = "".join(_heading(column, tall) for column in grid.columns)
    parts = "".join(f'<th scope="col">{_text(part)}</th>' for column in grid.columns for part in column.parts)
    head = f"<tr>{top}</tr>" + (f"<tr>{parts}</tr>" if tall else "")
    if not any(column.title for column in grid.columns[:1]):
        head = ""
    note = f'<p class="note">{_text(grid.note)}</p>' if grid.note else ""
    body = "".join(
        f'<tr class="{row.tone}">'
        + "".join(_cells(column, cell) for column, cell in zip(grid.columns, row.cells, strict=True))
        + "</tr>"
        for row in grid.rows
    )
    return f'<div class="wide"><table><thead>{head}</thead><tbody>{body}</tbody></table></div>{note}'


def _heading(column: Column, tall: bool) -> str:
    span = f' colspan="{len(column.parts)}"' if column.parts else ' rowspan="2"' if tall else ""
    kind = "" if column.numeric else ' class="words"'
    return f'<th scope="col"{span}{kind}>{_text(column.title)}</th>'


def _cells(column: Column, texts: Iterable[str]) -> str:
    kind = "" if column.numeric else ' class="words"'
    return "".join(f"<td{kind}>{_text(text)}</td>" for text in texts)


def _list(title: str, pairs: Iterable[tuple[str, str]], state: str = " open") -> str:
    items = "".join(f"<dt>{_text(name)}</dt><dd>{_text(text)}</dd>" for name, text in pairs)
    return f"<details{state}><summary>{title}</summary><dl>{items}</dl></details>" if items else ""


def _links(title: str, targets: Iterable[tuple[str, str]]) -> str:
    return f'<p class="note">{_text(title)}: {", ".join(_link(name, path) for name, path in targets)}</p>'


def _link(text: str, path: str) -> str:
    return f'<a href="{escape(quote(path))}">{_text(text)}</a>'


def _text(text: str) -> str:
    return escape(clean(text))


_TEMPLATE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="description" content="{description}">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""

_STYLE = """
:root { --ink: #1b2127; --soft: #5b6670; --line: #d4dae0; --page: #ffffff; --panel: #f5f7f9;
  --good: #00734f; --bad: #b84a00; --bad-panel: #fdf1e7; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8ec; --soft: #9aa6b1; --line: #39424b; --page: #14181c; --panel: #1d2329;
    --good: #3ccb9b; --bad: #ff9d57; --bad-panel: #33231a; } }
* { box-sizing: border-box; }
body { margin: 2rem auto; padding: 0 1.5rem; max-width: 82rem; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.7rem; line-height: 1.25; }
h2 { margin: 0 0 .5rem; font-size: 1.1rem; }
header { padding: 1rem 1.25rem; border-left: 6px solid; background: var(--panel); }
header p { margin: .4rem 0 0; }
header.good { border-color: var(--good); } header.good h1 { color: var(--good); }
header.bad { border-color: var(--bad); } header.bad h1 { color: var(--bad); }
section, figure { margin: 2.2rem 0; }
.problems { padding: 1rem 1.25rem; border-left: 6px solid var(--bad); background: var(--bad-panel); }
.crops { display: flex; flex-wrap: wrap; gap: .5rem; margin: .3rem 0 1.4rem; }
.crops figure { margin: 0; } .crops img { display: block; max-width: 100%; height: auto; image-rendering: pixelated; }
.crops b { display: block; color: var(--ink); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { padding: .22rem .5rem; text-align: right; vertical-align: top; white-space: nowrap; }
th { font-weight: 600; color: var(--soft); vertical-align: bottom; }
th[colspan] { text-align: center; }
.words { max-width: 40em; text-align: left; white-space: pre-wrap; overflow-wrap: anywhere; }
td.words { min-width: 5em; } td.words:first-child { min-width: 7em; }
thead tr:last-child th, thead th[rowspan] { border-bottom: 1px solid var(--line); }
tr.bad td.words { color: var(--bad); } tr.good td.words { color: var(--good); }
tr.total td { border-top: 1px solid var(--line); font-weight: 600; }
svg { display: block; width: 100%; height: auto; } svg text { font-family: inherit !important; }
figcaption, footer, .note { color: var(--soft); font-size: .9rem; }
summary { margin: .6rem 0; font-weight: 600; cursor: pointer; }
.lists { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 0 2rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1.2rem; margin: 0; font-size: .87rem; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; white-space: pre-wrap; }
a { color: inherit; }
@media print { body { margin: 0; } }
"""


if __name__ == "__main__":
    sys.exit(main())
