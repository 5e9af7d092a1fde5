"""An HTML page that needs nothing else: its frame and style, and tables, lists and links in it."""

import re
from collections.abc import Iterable
from html import escape
from urllib.parse import quote

from ns_ray.report.tables import Column, Grid, clean

_JOINT = re.compile(r"([/_])(?=\w)")
_OPTION = re.compile(r"(?<!\S)(--?\w)")


def page(title: str, description: str, sections: Iterable[str]) -> str:
    """The whole page; `title` and `description` are text, `sections` HTML."""
    return _TEMPLATE.format(title=text(title), style=_STYLE, description=text(description), body="\n".join(sections))


def grid_html(grid: Grid) -> str:
    """A table under its title."""
    return f"<h2>{text(grid.title)}</h2>{_html_table(grid)}"


def folded(grid: Grid) -> str:
    """A table that is shown when its title is clicked."""
    return f"<details><summary>{text(grid.title)}</summary>{_html_table(grid)}</details>"


def _html_table(grid: Grid) -> str:
    tall = any(column.parts for column in grid.columns)
    top = "".join(_heading(column, tall) for column in grid.columns)
    parts = "".join(f'<th scope="col">{text(part)}</th>' for column in grid.columns for part in column.parts)
    head = f"<tr>{top}</tr>" + (f"<tr>{parts}</tr>" if tall else "")
    if not any(column.title for column in grid.columns[:1]):
        head = ""
    note = f'<p class="note">{text(grid.note)}</p>' if grid.note else ""
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
    return f'<th scope="col"{span}{kind}>{text(column.title)}</th>'


def _cells(column: Column, texts: Iterable[str]) -> str:
    if column.numeric:
        return "".join(f"<td>{text(one)}</td>" for one in texts)
    return "".join(f'<td class="words">{_breakable(text(one))}</td>' for one in texts)


def _breakable(html: str) -> str:
    """Text that may go on in a new line behind the slashes and underscores of paths, not behind an option's dashes."""
    return _OPTION.sub(r'<span class="whole">\1</span>', _JOINT.sub(r"\1<wbr>", html))


def list_html(title: str, pairs: Iterable[tuple[str, str]], state: str = " open") -> str:
    """Names and their texts, folded away where `state` is empty; nothing where there are none."""
    items = "".join(f"<dt>{text(name)}</dt><dd>{text(words)}</dd>" for name, words in pairs)
    return f"<details{state}><summary>{title}</summary><dl>{items}</dl></details>" if items else ""


def links(title: str, targets: Iterable[tuple[str, str]]) -> str:
    """A line of links, from their names and addresses."""
    return f'<p class="note">{text(title)}: {", ".join(link(name, path) for name, path in targets)}</p>'


def link(name: str, path: str) -> str:
    """A link to a file, by its path from the page's folder."""
    return f'<a href="{escape(quote(path))}">{text(name)}</a>'


def text(words: str) -> str:
    """Text as HTML."""
    return escape(clean(words))


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
header p { margin: .4rem 0 0; } header .gain { font-weight: 600; }
header.good { border-color: var(--good); } header.good h1 { color: var(--good); }
header.bad { border-color: var(--bad); } header.bad h1 { color: var(--bad); }
section, figure { margin: 2.2rem 0; }
.problems { padding: 1rem 1.25rem; border-left: 6px solid var(--bad); background: var(--bad-panel); }
.crops { display: grid; grid-template-columns: repeat(3, minmax(0, max-content)); gap: .5rem; margin: .3rem 0 1.4rem; }
.crops figure { margin: 0; } .crops img { display: block; max-width: 100%; height: auto; image-rendering: pixelated; }
.crops ~ h2 { margin-top: .6rem; } .crops b { display: block; color: var(--ink); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { padding: .22rem .5rem; text-align: right; vertical-align: top; white-space: nowrap; }
th { font-weight: 600; color: var(--soft); vertical-align: bottom; }
th[colspan] { text-align: center; }
.words { max-width: 40em; text-align: left; white-space: pre-wrap; overflow-wrap: break-word; }
.whole { white-space: nowrap; } .wide + h2 { margin-top: 1.6rem; }
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
