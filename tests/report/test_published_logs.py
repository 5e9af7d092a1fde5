"""Logs in the published form, and the published rule on them."""

import json
from pathlib import Path

import pytest
from synthetic_results import EPOCH, make_result

from ns_ray.errors import ResultError
from ns_ray.jobs import check_realtime
from ns_ray.report.published_logs import StreamLog, read_log, write_logs
from ns_ray.report.realtime import published_rules
from ns_ray.report.results import AnchorResult, BenchmarkResult, EpochResult, Span, StreamResult


def small_run() -> BenchmarkResult:
    """One stream, paced: an epoch of two packets with two anchors, and an epoch of one packet without any."""
    spans = [
        Span("decode", 0.7, 0.9),
        Span("schedule", 0.69, 0.7),
        Span("inference", 1.0, 1.2),
        Span("encode", 1.1, 1.3),
    ]
    result = make_result(1, 0)
    result.streams = [StreamResult("a", "lol0.webm")]
    result.epochs = [
        EpochResult("a", 0, EPOCH, 2 * EPOCH, spans, first=0, packets=2),
        EpochResult("a", 1, 2 * EPOCH, 3 * EPOCH, [Span("decode", 1.4, 1.5)], first=2, packets=1),
    ]
    result.chosen = [AnchorResult("a", 0, 0, "KEY", 0.0, 1), AnchorResult("a", 1, 1, "NORMAL", 1.0, 1)]
    return result


def lines(path: Path) -> list[list[float]]:
    return [[float(value) for value in line.split("\t")] for line in path.read_text().splitlines()]


def test_an_epochs_time_is_shared_by_its_frames_and_anchors(tmp_path):
    write_logs(small_run(), tmp_path)
    assert lines(tmp_path / "0" / "decode_latency.txt") == [
        [0, 0, 0.7, 0.8, 0.1],
        [1, 0, 0.8, 0.9, 0.1],
        [2, 0, 1.4, 1.5, 0.1],
    ]
    due = round(2 * EPOCH, 6)
    assert lines(tmp_path / "0" / "infer_latency.txt") == [
        [0, 0, *[1.0] * 6, 1.0, 1.1, 1.1, 1.1, due],
        [1, 1, *[1.1] * 6, 1.1, 1.2, 1.2, 1.2, due],
    ]
    assert lines(tmp_path / "0" / "encode_latency.txt") == [[0, 0, 1.1, 1.2], [1, 1, 1.2, 1.3]]
    assert (tmp_path / "0" / "stream.txt").read_text().startswith("lol0.webm\t")
    assert lines(tmp_path / "anchor_latency.txt") == [[round(1000 * EPOCH, 6), 200, 2, 0, 0.69, 0.7]]


def test_where_video_is_encoded_anew_every_frame_has_its_line(tmp_path):
    result = small_run()
    result.options["method"] = "selective"
    write_logs(result, tmp_path)
    assert len(lines(tmp_path / "0" / "encode_latency.txt")) == 2  # frames of the epoch that was encoded
    assert [row[1] for row in lines(tmp_path / "0" / "encode_latency.txt")] == [0, 0]


def test_without_pace_the_deadline_counts_from_the_choice(tmp_path):
    result = small_run()
    result.paced = False
    write_logs(result, tmp_path)
    assert read_log(tmp_path / "0").deadlines == pytest.approx([0.69 + EPOCH] * 2, abs=1e-5)


def log(decode_fps: float = 60, overdue: float = 0.0, encode_fps: float = 60) -> StreamLog:
    """A second of a stream; inference makes 50 anchors a second."""

    def times(rate: float, count: int) -> list[tuple[float, float]]:
        return [(i / rate, (i + 1) / rate) for i in range(count)]

    infer = times(50, 50)
    return StreamLog("0", times(decode_fps, 60), infer, [9.0] * 49 + [1.0 - overdue], times(encode_fps, 50))


def met(*logs: StreamLog) -> list[bool]:
    return [rule.met for rule in published_rules(logs)]


def test_the_published_limits():
    assert met(log()) == [True, True, True]
    assert [met(log(decode_fps=fps))[0] for fps in (59.001, 58.999)] == [True, False]
    assert [met(log(overdue=late))[1] for late in (0.099, 0.101)] == [True, False]
    assert [met(log(encode_fps=fps))[2] for fps in (49.001, 48.999)] == [True, False]


def test_the_worst_stream_decides_and_no_anchor_is_never_late():
    quiet = StreamLog("1", log().decode, [], [], [])
    assert met(log(), quiet) == [True, True, True]
    assert met(quiet, log(overdue=1)) == [True, False, True]
    assert met() == [False, True, True]


def test_the_job_prints_the_verdict(tmp_path, capsys):
    result = make_result(2, 8)
    write_logs(result, tmp_path / "s2g1")
    options = ["--log_dir", str(tmp_path), "--num_gpus", "1", "--num_videos", "2"]
    assert check_realtime.main(options) == 0
    assert "[passed] real-time" in capsys.readouterr().out
    for epoch in result.epochs:
        epoch.spans = [Span(s.stage, s.start, s.end + 2 * (s.stage == "inference")) for s in epoch.spans]
    write_logs(result, tmp_path / "s2g1")
    assert check_realtime.main(options) == 1
    shown = capsys.readouterr()
    assert "[failed] real-time" in shown.out
    assert "inference: " in shown.err


def test_the_job_judges_no_run_that_is_too_short(tmp_path, capsys):
    write_logs(make_result(1, 3), tmp_path / "s1g1")
    assert check_realtime.main(["--log_dir", str(tmp_path), "--gpus", "1", "--videos", "1"]) == 1
    shown = capsys.readouterr()
    assert "[not judged] real-time" in shown.out
    assert "there were 3" in shown.err
    assert json.loads((tmp_path / "s1g1" / "realtime.json").read_text())["real_time"] is None


def test_missing_and_damaged_logs_are_named(tmp_path, capsys):
    assert check_realtime.main(["--log_dir", str(tmp_path), "--gpus", "1", "--videos", "1"]) == 1
    assert "jobs/benchmark.py" in capsys.readouterr().err
    write_logs(small_run(), tmp_path)
    path = tmp_path / "0" / "encode_latency.txt"
    for text, found in (("1\t2\t3\n", "4 columns"), ("a\tb\tc\td\n", "damaged")):
        path.write_text(text)
        with pytest.raises(ResultError, match=found):
            read_log(tmp_path / "0")
