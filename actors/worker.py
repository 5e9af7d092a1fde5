"""What every actor has."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar
from uuid import uuid4

from ns_ray.actors.garbage import Collector
from ns_ray.actors.metrics import Sums, flushing
from ns_ray.report.results import Span

HEALTH = "health"
"""Ray's concurrency group of an actor that answers `pulse`, whatever its calls do."""

P = ParamSpec("P")
R = TypeVar("R")
W = TypeVar("W", bound="Worker")


@dataclass(frozen=True, slots=True)
class Running:
    """A call that an actor works on, and for how long."""

    method: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Pulse:
    """The process's id, a name that no other process has on any node, and the call that has been running longest."""

    pid: int
    born: str
    oldest: Running | None


class Worker:
    """Base of the actors: binds the process to its CPUs, says how it is, and has garbage collected when it is due.

    Every call of an actor may be made again with the same arguments, with the same result: that is how the others
    go on after it died.

    Attributes:
        sums: what it counts; passed on to Ray once a second where it is an actor of Ray.
        flushing: does that.
    """

    def __init__(self, affinity: list[int]) -> None:
        here = os.sched_getaffinity(0).intersection(affinity)
        if here:  # a smaller machine has not all of them
            os.sched_setaffinity(0, here)
        self._born = uuid4().hex
        self._since: dict[int, tuple[float, str]] = {}  # by thread
        self._collector = Collector()
        self._collector.start()
        self.sums = Sums()
        self.flushing = flushing(self.sums)

    def pulse(self) -> Pulse:
        """Who it is, and what it does."""
        since, method = min(list(self._since.values()), default=(0.0, ""))
        return Pulse(os.getpid(), self._born, Running(method, time.monotonic() - since) if method else None)

    @contextmanager
    def at_work(self, method: str) -> Iterator[None]:
        """Work on a call, whose age `pulse` then knows."""
        thread = threading.get_ident()
        self._since[thread] = time.monotonic(), method
        try:
            yield
        finally:
            del self._since[thread]


def call(method: Callable[Concatenate[W, P], R]) -> Callable[Concatenate[W, P], R]:
    """Marks a method of an actor that does its work in the thread it is called in."""

    @wraps(method)
    def marked(self: W, /, *arguments: P.args, **named: P.kwargs) -> R:
        with self.at_work(method.__name__):
            return method(self, *arguments, **named)

    return marked


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
