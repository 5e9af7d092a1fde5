"""Requests that are made in the same moment travel together."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
Q = TypeVar("Q")
A = TypeVar("A")


class Bundler(Generic[K, Q, A]):
    """Gathers what is asked of one worker in one turn of the event loop, and asks it all in one call.

    Streams whose anchors were chosen together go on in the same turn, so that their requests meet here; none waits for
    one that is late.

    Attributes:
        open: requests whose answer is waited for.
    """

    def __init__(self, ask: Callable[[K, Sequence[Q]], Awaitable[Sequence[A]]], limit: int) -> None:
        """Set up a bundler.

        Args:
            ask: asks a worker for several things; answers come in their order.
            limit: requests of a bundle at most.
        """
        self._ask = ask
        self._limit = limit
        self._waiting: dict[K, list[tuple[Q, asyncio.Future[A]]]] = {}
        self._asking: set[asyncio.Task[None]] = set()
        self.open = 0

    async def ask(self, worker: K, request: Q) -> A:
        """The worker's answer to one request.

        Raises:
            NsRayError: what the call raised; it raises it for all of its bundle.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[A] = loop.create_future()
        waiting = self._waiting.setdefault(worker, [])
        waiting.append((request, answer))
        if len(waiting) == 1:
            loop.call_soon(self._go, worker)
        self.open += 1
        try:
            return await answer
        finally:
            self.open -= 1

    def _go(self, worker: K) -> None:
        waiting = [one for one in self._waiting.pop(worker) if not one[1].cancelled()]
        parts = -(-len(waiting) // self._limit)
        for part in range(parts):  # as equal as can be
            task = asyncio.ensure_future(self._send(worker, waiting[part::parts]))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    async def _send(self, worker: K, bundle: Sequence[tuple[Q, "asyncio.Future[A]"]]) -> None:
        try:
            answers = await self._ask(worker, [request for request, _ in bundle])
        except BaseException as error:
            for _, future in bundle:
                if not future.done():
                    future.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        for (_, future), answer in zip(bundle, answers, strict=True):
            if not future.done():  # its stream has been given up
                future.set_result(answer)
