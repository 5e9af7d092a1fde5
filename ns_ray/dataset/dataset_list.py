"""The dataset list: which videos there are, as a published Excel table (.xls)."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import xlrd
from xlrd.sheet import Sheet

from ns_ray.errors import MediaError

NAME, URL, START = "Name", "URL", "Start"
_XLS = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # a compound file, which Excel 97 to 2003 writes
_NAMES = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Video:
    """One video: its numbered name (`lol0`), where it comes from (a URL or a path), and its first second of use."""

    name: str
    source: str
    start: float = 0.0


def read_list(path: Path) -> list[Video]:
    """Read a dataset list.

    The first row names the columns, in any order; Name, URL and Start have to be there, others are for people. Names
    are numbered from 0 in the order of the rows, so that a second `lol` is `lol1`. Rows without any text are skipped.
    A URL may be a path, which is relative to the list's folder.

    Raises:
        MediaError: the file is no .xls table, a column is missing, or a row lacks something; it says which.
    """
    sheet = _sheet(path)
    header = [_text(sheet, 0, column) for column in range(sheet.ncols)] if sheet.nrows else []
    missing = [name for name in (NAME, URL, START) if name not in header]
    if missing:
        raise MediaError(
            f"{path}: no column {' nor '.join(missing)}; the first row has to name {NAME}, {URL} and {START}, "
            f"but it reads {', '.join(filter(None, header)) or 'nothing'}"
        )
    videos: list[Video] = []
    seen: Counter[str] = Counter()
    for row in range(1, sheet.nrows):
        name, source, start = (_text(sheet, row, header.index(key)) for key in (NAME, URL, START))
        if not any(_text(sheet, row, column) for column in range(sheet.ncols)):
            continue
        where = f"{path}: row {row + 1}"
        if not _NAMES.fullmatch(name):
            raise MediaError(f"{where}: {NAME} is {name!r}, but it names folders; use letters, digits, _ and -")
        if not source:
            raise MediaError(f"{where}: {URL} is empty; give a URL, or the path of a local file")
        if "://" not in source:
            source = str(path.parent / source)
        videos.append(Video(f"{name}{seen[name]}", source, _seconds(start, where)))
        seen[name] += 1
    if not videos:
        raise MediaError(f"{path}: it lists no video; add a row below the columns' names")
    twice = [name for name, count in Counter(video.name for video in videos).items() if count > 1]
    if twice:
        raise MediaError(f"{path}: two videos would be called {twice[0]}; rename one that ends in a digit")
    return videos


def named_video(text: str) -> Video:
    """A video as told on the command line, `NAME=SOURCE`.

    Raises:
        MediaError: it is not written so.
    """
    name, _, source = text.partition("=")
    if not source or not _NAMES.fullmatch(name):
        raise MediaError(f"{text}: write it as NAME=SOURCE, such as lol0=match.webm; NAME takes letters, digits, _, -")
    return Video(name, source)


def _sheet(path: Path) -> Sheet:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise MediaError(f"{path}: the dataset list cannot be read ({error.strerror}); check the path") from error
    remedy = "save it as Excel 97-2003 (.xls)"
    if not content.startswith(_XLS):
        kind = "an .xlsx file or another archive" if content.startswith(b"PK") else "no Excel file"
        raise MediaError(f"{path}: it is {kind}, and the dataset list has to be .xls; {remedy}")
    try:
        with xlrd.open_workbook(file_contents=content) as book:
            return book.sheet_by_index(0)
    except Exception as error:  # on damaged files xlrd raises whatever its parser stumbles on
        raise MediaError(f"{path}: the table is damaged ({error or type(error).__name__}); {remedy} again") from error


def _text(sheet: Sheet, row: int, column: int) -> str:
    value: object = sheet.cell_value(row, column)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _seconds(text: str, where: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise MediaError(f"{where}: {START} is {text!r}, but it has to be a number of seconds, 0 or more")
    return seconds
