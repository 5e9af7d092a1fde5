"""What the report tells of streams that there was no time for."""

from synthetic_results import make_result

from ns_ray.report.admission import ROWS, admission_grid, lowered_line
from ns_ray.report.html import tables, write_report
from ns_ray.report.results import AdmissionResult, BenchmarkResult, Standing


def _result(*factors: float, refused: int = 0) -> BenchmarkResult:
    standings = [
        Standing(10.0 * at, "overload" if at else "streams", one, 9.0, 9.0 * one, 8, 2, 0.5, refused)
        for at, one in enumerate(factors)
    ]
    return make_result(admission=AdmissionResult("degrade", 0.01, standings))


def test_nothing_is_said_where_all_were_let_in_without_a_question() -> None:
    result = make_result()
    assert (lowered_line(result), admission_grid(result).rows) == ("", [])


def test_what_was_asked_and_what_there_was() -> None:
    grid = admission_grid(_result(1.0, 0.6, 0.75, refused=2))
    assert [row.cells[3] for row in grid.rows] == [("9.00", "9.00"), ("9.00", "5.40"), ("9.00", "6.75")]
    assert [row.cells[4] for row in grid.rows] == [("100",), ("60",), ("75",)]
    assert [row.tone for row in grid.rows] == ["", "bad", "bad"]
    assert "2 streams refused" in grid.note
    assert "to 60 % of what was asked at the least and 75 % at the end" in grid.note


def test_of_many_changes_the_largest_are_shown_in_order() -> None:
    grid = admission_grid(_result(*[1.0] * 20, 0.3, *[0.31] * 20))
    assert len(grid.rows) == ROWS
    seconds = [float(row.cells[0][0]) for row in grid.rows]
    assert seconds == sorted(seconds)
    assert 200.0 in seconds


def test_it_is_in_the_terminal_on_the_page_and_in_the_file(tmp_path) -> None:
    result = _result(0.6)
    assert any("Admission" in str(table.title) for table in tables(result))
    write_report(result, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert page.count("Fractions were lowered, to 60 %") >= 2
    assert BenchmarkResult.from_json(result.to_json()).admission == result.admission
