"""Independent pieces of work as Ray tasks, a bounded number at a time."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import ray
from ray.exceptions import RayError, RayTaskError

from ns_ray.errors import NsRayError

T = TypeVar("T")


class TaskLostError(NsRayError):
    """A task's process died each time it was started."""


def run_tasks(
    work: Callable[[T], Iterator[int]],
    items: list[T],
    *,
    at_once: int,
    cpus: float,
    gpus: float = 0,
    resources: dict[str, float],
    retries: int,
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
        on_progress: told the item and what `work` yielded.
    """
    task: Any = ray.remote(work)
    start = task.options(
        num_cpus=cpus, num_gpus=gpus, resources=resources, num_returns="streaming", max_retries=retries
    ).remote
    waiting = list(reversed(items))
    running: dict[Any, T] = {}
    while waiting or running:
        while waiting and len(running) < at_once:
            item = waiting.pop()
            running[start(item)] = item
        ready: list[Any]
        ready, _ = ray.wait(list(running), num_returns=1)
        for stream in ready:
            item = running[stream]
            try:
                on_progress(item, ray.get(next(stream)))
            except StopIteration:
                del running[stream]
                yield item, None
            except RayTaskError as error:
                if not isinstance(error.cause, NsRayError):
                    raise
                del running[stream]
                yield item, error.cause
            except RayError as error:
                del running[stream]
                lost = TaskLostError(f"its process died {retries + 1} times ({error}); is there enough memory?")
                yield item, lost
