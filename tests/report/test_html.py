"""The report: whatever a run found is in it, and nothing a stranger wrote can act in it."""

import io
import json
import math
import re
from contextlib import nullcontext
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from unittest.mock import patch

import pytest
from rich.console import Console
from synthetic_results import make_result

from ns_ray.errors import ResultError
from ns_ray.report.html import load_result, main, tables, write_report
from ns_ray.report.plots import plots
from ns_ray.report.results import (
    AnchorResult,
    BenchmarkResult,
    EngineResult,
    Loss,
    MethodResult,
    PictureResult,
    QualityResult,
    Rule,
    Span,
    StreamResult,
)
from ns_ray.report.stream_labels import stream_labels
from ns_ray.report.tables import clean, number, severity, worst

NASTY = '<script>alert("$x_1$")</script>&\''
PLOTS = ["Stages of each epoch", "Anchors chosen", "Latency", "Bitrates"]


class Page(HTMLParser):
    """Tags, addresses and the cells of every table of an HTML file."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.rows: list[list[str]] = []
        self._cell = False
        self.feed(self.source)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [v for k, v in attributes if k in ("href", "src", "xlink:href", "srcset", "data")]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self._cell = True
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        self._cell = self._cell and tag not in ("td", "th")

    def handle_data(self, data):
        if self._cell:
            self.rows[-1][-1] += data

    def row(self, first: str, length: int = 0) -> list[str]:
        return next(row for row in self.rows if row[0] == first and len(row) >= length)


def page(result: BenchmarkResult, tmp_path: Path, draw: bool = False) -> Page:
    """The written report; its plots, which take most of the time, only where a test looks at them."""
    path = tmp_path / "report.html"
    with nullcontext() if draw else patch("ns_ray.report.html.plots", return_value=[]):
        write_report(result, path)
    return Page(path)


def terminal(result: BenchmarkResult, width: int = 100) -> str:
    console = Console(width=width, force_terminal=False, record=True, file=io.StringIO())
    for table in tables(result):
        console.print(table)
    return console.export_text()


def titles(result: BenchmarkResult) -> list[str]:
    return [plot.title for plot in plots(result)]


def refused(name: str = "clip", reason: str = "clip.mp4: no video in it") -> StreamResult:
    return StreamResult(name, f"{name}.mp4", "refused", reason)


def rows(result: BenchmarkResult, tmp_path: Path, label: str) -> tuple[list[str], list[str]]:
    """A stream's row in the table of streams, and in that of their pace."""
    streams, pace, *_ = (row for row in page(result, tmp_path).rows if row[0] == label and len(row) > 3)
    return streams, pace


def test_every_figure_of_a_stream_is_in_its_rows(tmp_path):
    result = make_result(2, 6)
    s = result.streams[1]
    s.missed_deadlines, s.dropped_anchors = 4, 5
    streams, pace = rows(result, tmp_path, "arena-1.webm")
    latency = [number(s.latency_ms["epoch"][p]) for p in ("p50", "p95", "p99")]
    assert streams[1:] == ["240", "2", "10", "6", number(s.lr_kbps), number(s.anchor_kbps)]
    assert pace[1:] == ["400", "13.6", "60.0", *latency, "4", "5"]
    shown = [line.split() for line in terminal(result).splitlines()]
    assert streams in shown
    assert pace in shown


def test_columns_that_say_nothing_are_left_out(tmp_path):
    result = make_result(2, 6)
    for s in result.streams:
        s.missed_deadlines = s.dropped_anchors = 0
    result.streams[0].status = "stopped"
    streams, pace = rows(result, tmp_path, "arena-0.webm")
    assert streams[1] == "stopped"
    assert len(pace) == 7
    result.streams[0].status = "done"
    assert "done" not in rows(result, tmp_path, "arena-0.webm")[0]


def test_streams_of_one_file_are_numbered_and_urls_keep_their_secrets():
    inputs = ["a/x.webm", "b/x.webm", "y.webm", "https://u:p@host/live/z.webm?token=1", "rtsp://u:p@host"]
    labels = stream_labels(StreamResult(f"stream{i}", address) for i, address in enumerate(inputs))
    assert list(labels.values()) == ["x.webm #1", "x.webm #2", "y.webm", "z.webm", "host"]


def test_the_row_for_all_streams_sums_them(tmp_path):
    streams, pace = rows(make_result(3, 6), tmp_path, "all 3")
    assert streams[1:5] == ["720", "6", "30", "18"]
    assert pace[1:4] == ["400", "13.6", "60.0"]


def seen_picture() -> PictureResult:
    """A picture with figures of all kinds."""
    bicubic = {"psnr_y": 30.0, "psnr": 31.0, "ssim_y": 0.8, "vmaf_v1": 60.0, "vmaf_neg": 68.0, "flicker": 9.0}
    enhanced = {"psnr_y": 30.75, "psnr": 31.5, "ssim_y": 0.81, "vmaf_v1": 68.0, "vmaf_neg": 73.0, "flicker": 8.5}
    quality = QualityResult(51, 6, 41, {"bicubic": bicubic, "enhanced": enhanced})
    return PictureResult("arena-0", "hr.webm", quality=quality)


def test_what_enhancing_gives_and_takes_comes_first(tmp_path):
    result = make_result(2, 6, picture=seen_picture())
    result.streams[0].lr_kbps, result.streams[0].anchor_kbps = 1020, 1700
    for entry in result.epochs:
        entry.spans = [Span("inference", 0.0, 0.1)]
    seen = page(result, tmp_path)
    assert seen.row("luma PSNR, dB")[1:] == ["30.00", "30.75", "+0.75"]
    assert seen.row("VMAF v1")[1:] == ["60.0", "68.0", "+8.0"]
    assert seen.row("anchors, Mbit/s")[1:3] == ["–", "1.70"]
    assert seen.row("video, Mbit/s")[1:3] == ["1.02", "1.02"]
    seconds = 12 * 0.1 / result.media_seconds * 3600
    assert seen.row("DNN on CPU, s a stream-hour")[2] == f"{seconds:.0f}"
    assert "Luma PSNR 30.75 dB, +0.75 over bicubic; VMAF v1 68.0" in seen.source
    assert "frames 41 to 46" in seen.source
    order = [seen.source.index(f"<h2>{title}") for title in ("Picture of", "Streams", "What limits", "Overall")]
    assert order == sorted(order)
    assert seen.source.index("What was run") > order[-1]
    text = terminal(result)
    assert text.index("Picture of arena-0.webm") < text.index("Streams") < text.index("What limits")
    result.options["method"] = "per-frame"
    encoded = page(result, tmp_path)
    assert encoded.row("video, Mbit/s")[1:3] == ["1.02", "1.70"]
    assert not [row for row in encoded.rows if row[0] == "anchors, Mbit/s"]


def test_the_terminal_holds_in_80_columns():
    result = make_result(9, 75, picture=seen_picture(), losses=[Loss("decoder-0", 2.31, "decode of arena-0, epoch 3")])
    for s in result.streams:
        s.input = f"/videos/a-rather-long-name-of-a-video_{s.name}_720p_4125kbps_d60_test.webm"
        s.latency_ms["epoch"] = dict.fromkeys(("p50", "p95", "p99"), 123456.0)
    result.streams[3].status, result.streams[3].reason = "stopped", "the source ended early"
    result.against = [MethodResult("per-frame", "EDSR_B8_F16_S3", 4, 1.0, 16.0, 32.0, 0.5, "report.html")]
    lines = terminal(result, 80).splitlines()
    assert max(map(len, lines)) <= 80
    found = [re.match(r"(a-rather.*webm #\d) +(done|stopped) +3000( +\d+){5}$", line.rstrip()) for line in lines]
    assert len({match[1] for match in found if match}) == 9
    assert any("123456  123456  123456" in line for line in lines)


def test_only_options_that_were_set_are_told(tmp_path):
    source = page(make_result(told=["fraction"]), tmp_path).source
    assert "<dt>fraction</dt><dd>0.075</dd>" in source
    assert "<dt>method</dt>" not in source
    assert "<dt>method</dt>" in page(make_result(), tmp_path).source


def test_overall_states_verdict_rules_speed_and_resources(tmp_path):
    result = make_result(2, 6, real_time=False)
    result.rules[0] = Rule("slowest decode", 43.2, 59, "fps", False)
    seen = page(result, tmp_path)
    assert "<h1>Not real time: 2 streams at 1.60 s of video a second</h1>" in seen.source
    assert "slowest decode 43.2 fps (limit 59.0)" in seen.source
    assert seen.row("real time")[1] == "no"
    assert seen.row("  slowest decode")[1:] == ["43.2 fps", "broken, limit 59.0"]
    assert seen.row("  latest inference")[2] == "met, limit 100"
    assert seen.row("CPU")[1:] == ["1.80 cores", "31.2 CPU seconds"]
    assert seen.row("peak memory")[1] == "2310 MB"
    assert seen.row("engine of 640x360 EDSR_B8_F32_S3")[1:] == ["torch on cpu", "412.3 ms a frame"]
    text = terminal(result)
    for figure in ("43.2 fps", "1.60 s of video a second", "1.80 cores", "2310 MB", "torch"):
        assert figure in text


def test_overall_states_what_anchors_take_and_what_was_left_out_for_it(tmp_path):
    result = make_result(2, 6)
    assert "left out" not in terminal(result)
    for s in result.streams:
        s.lr_kbps, s.anchor_kbps = 800.0, 600.0
        s.still_anchors, s.unpaid_anchors = 2, 3
    seen = page(result, tmp_path)
    assert seen.row("kbit/s a stream")[1:] == ["800 + 600", "anchors 0.75 times the video"]
    assert seen.row("  left out for the rate")[1:] == ["10", "4 show nothing new, 6 had too few bytes"]


def test_what_is_not_judged_is_neither_good_nor_bad(tmp_path):
    result = make_result(2, 6, paced=False, real_time=None, not_judged="packets came as they liked")
    result.rules[0] = Rule("slowest decode", 43.2, 59, "fps", False)
    seen = page(result, tmp_path)
    assert '<header class=""><h1>Real time not judged: 2 streams at' in seen.source
    assert "packets came as they liked" in seen.source
    assert seen.row("real time")[1:] == ["not judged", "packets came as they liked"]
    assert seen.row("  slowest decode")[1:] == ["43.2 fps", "limit 59.0"]
    assert "Rules broken" not in seen.source
    assert "not judged" in terminal(result)
    assert json.loads(json.dumps(result.to_json()))["real_time"] is None
    assert BenchmarkResult.from_json(json.loads(json.dumps(result.to_json()))) == result


def test_options_host_and_configuration_are_listed(tmp_path):
    source = page(make_result(), tmp_path).source
    for name, text in (
        ("model", "EDSR_B8_F32_S3"),
        ("processor", "A processor"),
        ("enhancer.engine", "auto"),
    ):
        assert f"<dt>{name}</dt><dd>{text}</dd>" in source


def test_other_methods_stand_beside_the_run(tmp_path):
    result = make_result()
    assert "Against other methods" not in page(result, tmp_path).source
    result.paced, result.real_time = True, True
    result.against = [
        MethodResult("per-frame", "EDSR_B8_F16_S3", 4, 1.0, 16.0, 32.0, 0.5, "against/per-frame/report.html")
    ]
    written = page(result, tmp_path)
    count = len(result.streams)
    assert written.row("per-frame")[2:] == ["100", "4", "16.0", "0.50", number(2 * count)]
    assert written.row(result.options["method"], 7)[5:] == [number(count), "1.00"]
    assert "against/per-frame/report.html" in written.addresses
    assert "Against other methods" in terminal(result)
    result.real_time = False
    assert page(result, tmp_path).row("per-frame")[6] == number(result.media_seconds / result.wall_seconds / 0.5)
    assert BenchmarkResult.from_json(json.loads(json.dumps(result.to_json()))) == result


def test_problems_name_stream_actor_and_reason(tmp_path):
    result = make_result(2, 6, losses=[Loss("decoder-0", 2.31, "decode of arena-0, epoch 3")])
    result.streams.append(refused(reason="clip.mp4: its codec is h264"))
    result.streams[0].dropped_anchors = 1
    seen = page(result, tmp_path)
    assert seen.row("clip.mp4")[1:] == ["refused", "clip.mp4: its codec is h264"]
    assert seen.row("decoder-0")[1] == "actor lost"
    assert ["arena-0.webm", "late", "1 anchor dropped"] in seen.rows
    text = terminal(result)
    assert "its codec is h264" in text
    assert "2.31 s, noticed by decode of arena-0" in text


def test_no_problems_no_section(tmp_path):
    assert 'class="problems"' not in page(make_result(), tmp_path).source
    assert len(tables(make_result())) == 4


def test_plots_are_there_with_every_stream_stage_and_type():
    drawn = plots(make_result(2, 6))
    assert [plot.title for plot in drawn] == PLOTS
    timeline, anchors, latency, bitrates = (unescape(plot.svg) for plot in drawn)
    for stage in ("read", "decode", "schedule", "take", "inference", "encode", "write"):
        assert f">{stage}<" in timeline
        assert f">{stage}<" in latency
    assert ">deadline<" in timeline
    assert all(f">{kind}<" in anchors for kind in ("key", "altref", "normal"))
    assert all(f">arena-{i}.webm<" in svg for i in (0, 1) for svg in (timeline, anchors, bitrates))
    assert ">p95<" in latency


def test_the_file_loads_nothing_and_runs_nothing(tmp_path):
    seen = page(make_result(2, 6), tmp_path, draw=True)
    assert not re.search(r"https?:|//[a-z]", re.sub(r"data:image/png;base64,[\w+/=\s]*", "", seen.source))
    assert {"script", "link", "iframe", "object", "img"}.isdisjoint(seen.tags)
    assert all(a.startswith(("#", "data:image/png")) or a == "benchmark.json" for a in seen.addresses)
    assert set(re.findall(r"url\((.)", seen.source)) <= {"#"}
    assert "prefers-color-scheme: dark" in seen.source


def test_text_from_outside_is_escaped_everywhere(tmp_path):
    result = make_result(2, 3)
    old = result.streams[0].name
    for entry in (*result.epochs, *result.chosen):
        entry_name = NASTY if entry.stream == old else entry.stream
        object.__setattr__(entry, "stream", entry_name)
    result.streams[0].name, result.streams[0].input = NASTY, ""
    result.streams.append(refused(NASTY + "2", f"cannot read {NASTY}"))
    result.losses.append(Loss(NASTY, 1, NASTY))
    result.rules.append(Rule(NASTY, 1, 2, NASTY, False))
    result.options[NASTY] = NASTY
    result.host[NASTY] = {NASTY: [NASTY]}
    result.engines[NASTY] = EngineResult(NASTY, NASTY, 1.0)
    result.chosen.append(AnchorResult(NASTY, 1, 0, NASTY, 1.0, 1))
    seen = page(result, tmp_path, draw=True)
    assert "script" not in seen.tags
    assert "<script" not in seen.source
    assert seen.row(NASTY, length=8)[1] == "done"
    assert seen.source.count("<svg") == len(PLOTS)


def test_markup_and_control_characters_stay_text(tmp_path):
    name = "[red]a\x1b[31m\ud800日本"
    result = make_result(1, 2)
    result.streams.append(refused(name, "[bold]no\x00thing[/bold]"))
    assert "[red]a�[31m�日本.mp4" in terminal(result, 140)
    assert "[bold]no�thing[/bold]" in terminal(result)
    assert page(result, tmp_path).row(clean(f"{name}.mp4"))


def test_json_round_trip(tmp_path):
    result = make_result(3, 4, losses=[Loss("decoder-0", 1.5, "decode")])
    assert BenchmarkResult.from_json(json.loads(json.dumps(result.to_json()))) == result
    path = tmp_path / "benchmark.json"
    path.write_text(json.dumps(result.to_json()))
    assert load_result(path) == result


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "cannot be read"),
        ("[]", "no benchmark result"),
        ('{"options": {}}', "config"),
        ('{"options": {}, "config": {}, "host": {}, "streams": [{"name": "a"}]}', "streams.0.input"),
    ],
)
def test_a_file_that_is_no_result_is_refused(tmp_path, content, said):
    path = tmp_path / "benchmark.json"
    path.write_text(content)
    with pytest.raises(ResultError, match=said) as error:
        load_result(path)
    assert str(path) in str(error.value)


def test_a_report_is_remade_from_json(tmp_path, capsys):
    source, output = tmp_path / "run 1.json", tmp_path / "out" / "report.html"
    output.parent.mkdir()
    source.write_text(json.dumps(make_result().to_json()))
    assert main([str(source), "-o", str(output)]) == 0
    assert "arena-1" in capsys.readouterr().out
    assert 'href="../run%201.json"' in output.read_text()
    assert main([str(tmp_path / "none.json")]) == 1
    assert "none.json" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main([])


def test_all_streams_refused(tmp_path):
    result = make_result(0, 0, real_time=True, rules=[], wall_seconds=0.0)
    result.streams = [refused("a"), refused("b")]
    seen = page(result, tmp_path)
    assert "<h1>No stream ran</h1>" in seen.source
    assert not plots(result)
    assert "nothing to draw" in seen.source
    assert seen.row("a.mp4")[1] == "refused"
    assert "2 refused" in terminal(result)


def test_no_stream_at_all(tmp_path):
    result = make_result(0, 0)
    assert "No stream ran" in page(result, tmp_path).source
    assert "no streams" in terminal(result)


def test_without_deadlines(tmp_path):
    result = make_result(2, 4, paced=False)
    drawn = plots(result)
    assert ">deadline<" not in drawn[0].svg
    assert "as fast as possible" in page(result, tmp_path).source


def test_odd_figures_are_drawn_all_the_same(tmp_path):
    result = make_result(1, 1)
    result.chosen = [
        AnchorResult("arena-0", 3, 0, kind, gain, 10)
        for kind, gain in (("KEY", math.inf), ("NORMAL", math.nan), ("NEW", 0.0))
    ]
    result.epochs[0].spans = result.epochs[0].spans[:1]
    result.streams[0].lr_kbps = math.nan
    assert titles(result) == PLOTS
    assert "nan" not in " ".join(rows(result, tmp_path, "arena-0.webm")[0])


def test_many_streams_in_the_page(tmp_path):
    seen = page(make_result(40, 26), tmp_path, draw=True)
    assert {f"arena-{i}.webm" for i in range(40)} <= {row[0] for row in seen.rows}
    assert "the worst 12 of 40" in seen.source
    assert "Stages of each epoch, close up" in seen.source
    assert len(seen.source) < 2_000_000
    assert all(a.startswith(("#", "data:image/png")) or a == "benchmark.json" for a in seen.addresses)


def test_many_streams_on_the_terminal():
    result = make_result(40, 75)
    result.streams[3].status, result.streams[3].reason = "failed", "the source ended early"
    lines = terminal(result).splitlines()
    assert max(map(len, lines)) <= 100
    assert "the worst 20 of 40" in lines[1]
    body = [line for line in lines if re.match(r"arena-\d+.webm +(done|failed) +\d", line)]
    assert len(body) == 20
    assert body[0].startswith("arena-3.webm ")
    assert all("…" not in line for line in lines)
    assert any(re.match("all 40 +39 done +120000 ", line) for line in lines)


def test_worst_keeps_order_until_there_are_too_many():
    streams = [refused("a"), StreamResult("b", "b"), StreamResult("c", "c", missed_deadlines=2)]
    assert [s.name for s in worst(streams, 3)] == ["a", "b", "c"]
    assert [s.name for s in worst(streams, 2)] == ["a", "c"]
    assert severity(streams[2]) > severity(streams[1])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.126, "0.13"),
        (9.999, "10.0"),
        (12.34, "12.3"),
        (99.96, "100"),
        (28014.2, "28014"),
        (math.nan, "–"),
    ],
)
def test_number(value, text):
    assert number(value) == text


def test_notes_stand_once_below_the_streams_they_are_about(tmp_path):
    result = make_result(9, 2)
    for stream in result.streams[:8]:
        stream.notes = ["its alpha is not carried"]
    result.streams[8].notes = [NASTY, "its times begin at -3 s and were moved"]
    written = page(result, tmp_path)
    shared = ", ".join(f"arena-{i}.webm" for i in range(6)) + " and 2 more"
    assert written.row(shared)[1] == "its alpha is not carried"
    assert {NASTY, result.streams[8].notes[1]} <= {row[1] for row in written.rows if row[0] == "arena-8.webm"}
    assert "script" not in written.tags
    text = terminal(result, 160)
    assert text.count("its alpha is not carried") == 1
    assert "its times begin at -3 s and were moved" in text
    assert "Notes" not in terminal(make_result(2, 2))
