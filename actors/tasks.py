"""Independent pieces of work as Ray tasks, a bounded number at a time."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ns_ray.errors import NsRayError

T = TypeVar("T")
_LOOK_SECONDS = 1.0


class TaskLostError(NsRayError):
    """A task's process died each time it was started."""


@dataclass(frozen=True, slots=True)
class _Where:
    """The process that a task runs in, and its node."""

    node: str
    pid: int


@dataclass(slots=True)
class _Task(Generic[T]):
    """An item's task.

    Attributes:
        item: what it works on.
        lost: why each of its processes before this one ended.
        where: its process, once it has begun.
        quiet: seconds that it has given no progress since it began or last did.
        hung: whether it was killed for that.
    """

    item: T
    lost: list[str] = field(default_factory=list)
    where: _Where | None = None
    quiet: float = 0.0
    hung: bool = False


def run_tasks(
    work: Callable[[T], Iterator[int]],
    items: list[T],
    *,
    at_once: int,
    cpus: float,
    gpus: float = 0,
    resources: dict[str, float],
    retries: int,
    task_seconds: float,
    on_progress: Callable[[T, int], None],
) -> Iterator[tuple[T, NsRayError | None]]:
    """Do work on each item, wherever Ray has room; gives each item as it ends, with its error.

    Args:
        work: yields how far it is; it may be started anew after its process died, so it has to bear that.
        items: what to work on; they travel to the nodes.
        at_once: tasks under way at most.
        cpus: CPUs that each reserves.
        gpus: GPUs that each reserves.
        resources: custom resources that each reserves.
        retries: how often a task is started again whose process died.
        task_seconds: how long a task that has begun may yield nothing before its process is killed, which counts as a
            death.
        on_progress: told the item and what `work` yielded.
    """
    # Started again here, not by Ray, which would not tell where, nor anew what was yielded before.
    remote: Any = ray.remote(_located(work))
    start = remote.options(
        num_cpus=cpus, num_gpus=gpus, resources=resources, num_returns="streaming", max_retries=0
    ).remote
    waiting = [_Task(item) for item in reversed(items)]
    running: dict[Any, _Task[T]] = {}
    look = min(_LOOK_SECONDS, task_seconds / 4)
    looked = time.monotonic()
    while waiting or running:
        while waiting and len(running) < at_once:
            task = waiting.pop()
            running[start(task.item)] = task
        ready: list[Any]
        ready, silent = ray.wait(list(running), num_returns=len(running), timeout=0)
        if not ready:
            ready, silent = ray.wait(list(running), num_returns=1, timeout=look)
        now = time.monotonic()
        for stream in silent:  # no more than two looks: a job that was itself stopped would take all for hung
            _mind(running[stream], min(now - looked, 2 * look), task_seconds)
        looked = now
        for stream in ready:
            task = running[stream]
            task.quiet = 0.0
            try:
                told = ray.get(next(stream))
                if isinstance(told, _Where):
                    task.where = told
                else:
                    on_progress(task.item, told)
            except StopIteration:
                del running[stream]
                yield task.item, None
            except RayTaskError as error:
                if not isinstance(error.cause, NsRayError):
                    raise
                del running[stream]
                yield task.item, error.cause
            except RayError as error:
                del running[stream]
                lost = [*task.lost, f"hung: no progress for {task_seconds:g} s" if task.hung else str(error)]
                if len(lost) <= retries:
                    waiting.append(_Task(task.item, lost))
                    continue
                yield (
                    task.item,
                    TaskLostError(f"its process died {len(lost)} times ({lost[-1]}); is there enough memory?"),
                )


def _located(work: Callable[[T], Iterator[int]]) -> Callable[[T], Iterator[int | _Where]]:
    """The same work, which tells first where it is done."""

    def located(item: T) -> Iterator[int | _Where]:
        yield _Where(ray.get_runtime_context().get_node_id(), os.getpid())
        yield from work(item)

    located.__name__ = located.__qualname__ = work.__name__
    return located


def _mind(task: _Task[Any], seconds: float, limit: float) -> None:
    """Count the time that a task is quiet, and kill its process when that is too long."""
    if task.where is None:  # waits until Ray has room for it
        return
    task.quiet += seconds
    if task.quiet > limit:
        task.quiet, task.hung = 0.0, True
        _kill(task.where)


def _kill(where: _Where) -> None:
    """Kill a process of a node, not waiting for it; Ray's own `cancel` asks it to end, which a stopped one cannot."""
    there = NodeAffinitySchedulingStrategy(where.node, soft=False)
    remote: Any = ray.remote(_end)
    remote.options(num_cpus=0, max_retries=0, scheduling_strategy=there).remote(where.pid)


def _end(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
