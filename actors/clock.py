"""The time that a run goes by."""

import asyncio
import time
from typing import Protocol


class RunClock(Protocol):
    """Tells the time and lets it pass; tests have one whose time passes at once."""

    def now(self) -> float:
        """Seconds, on the clock of the actors' spans."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Come back after so many seconds, at once where they are not above 0."""
        ...


class WallClock:
    """Wall-clock time."""

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """See RunClock."""
        await asyncio.sleep(max(0.0, seconds))
