"""What every actor has."""

import gc
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ns_ray.results import Span


class Worker:
    """Base of the actors: binds the process to its CPUs and says who it is.

    Every call of an actor may be made again with the same arguments, with the same result: that is how the pipeline
    goes on after an actor died.
    """

    def __init__(self, affinity: list[int]) -> None:
        here = os.sched_getaffinity(0).intersection(affinity)
        if here:  # a smaller machine has not all of them
            os.sched_setaffinity(0, here)

    def ready(self) -> int:
        """The process's id."""
        return os.getpid()

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
