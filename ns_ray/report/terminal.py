"""The terminal, or a pipe or log in its place: tables hold in its width, lines of text are never broken."""

from collections.abc import Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

WIDTH = 80
"""Columns of what is no terminal."""
_PROSE = 24
"""Columns from which on a cell is prose, which may go on in a second line."""


class Terminal(Console):
    """Prints tables in parts where they are wider than it is, and text, which may hold a path, as it is."""

    def __init__(self, **how: Any) -> None:
        """As rich has it; of `WIDTH` columns where the output is no terminal."""
        super().__init__(**how)
        if not self.is_terminal:
            self.width = WIDTH

    def print(self, *objects: Any, **how: Any) -> None:
        """As rich has it, for what is neither a table nor text."""
        if all(isinstance(one, str | Text) for one in objects):
            how.setdefault("soft_wrap", True)
        shown: list[Any] = []
        for one in objects:
            shown += in_parts(one, self) if isinstance(one, Table) else [one]
        super().print(*shown, **how)


def in_parts(table: Table, console: Console) -> list[Table]:
    """A table as it is where the console is wide enough, else with headings and prose in several lines.

    Where that does not do, either, columns go on in a table below, behind the first column (all first ones, where
    several have no heading).
    """
    if not table.columns or _measured(table, console).maximum <= console.width:
        return [table]
    texts = [[_text(cell) for cell in column.cells] for column in table.columns]
    keys = next((i for i, column in enumerate(table.columns) if str(_text(column.header))), 0) or 1
    parts: list[Table] = []
    taken: list[int] = []
    for index in range(keys, len(table.columns)):
        wider = _part(table, texts, [*range(keys), *taken, index], first=not parts)
        if taken and _measured(wider, console).minimum > console.width:
            parts.append(_part(table, texts, [*range(keys), *taken], first=not parts))
            taken = []
        taken.append(index)
    return [*parts, _part(table, texts, [*range(keys), *taken], first=not parts)]


def _part(table: Table, texts: Sequence[Sequence[Text]], chosen: Sequence[int], first: bool) -> Table:
    """Some columns of a table, the figures as wide as they are, prose as narrow as its words."""
    part = Table(
        title=table.title if first else None,
        caption=table.caption if first else None,
        box=table.box,
        show_header=table.show_header,
        show_edge=table.show_edge,
        pad_edge=table.pad_edge,
        padding=table.padding,
        title_justify=table.title_justify,
        caption_justify=table.caption_justify,
        title_style=table.title_style,
    )
    for index in chosen:
        column = table.columns[index]
        word, line = _widths(texts[index])
        heading, _ = _widths([_text(column.header)])
        part.add_column(
            column.header,
            justify=column.justify,
            style=column.style,
            width=None if line > _PROSE else max(line, heading, column.min_width or 0),
            min_width=min(max(word, heading), _PROSE) if line > _PROSE else None,
            overflow="fold",
        )
    for row, of in zip(zip(*(texts[index] for index in chosen), strict=True), table.rows, strict=True):
        part.add_row(*row, style=of.style, end_section=of.end_section)
    return part


def _text(cell: Any) -> Text:
    return cell if isinstance(cell, Text) else Text.from_markup(str(cell))


def _widths(cells: Sequence[Text]) -> tuple[int, int]:
    """Of the longest word and of the longest line."""
    lines = [line for cell in cells for line in cell.plain.splitlines()]
    words = [word for line in lines for word in line.split()]
    return max(map(cell_len, words), default=0), max(map(cell_len, lines), default=0)


def _measured(table: Table, console: Console) -> Measurement:
    """What it would like to have: its least width and the one in which no line is broken."""
    wide = console.options.update(width=10_000, max_width=10_000)
    return Measurement.get(console, wide, table)
