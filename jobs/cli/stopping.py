"""Ending a job early, by SIGINT (Ctrl-C) or SIGTERM (`ray job stop`), so that nothing it did is lost."""

import asyncio
import signal
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

from ns_ray.errors import StoppedError

T = TypeVar("T")
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """Whether the job was told to end.

    Attributes:
        event: set once it was.
        by: the signal's name; empty until then.
    """

    def __init__(self) -> None:
        self.event = asyncio.Event()
        self.by = ""

    @contextmanager
    def listening(self) -> Iterator[None]:
        """In the block, which runs in an event loop in the main thread, the first signal sets the event.

        The second ends the job at once, by a KeyboardInterrupt.
        """
        loop = asyncio.get_running_loop()

        def told(number: int, frame: FrameType | None) -> None:
            if self.by:
                raise KeyboardInterrupt
            self.by = signal.Signals(number).name
            loop.call_soon_threadsafe(self.event.set)

        before = {number: signal.signal(number, told) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def unless(self, work: Coroutine[Any, Any, T]) -> T:
        """Do work that is given up when the job is told to end.

        Raises:
            StoppedError: it was.
        """
        task, told = asyncio.ensure_future(work), asyncio.ensure_future(self.event.wait())
        try:
            await asyncio.wait((task, told), return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise StoppedError(f"stopped by {self.by} before the first frame")
            return task.result()
        finally:
            task.cancel()
            told.cancel()


@contextmanager
def as_interrupt() -> Iterator[None]:
    """In the block SIGTERM ends the job as Ctrl-C does, by a KeyboardInterrupt, but while `Stop` listens.

    While Ray is being joined it becomes a SystemExit, and here the same.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except SystemExit as ended:
        if ended.code != signal.SIGTERM:
            raise
        raise KeyboardInterrupt from ended
    finally:
        signal.signal(signal.SIGTERM, before)
