"""Tables and text on a terminal, or where there is none."""

import io
from typing import Any

from rich.table import Table

from ns_ray.report.terminal import Terminal


def shown(*objects: object, **how: Any) -> list[str]:
    out = io.StringIO()
    Terminal(file=out, **how).print(*objects)
    return out.getvalue().splitlines()


def wide() -> Table:
    table = Table("way", *(f"the figure number {i}" for i in range(12)), title="figures")
    for way in ("neuroscaler, best, 20.0%", "SR on all"):
        table.add_row(way, *(f"+{i}.2345" for i in range(12)))
    return table


def test_a_wide_table_goes_on_below_with_its_first_column_and_whole_figures():
    lines = shown(wide())
    assert max(map(len, lines)) <= 80
    parts = [line for line in lines if "neuroscaler, best, 20.0%" in line]
    assert len(parts) > 1
    words = " ".join(lines).split()
    assert all(words.count(f"+{i}.2345") == 2 for i in range(12))
    assert all(words.count(word) >= 12 for word in ("the", "figure", "number"))
    assert "…" not in "".join(lines)


def test_a_terminal_that_is_wide_enough_shows_it_as_it_is():
    assert sum("SR on all" in line for line in shown(wide(), width=400, force_terminal=True, color_system=None)) == 1


def test_prose_goes_on_in_a_second_line_and_columns_without_heading_stay_first():
    table = Table("", "", "Mbit/s", "why")
    table.add_row("hybrid: jpeg", "jpeg:90", "1.25", "a sentence of many words " * 5)
    lines = shown(table)
    assert max(map(len, lines)) <= 80
    assert sum("hybrid: jpeg" in line for line in lines) == 1
    assert len(lines) > 5


def test_lines_of_text_stay_whole():
    assert shown("a/path" * 40) == ["a/path" * 40]
