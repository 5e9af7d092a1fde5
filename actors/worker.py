"""What every actor has."""

import gc
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ns_ray.results import Span

HEALTH = "health"
"""Ray's concurrency group of an actor that answers `pulse`, whatever its calls do."""


@dataclass(frozen=True, slots=True)
class Running:
    """A call that an actor works on, and for how long."""

    method: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Pulse:
    """The process's id, and the call that has been running longest."""

    pid: int
    oldest: Running | None


class Worker:
    """Base of the actors: binds the process to its CPUs and says how it is.

    Every call of an actor may be made again with the same arguments, with the same result: that is how the pipeline
    goes on after an actor died.
    """

    def __init__(self, affinity: list[int]) -> None:
        here = os.sched_getaffinity(0).intersection(affinity)
        if here:  # a smaller machine has not all of them
            os.sched_setaffinity(0, here)
        self._since: dict[int, tuple[float, str]] = {}  # by thread

    def do(self, method: str, *arguments: object) -> Any:
        """Make a call, whose age `pulse` then knows."""
        thread = threading.get_ident()
        self._since[thread] = time.monotonic(), method
        try:
            return getattr(self, method)(*arguments)
        finally:
            del self._since[thread]

    def pulse(self) -> Pulse:
        """Who it is, and what it does."""
        since, method = min(list(self._since.values()), default=(0.0, ""))
        return Pulse(os.getpid(), Running(method, time.monotonic() - since) if method else None)

    def settle(self) -> None:
        """Before a run: see `settle`."""
        settle()


def settle() -> None:
    """Leave all that lives now out of garbage collection, whose full rounds would stop a process for 0.2 s each."""
    gc.collect()
    gc.freeze()


class Clock:
    """Measures a stage; spans are wall-clock seconds, which compare between processes of one host."""

    def __init__(self, stage: str) -> None:
        self.stage = stage
        self.start = self.end = time.time()

    @property
    def span(self) -> Span:
        """From start to end."""
        return Span(self.stage, self.start, self.end)


@contextmanager
def measured(stage: str) -> Iterator[Clock]:
    """Measure the block as work on a stage."""
    clock = Clock(stage)
    yield clock
    clock.end = time.time()
