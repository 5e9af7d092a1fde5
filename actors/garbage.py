"""Garbage collection when it is due, not in the midst of work."""

import gc
import sys
import threading
import time
from collections.abc import Callable

import psutil

_INTERVAL_SECONDS = 20.0
_FULL_ROUNDS = 15
_GROWTH = 1.25  # of memory, since the last full round, that makes one due
_NEW_MODULES = 1.05  # as many times the modules of then are reason to freeze again


class Collector:
    """Collects what reference counts cannot free, now and then, instead of Python's own rounds.

    Those come at any moment and look at all that lives: with PyTorch imported, a full one stops a process for 0.2 s.
    Here a round looks at what is new, and every 15th, or one before which memory has grown, at everything but programs
    (`gc.freeze`). What is frozen is never freed, cycles that are alive by chance included, so that is done only where
    many modules were imported since: at the start, and a few times while engines are made.
    """

    def __init__(self, interval_seconds: float = _INTERVAL_SECONDS, memory: Callable[[], int] | None = None) -> None:
        """Set up; `start` begins.

        Args:
            interval_seconds: between rounds.
            memory: bytes that the process holds; None to ask the system.
        """
        self._interval = interval_seconds
        self._memory = memory or _resident
        self._then = 0.0  # memory after the last full round
        self._since = 0  # rounds since that
        self._modules = 0  # when they were frozen
        self._thread = threading.Thread(target=self._go_on, name="garbage", daemon=True)

    def start(self) -> None:
        """Take garbage collection over, for as long as the process lives."""
        gc.disable()
        self._thread.start()

    def collect(self) -> int:
        """One round; returns how many objects it freed."""
        gc.disable()  # some library may have thought better of it
        self._since += 1
        if self._since < _FULL_ROUNDS and self._memory() <= self._then * _GROWTH:
            return gc.collect(1)
        freed = gc.collect()
        if len(sys.modules) > self._modules * _NEW_MODULES:
            self._modules = len(sys.modules)
            gc.freeze()
        self._since, self._then = 0, self._memory()
        return freed

    def _go_on(self) -> None:
        while True:
            self.collect()
            time.sleep(self._interval)


def _resident() -> int:
    return psutil.Process().memory_info().rss
