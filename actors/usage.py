"""CPU and memory of all processes of a Ray session on this host."""

import re
import threading
import time
from pathlib import Path

import psutil
import ray

from ns_ray.report.results import Usage

_INTERVAL_SECONDS = 1.0
_LOOK_SECONDS = 5.0
_MOST_SAMPLES = 3600
_OTHER_THREADS = ("ray::", "python", "cuda")  # what others are called than those of Ray's C++


class UsageSampler:
    """Samples in a thread, from `start` to `stop`, this process and all of the Ray session it is connected to."""

    def __init__(self) -> None:
        self._session = ray.get_runtime_context().get_session_name()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._cpu: dict[tuple[str, int], tuple[float, float]] = {}
        self._memory: list[float] = []
        self._interval = _INTERVAL_SECONDS
        self._known: list[tuple[str, psutil.Process]] = []
        self._looked = 0.0

    def start(self) -> None:
        """Begin."""
        self._sample()
        self._thread.start()

    def stop(self, seconds: float) -> Usage:
        """End, and give what was taken over a run of that length."""
        self._stop.set()
        self._thread.join()
        self._sample()
        busy = {"job": 0.0, "ray": 0.0}
        for (kind, _), (first, last) in self._cpu.items():
            busy[kind] = busy.get(kind, 0.0) + last - first
        every = sum(busy.values())
        return Usage(
            every,
            every / seconds if seconds else 0.0,
            max(self._memory),
            busy["job"],
            busy["ray"],
            {kind: seconds for kind, seconds in busy.items() if kind not in ("job", "ray")},
            memory_mb=self._memory,
        )

    def _run(self) -> None:
        while not self._stop.wait(self._interval):
            self._sample()

    def _sample(self) -> None:
        own = shared = 0
        for kind, process in self._recent():
            try:
                with process.oneshot():
                    times, memory = process.cpu_times(), process.memory_info()
            except psutil.Error:
                continue
            own += memory.rss - memory.shared
            shared = max(shared, memory.shared)  # the object store, which many of them map
            busy = times.user + times.system
            first, _ = self._cpu.get((kind, process.pid), (busy, busy))
            self._cpu[kind, process.pid] = (first, busy)
        self._memory.append((own + shared) / 2**20)
        if len(self._memory) >= _MOST_SAMPLES:  # of a long run, half as many, each the higher of two
            self._memory = [max(pair) for pair in zip(self._memory[::2], self._memory[1::2], strict=False)]
            self._interval *= 2

    def _recent(self) -> list[tuple[str, psutil.Process]]:
        """The processes; looking through all of a machine's for new ones takes too long to be done each time."""
        now = time.monotonic()
        if now - self._looked > _LOOK_SECONDS:
            self._known, self._looked = _processes(self._session), now
        return self._known


def ray_thread_seconds() -> dict[str, float]:
    """CPU seconds so far, by kind of process, of the threads that Ray's C++ has in this process and in actors.

    Threads are called as their process was when they began, unless they are given names, as Ray and CUDA do.
    """
    spent: dict[str, float] = {}
    for kind, process in _processes(ray.get_runtime_context().get_session_name()):
        if kind == "ray":
            continue
        try:
            threads = process.threads()
        except psutil.Error:
            continue
        for thread in threads:
            try:
                name = Path(f"/proc/{process.pid}/task/{thread.id}/comm").read_text().strip()
            except OSError:
                continue
            if not name.startswith(_OTHER_THREADS):
                spent[kind] = spent.get(kind, 0.0) + thread.user_time + thread.system_time
    return spent


def _processes(session: str) -> list[tuple[str, psutil.Process]]:
    """This process, Ray's own, and actors with what they started."""
    me = psutil.Process()
    found = {me.pid: ("job", me)}
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or ("",)
        if process.pid == me.pid or not any(session in part for part in command):
            continue
        found[process.pid] = (_kind(process), process)
        try:
            children = process.children(recursive=True)
        except psutil.Error:
            continue
        found.update((child.pid, (_kind(child), child)) for child in children)
    return list(found.values())


def _kind(process: psutil.Process) -> str:
    """What a process is: a kind of actor, such as `decoder`, or Ray's own."""
    try:
        command = next((part for part in process.cmdline() if part.startswith("ray::")), "")
    except psutil.Error:
        return "ray"
    actor = re.match(r"ray::(\w+)Actor\b", command)
    return actor[1].lower() if actor else "ray"
