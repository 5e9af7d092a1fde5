"""What every actor has whose work is done in an event loop."""

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from ns_ray.actors.worker import Pulse, Running, Worker

_BEAT_SECONDS = 1.0


class LoopWorker(Worker):
    """Base of actors that wait for others rather than compute: `pulse` tells how long their loop has stood still."""

    def __init__(self, affinity: list[int]) -> None:
        super().__init__(affinity)
        self._beat = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    def beat(self) -> None:
        """Begin to watch the loop that this is called in, unless that has been done."""
        if not self._beat:
            self._beat = time.monotonic()
            self.beside(self._go_on())

    def beside(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something for as long as the actor lives."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.result()

    async def _go_on(self) -> None:
        while True:
            self._beat = time.monotonic()
            await asyncio.sleep(_BEAT_SECONDS)

    def pulse(self) -> Pulse:
        """Who it is, and how long its loop has stood still."""
        still = time.monotonic() - self._beat if self._beat else 0.0
        oldest = Running("the event loop", still) if still > 2 * _BEAT_SECONDS else None
        return replace(super().pulse(), oldest=oldest)
