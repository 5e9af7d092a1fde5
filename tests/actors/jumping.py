"""An event loop whose time passes at once where nobody has anything to do before it has."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
BEGAN = 1000.0


class _Jump(selectors.SelectSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now = BEGAN

    def select(self, timeout=None):
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("nothing will ever happen again: the run hangs")
            self.now += timeout
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        return self._jump.now


class LoopClock:
    """The running loop's time."""

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


def jump(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end; exceptions that nobody took are raised then."""
    unseen: list[BaseException] = []

    async def watched() -> T:
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: unseen.append(context.get("exception") or RuntimeError(context["message"]))
        )
        return await main

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        result = runner.run(watched())
    if unseen:
        raise unseen[0]
    return result
