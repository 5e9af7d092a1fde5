"""Garbage collection when it is due, not in the midst of work."""

import gc
import threading
import time

_INTERVAL_SECONDS = 20.0
_LONG_SECONDS = 0.01


class Collector:
    """Collects what reference counts cannot free, now and then, instead of Python's own rounds.

    Those come at any moment and look at all that lives: with PyTorch imported, a full one stops a process for 0.2 s.
    Here what has survived a long round is left out of later ones (`gc.freeze`): programs, engines, weights.
    """

    def __init__(self, interval_seconds: float = _INTERVAL_SECONDS) -> None:
        self._interval = interval_seconds
        self._thread = threading.Thread(target=self._go_on, name="garbage", daemon=True)

    def start(self) -> None:
        """Take garbage collection over, for as long as the process lives."""
        gc.disable()
        self._thread.start()

    def _go_on(self) -> None:
        while True:
            collect()
            time.sleep(self._interval)


def collect() -> int:
    """One round; returns how many objects it freed."""
    begin = time.perf_counter()
    freed = gc.collect()
    if time.perf_counter() - begin > _LONG_SECONDS:
        gc.freeze()
    return freed
