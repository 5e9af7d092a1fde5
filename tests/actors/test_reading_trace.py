"""A stream that kills its host is found out by the next one; processes die here, none of them pytest's."""

import faulthandler
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import ray
import streams
from ray.exceptions import ActorUnavailableError

from ns_ray.actors import reading
from ns_ray.actors.messages import Stream
from ns_ray.actors.reading_trace import ReadingTrace, clear_left_traces, clear_traces, trace_path
from ns_ray.errors import MediaError
from ns_ray.video.packets import Mark, Unit
from ns_ray.video.probe import VideoInfo, probe

# One process imports what takes seconds, and forks those that die.
_PARENT = """
import json, os, signal, sys, threading, time, traceback
from pathlib import Path
from types import SimpleNamespace
import ns_ray.actors.reading as reading
from ns_ray.actors.messages import Stream
from ns_ray.actors.reading_trace import ReadingTrace
from ns_ray.video.packets import Mark
from ns_ray.video.probe import probe

def stream(name):
    return SimpleNamespace(name=name, info=SimpleNamespace(path=name))

for line in sys.stdin:
    path, body = json.loads(line)
    pid = os.fork()
    if not pid:
        try:
            trace = ReadingTrace(Path(path))
            exec(body)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""

_READING = """
read_units = reading.read_units

def deadly(info, mark, loop):
    for unit in read_units(info, mark, loop=loop):
        if unit.packet.video_index == {die_at}:
            os._exit(9) if {how!r} == "exit" else signal.raise_signal(signal.SIGSEGV)
        yield unit

reading.read_units = deadly
readers = reading.Readers(trace)
deadly_one = Stream("deadly", probe({video!r}), "EDSR_B1_F4_S3")
readers._wanted["deadly"] = True
mark = Mark()
with open({told!r}, "w") as told:
    for _ in range(4):
        read = readers._read(deadly_one, mark, 100, 10)
        print(read.error or read.mark.index, file=told, flush=True)
        mark = read.mark
"""

Die = Callable[[Path, str], int]
"""Runs a process with a trace at a path, and Python of its own; its exit code."""


@pytest.fixture(scope="module")
def die() -> Iterator[Die]:
    parent = subprocess.Popen([sys.executable, "-c", _PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdin is not None
    assert parent.stdout is not None
    into, out = parent.stdin, parent.stdout

    def run(trace: Path, body: str) -> int:
        print(json.dumps([str(trace), body]), file=into, flush=True)
        return int(out.readline())

    yield run
    into.close()
    parent.wait()
    out.close()


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


@pytest.fixture
def read(die, video, tmp_path) -> Callable[..., tuple[int, list[str]]]:
    """Reads the video until packet `die_at` kills; the exit code, and what each read told."""

    def run(die_at: int, how: str = "exit", trace: str = "host-0.trace") -> tuple[int, list[str]]:
        told = tmp_path / "told"
        body = _READING.format(die_at=die_at, how=how, video=str(video), told=str(told))
        return die(tmp_path / trace, body), told.read_text().splitlines()

    return run


@pytest.mark.parametrize("how", ["exit", "signal"])
def test_a_stream_that_kills_its_host_twice_is_refused(read, video, how) -> None:
    for _ in range(2):
        assert read(25, how) == (9 if how == "exit" else -signal.SIGSEGV, ["10", "20"])
    code, told = read(25, how)
    assert code == 0
    assert told[-1].startswith(f"{video}: its host died 2 times")
    assert "ffmpeg" in told[-1]
    # A signal says that it was this stream, whatever the place; else what comes before that is read.
    assert told[:-2] == (["10", "20"] if how == "exit" else [told[0]] * 2)


def test_a_stream_that_gets_past_the_place_is_cleared(read) -> None:
    for die_at in (25, 35, 35):
        assert read(die_at)[0] == 9
    assert "died 2 times" in read(35)[1][-1]
    assert read(1000, trace="host-1.trace") == (0, ["10", "20", "30", "40"])


def _others(*names: str) -> list[Stream]:
    class Info:
        def __init__(self, path: str) -> None:
            self.path = path

    return [Stream(name, Info(name), "EDSR_B1_F4_S3") for name in names]  # type: ignore[arg-type]


def test_the_thread_that_got_the_signal_tells_the_stream(die, tmp_path) -> None:
    trace = tmp_path / "host-0.trace"
    body = (
        "def other():\n with trace.reading(stream('other'), 5): time.sleep(60)\n"
        "threading.Thread(target=other, daemon=True).start()\n"
        "time.sleep(0.2)\n"
        "with trace.reading(stream('mine'), {at}): signal.raise_signal(signal.SIGSEGV)\n"
    )
    for at in (7, 9):  # wherever it is
        assert die(trace, body.format(at=at)) == -signal.SIGSEGV
    other, mine = _others("other", "mine")
    found = ReadingTrace(trace)
    with found.reading(other, 5):
        pass
    with pytest.raises(MediaError, match="mine: its host died 2 times"), found.reading(mine, 100):
        pass


def test_a_signal_elsewhere_is_nobodys_fault(die, tmp_path) -> None:
    trace = tmp_path / "host-0.trace"
    body = (
        "def other():\n with trace.reading(stream('other'), 5): time.sleep(60)\n"
        "threading.Thread(target=other, daemon=True).start()\n"
        "time.sleep(0.2)\nsignal.raise_signal(signal.SIGABRT)\n"
    )
    for _ in range(3):
        assert die(trace, body) == -signal.SIGABRT
    with ReadingTrace(trace).reading(_others("other")[0], 5):
        pass


def test_suspects_are_read_one_at_a_time(die, tmp_path) -> None:
    trace = tmp_path / "host-0.trace"
    body = "with trace.reading(stream('a'), 5), trace.reading(stream('b'), 5): os._exit(1)"
    assert die(trace, body) == 1
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


def test_an_ended_stream_leaves_nothing(die, tmp_path) -> None:
    trace = tmp_path / "host-0.trace"
    for _ in range(2):
        assert die(trace, "with trace.reading(stream('a'), 5): os._exit(1)") == 1
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


def test_traces_of_dead_fleets_are_deleted(die, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert die(trace_path("fleet-dead", "host-0"), "") == 0
    mine = ReadingTrace(trace_path("fleet-mine", "host-0"))
    assert die(trace_path("fleet-mine", "host-1"), "") == 0
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


def _reads() -> type:
    """Within a function, so that it travels to a process that does not know this module."""

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

    return Reads


@pytest.mark.usefixtures("local_ray")
def test_an_actor_that_ray_starts_again_refuses_what_killed_it(tmp_path, stream) -> None:
    remote: Any = ray.remote(_reads())
    actor = remote.options(max_restarts=-1, num_cpus=0).remote(tmp_path / "host-0.trace")
    innocent = Stream("innocent", stream.info, stream.model)
    error = ""
    for _ in range(600):  # a call may find it gone, and not back yet
        try:
            error = ray.get(actor.read.remote(stream, 25))
            break
        except ActorUnavailableError:
            time.sleep(0.1)
    assert "died 2 times" in error
    assert ray.get(actor.read.remote(innocent, 1000)) == ""
    ray.kill(actor)
