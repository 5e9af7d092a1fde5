"""CPU and memory of all processes of a Ray session on this host."""

import threading

import psutil
import ray

from ns_ray.results import Usage

_INTERVAL_SECONDS = 0.5


class UsageSampler:
    """Samples in a thread, from `start` to `stop`, this process and all of the Ray session it is connected to."""

    def __init__(self) -> None:
        self._session = ray.get_runtime_context().get_session_name()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._cpu: dict[int, tuple[float, float]] = {}
        self._peak = 0

    def start(self) -> None:
        """Begin."""
        self._sample()
        self._thread.start()

    def stop(self, seconds: float) -> Usage:
        """End, and give what was taken over a run of that length."""
        self._stop.set()
        self._thread.join()
        self._sample()
        busy = sum(last - first for first, last in self._cpu.values())
        return Usage(busy, busy / seconds if seconds else 0.0, self._peak / 2**20)

    def _run(self) -> None:
        while not self._stop.wait(_INTERVAL_SECONDS):
            self._sample()

    def _sample(self) -> None:
        memory = 0
        for process in self._processes():
            try:
                with process.oneshot():
                    times = process.cpu_times()
                    # Proportional set size counts the shared object store once.
                    memory += process.memory_full_info().pss
            except psutil.Error:
                continue
            busy = times.user + times.system
            first, _ = self._cpu.get(process.pid, (busy, busy))
            self._cpu[process.pid] = (first, busy)
        self._peak = max(self._peak, memory)

    def _processes(self) -> list[psutil.Process]:
        found = {psutil.Process().pid: psutil.Process()}
        for process in psutil.process_iter(["cmdline"]):
            if any(self._session in part for part in process.info["cmdline"] or ()):
                found[process.pid] = process
                try:
                    found.update((child.pid, child) for child in process.children(recursive=True))
                except psutil.Error:
                    continue
        return list(found.values())
