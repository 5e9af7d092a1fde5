"""A stream that kills its host is found out by the next one; processes die here, none of them pytest's."""

import faulthandler
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import ray
import streams
from ray.exceptions import RayError

from actors import reading
from actors.messages import Stream
from actors.reading_trace import ReadingTrace, clear_left_traces, clear_traces, trace_path
from ns_ray.errors import MediaError
from ns_ray.video.packets import Mark, Unit
from ns_ray.video.probe import VideoInfo, probe

_CHILD = """
import os, signal, sys
from pathlib import Path
import actors.reading as reading
from actors.messages import Stream
from actors.reading_trace import ReadingTrace
from ns_ray.video.packets import Mark
from ns_ray.video.probe import probe

trace, video, how, die_at = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
read_units = reading.read_units

def deadly(info, mark, loop):
    for unit in read_units(info, mark, loop=loop):
        if unit.packet.video_index == die_at:
            os._exit(9) if how == "exit" else os.kill(os.getpid(), signal.SIGSEGV)
        yield unit

reading.read_units = deadly
readers = reading.Readers(ReadingTrace(trace))
stream = Stream("deadly", probe(video), "EDSR_B1_F4_S3")
readers._wanted.add("deadly")
mark = Mark()
for _ in range(4):
    read = readers._read(stream, mark, 100, 10)
    print(read.mark.index, read.error, flush=True)
    if read.error:
        break
    mark = read.mark
"""


@pytest.fixture(autouse=True)
def own_faults() -> Iterator[None]:
    """Traces made in this process must not take pytest's own faults to their files."""
    yield
    faulthandler.enable(sys.__stderr__)


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> Path:
    return streams.encode(tmp_path_factory.mktemp("videos") / "v.mkv", size=(64, 64), frames=60, rate=Fraction(30))


@pytest.fixture
def stream(video) -> Stream:
    return Stream("deadly", probe(str(video)), "EDSR_B1_F4_S3")


def _run(trace: Path, video: Path, how: str, die_at: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _CHILD, str(trace), str(video), how, str(die_at)], capture_output=True, text=True
    )


@pytest.mark.parametrize("how", ["exit", "signal"])
def test_a_stream_that_kills_its_host_twice_is_refused(tmp_path, video, how) -> None:
    trace = tmp_path / "host-0.trace"
    for _ in range(2):
        died = _run(trace, video, how, 25)
        assert died.returncode == (9 if how == "exit" else -signal.SIGSEGV)
        assert died.stdout.split() == ["10", "20"]
    refused = _run(trace, video, how, 25)
    assert refused.returncode == 0, refused.stderr
    error = refused.stdout.splitlines()[-1]
    assert error.partition(": ")[0].endswith(str(video))
    assert "died 2 times" in error
    assert "ffmpeg" in error
    if how == "exit":  # what came before is read; only a signal says that it was this stream whatever the place
        assert "near packet 20" in error


def test_a_stream_that_gets_past_the_place_is_cleared(tmp_path, video) -> None:
    trace = tmp_path / "host-0.trace"
    for die_at in (25, 35, 35):
        assert _run(trace, video, "exit", die_at).returncode == 9
    assert "died 2 times" in _run(trace, video, "exit", 35).stdout
    assert _run(tmp_path / "host-1.trace", video, "exit", 1000).stdout.split() == ["10", "20", "30", "40"]


def _die(trace: Path, body: str) -> int:
    """Run a process that reads and dies."""
    head = (
        "import os, signal, sys, threading; from types import SimpleNamespace as S; from pathlib import Path\n"
        "from actors.reading_trace import ReadingTrace\n"
        f"trace = ReadingTrace(Path({str(trace)!r}))\n"
        "def stream(name): return S(name=name, info=S(path=name))\n"
    )
    return subprocess.run([sys.executable, "-c", head + body], capture_output=True).returncode


def _others(*names: str) -> list[Stream]:
    class Info:
        def __init__(self, path: str) -> None:
            self.path = path

    return [Stream(name, Info(name), "EDSR_B1_F4_S3") for name in names]  # type: ignore[arg-type]


def test_the_thread_that_got_the_signal_tells_the_stream(tmp_path) -> None:
    trace = tmp_path / "host-0.trace"
    body = (
        "def other():\n with trace.reading(stream('other'), 5): import time; time.sleep(60)\n"
        "threading.Thread(target=other, daemon=True).start()\n"
        "import time; time.sleep(0.2)\n"
        "with trace.reading(stream('mine'), {at}): signal.raise_signal(signal.SIGSEGV)\n"
    )
    for at in (7, 9):  # wherever it is
        assert _die(trace, body.format(at=at)) == -signal.SIGSEGV
    other, mine = _others("other", "mine")
    found = ReadingTrace(trace)
    with found.reading(other, 5):
        pass
    with pytest.raises(MediaError, match="mine: its host died 2 times"), found.reading(mine, 100):
        pass


def test_a_signal_elsewhere_is_nobodys_fault(tmp_path) -> None:
    trace = tmp_path / "host-0.trace"
    body = (
        "def other():\n with trace.reading(stream('other'), 5): import time; time.sleep(60)\n"
        "threading.Thread(target=other, daemon=True).start()\n"
        "import time; time.sleep(0.2)\nsignal.raise_signal(signal.SIGABRT)\n"
    )
    for _ in range(3):
        assert _die(trace, body) == -signal.SIGABRT
    with ReadingTrace(trace).reading(_others("other")[0], 5):
        pass


def test_suspects_are_read_one_at_a_time(tmp_path) -> None:
    trace = tmp_path / "host-0.trace"
    body = "with trace.reading(stream('a'), 5), trace.reading(stream('b'), 5): os._exit(1)"
    assert _die(trace, body) == 1
    a, b = _others("a", "b")
    found = ReadingTrace(trace)
    began, ended = threading.Event(), []

    def read_b() -> None:
        began.set()
        with found.reading(b, 5):
            ended.append("b")

    with found.reading(a, 5):
        thread = threading.Thread(target=read_b)
        thread.start()
        began.wait()
        with found.reading(*_others("innocent"), 5):  # others are not held up
            ended.append("innocent")
        ended.append("a")
    thread.join()
    assert ended == ["innocent", "a", "b"]


def test_an_ended_stream_leaves_nothing(tmp_path) -> None:
    trace = tmp_path / "host-0.trace"
    for _ in range(2):
        assert _die(trace, "with trace.reading(stream('a'), 5): os._exit(1)") == 1
    found = ReadingTrace(trace)
    (a,) = _others("a")
    with pytest.raises(MediaError), found.reading(a, 5):
        pass
    found.forget("a")
    with found.reading(a, 5):  # added again, it is tried again
        pass
    for one in _others(*(f"s{i}" for i in range(5000))):  # more than there is room for, one after the other
        with found.reading(one, 0):
            pass
        found.forget(one.name)
    assert len(found._marks) == 1


def test_traces_of_dead_fleets_are_deleted(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert _die(trace_path("fleet-dead", "host-0"), "") == 0
    mine = ReadingTrace(trace_path("fleet-mine", "host-0"))
    assert _die(trace_path("fleet-mine", "host-1"), "") == 0
    clear_left_traces("fleet-new")
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"ns-ray-fleet-mine-host-0.trace", "ns-ray-fleet-mine-host-0.fault"}
    clear_traces("fleet-mine")
    assert not list(tmp_path.iterdir())
    assert mine is not None


def test_without_a_file_nothing_is_traced(stream) -> None:
    trace = ReadingTrace()
    with trace.reading(stream, 0):
        pass
    trace.forget("deadly")
    assert os.path.exists(stream.info.path)


class Reads:
    """An actor that reads, and dies of a signal in a native reader's midst."""

    def __init__(self, trace: Path) -> None:
        self._readers = reading.Readers(ReadingTrace(trace))

    async def read(self, stream: Stream, die_at: int) -> str:
        """Read all; the error that ends it."""
        read_units = reading.read_units

        def deadly(info: VideoInfo, mark: Mark, *, loop: bool) -> Iterator[Unit]:
            for unit in read_units(info, mark, loop=loop):
                if unit.packet is not None and unit.packet.video_index == die_at:
                    signal.raise_signal(signal.SIGSEGV)  # to this thread, as a fault is
                yield unit

        reading.read_units = deadly  # type: ignore[assignment]
        mark = Mark()
        for _ in range(4):
            read = await self._readers.read(stream, mark, Fraction(100), 10)
            if read.error:
                reading.read_units = read_units
                return read.error
            mark = read.mark
        reading.read_units = read_units
        return ""


@pytest.mark.usefixtures("local_ray")
def test_an_actor_that_ray_starts_again_refuses_what_killed_it(tmp_path, stream) -> None:
    remote: Any = ray.remote(Reads)
    actor = remote.options(max_restarts=-1, num_cpus=0).remote(tmp_path / "host-0.trace")
    innocent = Stream("innocent", stream.info, stream.model)
    error = None
    while error is None:
        with suppress(RayError):
            error = ray.get(actor.read.remote(stream, 25))
    assert "died 2 times" in error
    assert ray.get(actor.read.remote(innocent, 1000)) == ""
    ray.kill(actor)
