import asyncio
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import h264_streams
import pytest
import rich_streams

from ns_ray.actors.service.manager import Prepared
from ns_ray.hybrid.reader import read_hybrid
from ns_ray.jobs import benchmark
from ns_ray.jobs.work import benchmark as work
from ns_ray.report.html import load_result
from ns_ray.report.published_logs import read_log
from ns_ray.report.results import Usage
from ns_ray.sr.models import build
from ns_ray.sr.weights import save_weights
from ns_ray.video.probe import VideoInfo

ROOT = Path(__file__).resolve().parents[2]
MODEL = "EDSR_B1_F8_S3"


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    path: Path = tmp_path_factory.mktemp("weights") / "w.pt"
    save_weights(build(MODEL).state_dict(), path)
    return path


def mpeg4(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=30)
        stream.width, stream.height = 64, 48
        container.mux(stream.encode(av.VideoFrame(64, 48, "yuv420p")))
        container.mux(stream.encode(None))
    return path


def test_good_and_bad_streams_together(job, tmp_path, plain_video, layered_video, weights):
    """The job as a user runs it: the good streams are whole, the bad ones are named, everything is written down."""
    empty, text = tmp_path / "empty.webm", tmp_path / "text.webm"
    empty.write_bytes(b"")
    text.write_text("no video\n" * 100)
    good = [plain_video, layered_video]
    common = ("-m", MODEL, "--weights", weights, "-n", 60)
    alone = job("benchmark", *common, "--input", *good, "--result-dir", tmp_path / "alone")
    assert alone.status == 0, alone.out + alone.err
    whole = rich_streams.read(plain_video, None)
    keyless = rich_streams.write(tmp_path / "keyless.mkv", replace(whole, packets=whole.packets[1:29]))
    bad = [empty, text, mpeg4(tmp_path / "mpeg4.mp4"), keyless]
    both = (*common, "--input", *good, *bad, "--result-dir", tmp_path / "both")
    refused = job("benchmark", *both)
    assert (refused.status, refused.err.count("error: "), (tmp_path / "both").exists()) == (1, 3, False)
    done = job("benchmark", *both, "--keep-going")
    assert done.status == 1
    for number, path in enumerate(bad, start=2):
        assert f"stream{number}: {path}" in done.err

    folder = tmp_path / "both" / "evaluation" / "local" / "64p" / MODEL / "s6g0" / "latest"
    result = load_result(folder / "benchmark.json")
    assert [stream.status for stream in result.streams] == ["done", "done", *["refused"] * 3, "failed"]
    assert result.streams[5].reason.startswith(
        f"stream stream5: {keyless}: none of its 60 packets gives a picture: it "
    )
    assert "starts without a key frame" in result.streams[5].reason
    assert result.real_time is None
    assert "as fast as possible" in result.not_judged
    assert "not judged" in done.out
    assert [stream.frames for stream in result.streams[:2]] == [60, 60]
    assert result.streams[1].hidden == 22
    assert sum(sum(stream.anchors.values()) for stream in result.streams) == len(result.chosen)
    assert len(result.chosen) + sum(s.still_anchors + s.unpaid_anchors for s in result.streams) == 9
    for stream in result.streams[:2]:
        other = tmp_path / "alone" / "evaluation" / "local" / "64p" / MODEL / "s2g0" / "latest" / "streams"
        other /= f"{stream.name}.mkv"
        assert Path(stream.output).read_bytes() == other.read_bytes()
        anchors = [anchor.name for one in read_hybrid(stream.output) for anchor in one.anchors]
        assert sorted(anchors) == sorted(
            f"{a.video_index}.{a.super_index}" for a in result.chosen if a.stream == stream.name
        )
        assert stream.decode_fps > 0
        assert stream.inference_fps > 0
        assert stream.encode_fps > 0
        assert stream.lr_kbps > 0
        assert stream.anchor_kbps > 0
        assert set(stream.latency_ms) >= {"epoch", "decode", "schedule", "inference", "encode", "write"}
        assert set(stream.latency_ms["epoch"]) == {"p50", "p95", "p99"}
    assert result.usage.cpu_seconds > 0
    assert 100 < result.usage.peak_memory_mb < 6000
    assert [rule.name for rule in result.rules] == ["decoding", "inference", "encoding"]
    logs = [read_log(folder / str(number)) for number in range(5)]
    assert [len(log.decode) for log in logs] == [60, 60, 0, 0, 0]
    assert [len(log.infer) for log in logs[:2]] == [sum(stream.anchors.values()) for stream in result.streams[:2]]
    assert all(len(log.encode) == len(log.infer) for log in logs)
    assert [crop.source for crop in result.picture.crops] == ["rebuilt", "anchor"]
    assert "no reference to compare with" in done.out
    page = (folder / "report.html").read_text()
    assert page.count("data:image/png") >= 4
    assert "stream0" in page
    assert "stream4" in page
    assert "stream0" in done.out


def test_find_max_says_how_many_streams_hold(job, tmp_path, plain_video, weights):
    """No machine keeps 100 % of large anchors in real time here, so the search ends; a smaller number may hold."""
    big = tmp_path / "big.pt"
    save_weights(build("EDSR_B8_F32_S3").state_dict(), big)
    done = job(
        "benchmark",
        *("-m", "EDSR_B8_F32_S3", "--weights", big, "-n", 60, "--find-max", "--policy", "per-frame"),
        *("--anchor-share", "none"),
        *("--set", "epoch_seconds=0.2"),
        *("--input", plain_video, "--result-dir", tmp_path),
    )
    assert done.status == 0, done.out + done.err
    found = json.loads(next(tmp_path.rglob("find_max_g0.json")).read_text())
    held = [int(count) for count, real_time in found["tried"].items() if real_time]
    assert found["streams"] == max(held, default=0)
    assert not all(found["tried"].values())
    for count in found["tried"]:
        result = load_result(next(tmp_path.rglob(f"s{count}g0")) / "latest" / "benchmark.json")
        assert result.paced
        assert len(result.streams) == int(count)


def test_other_methods_are_measured_in_the_same_run(job, tmp_path, plain_video, weights):
    """Of the others' videos some may be of no use to them, or to anybody."""
    gone, h264 = tmp_path / "gone.webm", h264_streams.write(tmp_path / "h264.mkv", 2, (32, 32))
    done = job(
        "benchmark",
        *("-m", MODEL, "--weights", weights, "-n", 40, "--against", "selective", "--against-frames", 4),
        *("--against-videos", 4, "--keep-going", "--input", plain_video, h264, gone, "--result-dir", tmp_path),
    )
    assert done.status == 1, done.out + done.err
    folder = tmp_path / "evaluation" / "local" / "64p" / MODEL / "s3g0" / "latest"
    result, other = (load_result(folder / path / "benchmark.json") for path in ("", "against/selective"))
    (row,) = result.against
    assert (row.method, row.model, row.streams) == ("selective", "EDSR_B8_F32_S3", 2)
    assert (row.media_seconds, row.wall_seconds) == (other.media_seconds, other.wall_seconds)
    assert [stream.frames for stream in other.streams] == [4, 0, 0, 4]
    assert [stream.status for stream in other.streams] == ["done", "refused", "refused", "done"]
    assert f"{h264}: H.264 frames are shown in another order" in other.streams[1].reason
    assert row.real_time_streams == pytest.approx(other.media_seconds / other.wall_seconds)
    assert (folder / row.report).exists()
    assert "Against other methods" in done.out
    assert [stream.frames for stream in result.streams] == [40, 40, 0]


def test_sigint_ends_a_run_with_a_report_and_whole_files(tmp_path, plain_video, weights):
    """As Ctrl-C in a terminal, which tells every process of the job."""
    running = subprocess.Popen(
        [
            *(sys.executable, "jobs/benchmark.py", "-m", MODEL, "--weights", str(weights), "-n", "100000", "--paced"),
            *("-v", "2", "--input", str(plain_video), "--result-dir", str(tmp_path)),
        ],
        cwd=ROOT,
        env={key: value for key, value in os.environ.items() if not key.startswith("RAY_ADDRESS")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    until = time.monotonic() + 120
    while len(list(tmp_path.rglob("*.mkv.part"))) < 2 and time.monotonic() < until:
        time.sleep(0.1)
    os.killpg(running.pid, signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 1, out + err
    assert "error: stopped by SIGINT: 2 of 2 streams ended early" in err
    assert "stopped" in out
    (path,) = tmp_path.rglob("benchmark.json")
    result = load_result(path)
    assert [stream.status for stream in result.streams] == ["stopped"] * 2
    for stream in result.streams:
        assert 0 < stream.frames < 1000
        read = list(read_hybrid(stream.output))
        assert len(read) == stream.frames
        assert sum(len(one.anchors) for one in read) == sum(stream.anchors.values())
        assert f"stopped after {stream.frames} frames" in stream.reason
    assert not list(tmp_path.rglob("*.part"))
    assert re.search(r"^\d\d:\d\d:\d\d frames written: [\d,]+ of 200,000 ", out, re.MULTILINE), "no terminal, so lines"
    assert path.parent.samefile(path.parents[1] / "latest")
    assert re.fullmatch(rf"\d{{8}}-\d{{6}}_{plain_video.stem}_neuroscaler_f0\.075", path.parent.name)
    assert "stream1" in path.with_name("report.html").read_text()


class NoFleet:
    """Starts and runs nothing; `told` sends SIGTERM to this process, as it comes to that point.

    It is its own manager, and follows streams that are none.
    """

    def __init__(self, told: str) -> None:
        self.told = told
        self.losses: list[object] = []
        self.streams: dict[str, object] = {}
        self.running: list[str] = []
        self.standings: list[object] = []
        self.runs = 0
        self.ended = False
        self.manager = self.crew = self

    async def _point(self, name: str) -> None:
        if name == self.told:
            os.kill(os.getpid(), signal.SIGTERM)
            if not name.startswith("run"):
                await asyncio.sleep(60)

    def configured(self) -> dict[str, int]:
        return {}

    def reserved(self, kinds: dict[str, int]) -> list[dict[str, float]]:
        return []

    async def start(self) -> None:
        await self._point("start")

    async def need(self, kind: str, count: int) -> None:
        pass

    async def check(self) -> None:
        pass

    def names(self) -> list[str]:
        return []

    async def probe(self, path: str, unsafe: bool) -> VideoInfo:
        await self._point("probe")
        return VideoInfo(path, "vp9", 64, 48, Fraction(60), Fraction(1, 1000), "yuv420p")

    async def prepare(self, streams: object, plan: object) -> Prepared:
        await self._point("prepare")
        return Prepared({}, {})

    async def add(self, orders: object) -> None:
        self.runs += 1

    async def until_ended(self, progress: object, stop: asyncio.Event) -> None:
        await self._point(f"run {self.runs}")
        if f"run {self.runs}" == self.told:
            await stop.wait()

    async def drop(self, names: object) -> None:
        pass

    def __enter__(self) -> "NoFleet":
        return self

    def __exit__(self, *_: object) -> None:
        self.ended = True


@pytest.fixture
def without_ray(monkeypatch):
    """The job with a fleet that does nothing, told to end at some point."""

    def run(told: str, *arguments: object) -> int:
        fleet = NoFleet(told)
        monkeypatch.setattr(work, "Fleet", lambda config, gpus: fleet)
        monkeypatch.setattr(work, "Following", lambda manager, crew, kept_epochs: fleet)
        monkeypatch.setattr(work, "join_ray", lambda cpus, memory: None)
        monkeypatch.setattr(work, "require_placed", lambda config, kinds, gpus: None)
        monkeypatch.setattr(work, "await_nodes", lambda actors, seconds, console: asyncio.sleep(0))
        monkeypatch.setattr(work.ray, "shutdown", lambda: None)
        usage = SimpleNamespace(start=lambda: None, stop=lambda seconds: Usage())
        monkeypatch.setattr(work, "UsageSampler", lambda: usage)
        monkeypatch.setattr(work, "summarise", lambda result, *_: setattr(result, "real_time", True))
        status = benchmark.main([*map(str, arguments)])
        assert fleet.ended, "who shares a Ray with it would wait for the room of its actors"
        return status

    return run


@pytest.mark.parametrize("told", ["start", "probe", "prepare"])
def test_a_job_ends_cleanly_before_its_first_frame(without_ray, tmp_path, plain_video, capsys, told):
    assert without_ray(told, "--input", plain_video, "--result-dir", tmp_path) == 1
    assert capsys.readouterr().err == "error: stopped by SIGTERM before the first frame\n"
    assert not list(tmp_path.rglob("*.json"))


def test_a_search_that_is_stopped_tells_what_it_found(without_ray, tmp_path, plain_video, capsys):
    assert without_ray("run 3", "--find-max", "--input", plain_video, "--result-dir", tmp_path) == 1
    assert "stopped by SIGTERM while trying 4 streams" in capsys.readouterr().err
    found = json.loads(next(tmp_path.rglob("find_max_g0.json")).read_text())
    assert found == {"streams": 2, "tried": {"1": True, "2": True}}


def test_a_search_by_runs_too_short_to_be_judged_is_wrong_usage(without_ray, tmp_path, plain_video, capsys):
    options = ("--find-max", "--input", plain_video, "--result-dir", tmp_path)
    assert without_ray("run 1", *options, "-n", 160) == 2
    assert "--num-frames 160: " in capsys.readouterr().err
    assert without_ray("run 1", *options, "-n", 161) == 1
    assert "while trying 1 streams" in capsys.readouterr().err


def test_a_method_that_was_cut_short_is_no_comparison(without_ray, tmp_path, plain_video, capsys):
    options = ("--against", "selective", "per-frame", "--input", plain_video, "--result-dir", tmp_path)
    assert without_ray("run 3", *options) == 1
    assert "stopped by SIGTERM" in capsys.readouterr().err
    result = load_result(next(path for path in tmp_path.rglob("benchmark.json") if "against" not in path.parts))
    assert [other.method for other in result.against] == ["selective"]


@pytest.fixture
def session_folder():
    """Ray's sockets need a short path."""
    with tempfile.TemporaryDirectory(prefix="ray", dir="/tmp", ignore_cleanup_errors=True) as folder:
        yield folder


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_for(port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.3)
    raise TimeoutError(f"nothing listens on port {port}")


def test_it_runs_as_a_submitted_job(tmp_path, plain_video, weights, session_folder):
    """`ray job submit -- python jobs/benchmark.py` against a head on this machine."""
    ray = str(Path(sys.executable).with_name("ray"))
    port, dashboard = free_port(), free_port()
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    head = subprocess.Popen(
        [
            *(ray, "start", "--head", "--block", f"--port={port}", f"--dashboard-port={dashboard}", "--num-cpus=4"),
            f"--dashboard-agent-listen-port={free_port()}",  # its default is taken where another Ray runs
            *("--disable-usage-stats", "--object-store-memory=200000000", f"--temp-dir={session_folder}"),
        ],
        cwd=ROOT,
        env=os.environ | token,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        address = f"http://127.0.0.1:{dashboard}"
        wait_for(dashboard)
        until = time.monotonic() + 60
        while True:
            done = subprocess.run(
                [
                    *(ray, "job", "submit", f"--address={address}", "--", sys.executable, "jobs/benchmark.py"),
                    *("-m", MODEL, "--weights", weights, "-n", "60", "--input", plain_video),
                    *("--result-dir", tmp_path / "result"),
                ],
                cwd=ROOT,
                env=os.environ | token,
                capture_output=True,
                text=True,
                timeout=240,
                check=False,
            )
            if "No available agent" not in done.stderr or time.monotonic() > until:
                break
            time.sleep(1)  # the head answers before it can take jobs
        assert done.returncode == 0, done.stdout + done.stderr
    finally:
        head.terminate()
        head.wait(60)
    result = load_result(next((tmp_path / "result").rglob("benchmark.json")))
    assert result.streams[0].status == "done"
    assert result.usage.peak_memory_mb > 100


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("--fraction", "0.5"), 2, "outside 0..0.15"),
        (("-m", "EDSR_X"), 2, "EDSR_X"),
        (("-m", "EDSR_B9_F9_S3"), 1, "no weights for EDSR_B9_F9_S3"),
        (("--weights", "absent.pt"), 1, "absent.pt"),
        (("--weights", "README.md"), 1, "README.md is no weights file (no state dict"),
        (("--scale", "2"), 2, "--scale 2"),
        (("--set", "enhancer.speed=3"), 2, "enhancer.speed"),
        (("--config", "absent.yaml"), 2, "absent.yaml"),
    ],
)
def test_wrong_usage_is_told_before_anything_starts(capsys, arguments, status, message):
    assert benchmark.main(list(arguments)) == status
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ("--method", "magic"),
        ("-v", "0"),
        ("-g", "-1"),
        ("-n", "many"),
        ("--quality", "101"),
        ("--anchor-kbps", "0"),
        ("--anchor-share", "-1"),
        ("--anchor-share", "all"),
        ("--anchor-share", "1", "--anchor-kbps", "800"),
        ("--anchor-codec", "gif"),
        ("--nonsense",),
        ("--find-max", "--against", "selective"),
    ],
)
def test_unknown_options_exit_with_2(arguments):
    with pytest.raises(SystemExit) as stop:
        benchmark.main(list(arguments))
    assert stop.value.code == 2
