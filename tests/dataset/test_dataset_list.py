from pathlib import Path

import pytest
import xlwt

from ns_ray.dataset.dataset_list import Video, named_video, read_list
from ns_ray.errors import MediaError

SHIPPED = Path(__file__).parents[2] / "dataset"
HEADER = ("Content", "Name", "URL", "Start", "Key word")


def table(path: Path, *rows: tuple[object, ...]) -> Path:
    book = xlwt.Workbook()
    sheet = book.add_sheet("list")
    for row, values in enumerate(rows):
        for column, value in enumerate(values):
            sheet.write(row, column, value)
    book.save(str(path))
    return path


def test_the_lists_that_ship():
    videos = read_list(SHIPPED / "dataset.xls")
    assert [video.name for video in videos] == ["chat0", "gta0", "lol0", "fortnite0", "valorant0", "minecraft0"]
    assert {video.start for video in videos} == {300}
    assert all(video.source.startswith("https://www.youtube.com/watch?v=") for video in videos)
    assert read_list(SHIPPED / "dataset_ae.xls") == [videos[2]]
    assert videos[2].source.endswith("Ku_q0O_kgGE")


def test_names_are_numbered_and_columns_may_come_in_any_order(tmp_path):
    path = table(
        tmp_path / "l.xls",
        ("Start", "Name", "URL"),
        (0, "lol", "https://a"),
        (1.5, "gta", "clips/g.mp4"),
        ("", "", ""),
        ("20", "lol", "/data/l.webm"),
        (0, 7, "https://b"),
    )
    assert read_list(path) == [
        Video("lol0", "https://a", 0),
        Video("gta0", str(tmp_path / "clips/g.mp4"), 1.5),
        Video("lol1", "/data/l.webm", 20),
        Video("70", "https://b", 0),
    ]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ((("Content", "Name", "Start"), ("a", "b", 1)), "no column URL; .* reads Content, Name, Start"),
        ((("Start",), (1,)), "no column Name nor URL"),
        ((), "no column Name nor URL nor Start; .* reads nothing"),
        ((HEADER,), "lists no video"),
        ((HEADER, ("", "", "", "", "")), "lists no video"),
        ((HEADER, ("a", "lol", "u", 1), ("a", "lol", "", 1)), "row 3: URL is empty"),
        ((HEADER, ("a", "", "u", 1)), "row 2: Name is ''"),
        ((HEADER, ("a", "../x", "u", 1)), "row 2: Name is '../x'"),
        ((HEADER, ("a", "lol", "u", "")), "row 2: Start is ''"),
        ((HEADER, ("a", "lol", "u", "5:00")), "row 2: Start is '5:00'"),
        ((HEADER, ("a", "lol", "u", -1)), "row 2: Start is '-1'"),
        ((HEADER, ("a", "lol", "u", "nan")), "row 2: Start is 'nan'"),
        ((HEADER, *([("a", "lol", "u", 1)] * 11), ("a", "lol1", "u", 1)), "two videos would be called lol10"),
    ],
)
def test_what_a_list_lacks_is_said(tmp_path, rows, told):
    path = table(tmp_path / "l.xls", *rows)
    with pytest.raises(MediaError, match=told) as error:
        read_list(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"Content,Name,URL,Start\n", "no Excel file.*save it as Excel 97-2003"),
        (b"PK\x03\x04" + bytes(100), "xlsx"),
        (b"", "no Excel file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(30), "damaged"),
        (None, "cannot be read"),
    ],
)
def test_other_files_are_refused(tmp_path, content, told):
    path = tmp_path / "l.xls"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(MediaError, match=told) as error:
        read_list(path)
    assert str(path) in str(error.value)


def test_damage_anywhere_is_an_error_or_nothing(tmp_path):
    """xlrd's parser meets damage with all kinds of exceptions; users get one."""
    whole = (SHIPPED / "dataset.xls").read_bytes()
    path = tmp_path / "l.xls"
    refused = 0
    for cut in range(8, len(whole), 97):
        path.write_bytes(whole[:cut] + bytes(len(whole) - cut) if cut % 2 else whole[:cut])
        try:
            read_list(path)
        except MediaError:
            refused += 1
    assert refused > 20


def test_videos_of_the_command_line():
    assert named_video("lol0=https://a?v=1") == Video("lol0", "https://a?v=1")
    for text in ("lol0", "=x", "a/b=x", "lol0="):
        with pytest.raises(MediaError, match="NAME=SOURCE"):
            named_video(text)
