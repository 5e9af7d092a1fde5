"""Actors that live and die without Ray: a process of its own is all tasks that began in it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import Any, Generic, TypeVar

from ns_ray.actors.peers import DiedError
from ns_ray.config.config import Config
from ns_ray.errors import ActorLostError

T = TypeVar("T")
A = TypeVar("A")
_LIFE: ContextVar["Life | None"] = ContextVar("life", default=None)
_PAUSE_SECONDS = 0.2


class Life:
    """One life of a process. With its end, none of its tasks goes on, not even to clean up."""

    def __init__(self) -> None:
        self.alive = True
        self.tasks: set[asyncio.Task[Any]] = set()

    def spawn(self, work: Coroutine[Any, Any, A]) -> asyncio.Task[A]:
        context = copy_context()
        context.run(_LIFE.set, self)
        return asyncio.get_running_loop().create_task(work, context=context)

    def end(self) -> None:
        self.alive = False
        self._reap()

    def _reap(self) -> None:
        for task in list(self.tasks):
            task.cancel()
        if self.tasks:
            asyncio.get_running_loop().call_soon(self._reap)

    def done(self, task: asyncio.Task[Any]) -> None:
        self.tasks.discard(task)
        if not self.alive and not task.cancelled():
            task.exception()


def watch_lives() -> None:
    """Have the running loop know to which life a task belongs: to that in which it is made."""
    asyncio.get_running_loop().set_task_factory(_task)


def _task(loop: Any, work: Any, context: Context | None = None) -> asyncio.Task[Any]:
    life = _LIFE.get() if context is None else context.get(_LIFE)
    if life is not None and not life.alive:
        work.close()
        work = _nothing()
    task = asyncio.Task(work, loop=loop, context=context)
    if life is not None:
        life.tasks.add(task)
        task.add_done_callback(life.done)
    return task


async def _nothing() -> None:
    raise asyncio.CancelledError


class Process(Generic[T]):
    """An actor as `Peer` knows it: calls are made again where it died under them.

    Attributes:
        thing: what lives in it.
        deaths: how often it died.
        died: when it died last, on the loop's clock.
    """

    def __init__(self, name: str, make: Callable[[], T], config: Config, latency: Callable[[], float]) -> None:
        self.name = name
        self.deaths = 0
        self.died = 0.0
        self._make = make
        self._config = config
        self._latency = latency
        self._gone = False
        self._there = asyncio.Event()
        self._begin()

    @property
    def there(self) -> bool:
        return self._there.is_set()

    def _begin(self) -> None:
        if not self._gone and not self.there:
            self._life = Life()
            context = copy_context()
            context.run(_LIFE.set, self._life)
            self.thing: T = context.run(self._make)
            self._there.set()

    def kill(self, back: float | None = 3.0) -> None:
        """Have it die, and be there again after so many seconds; None: never again."""
        self.deaths += self.there
        self.died = asyncio.get_running_loop().time()
        self._there.clear()
        self._life.end()
        self._gone = self._gone or back is None
        if back is not None:
            asyncio.get_running_loop().call_later(back, self._begin)

    async def ask_once(self, what: str, work: Callable[[T], Awaitable[A]]) -> A:
        """See Peer."""
        found = await self._try(work)
        if found is None:
            raise ActorLostError(f"{self.name} died in {what}")
        return found[0]

    async def _try(self, work: Callable[[T], Awaitable[A]]) -> tuple[A] | None:
        await asyncio.sleep(self._latency())
        if self.there:
            life = self._life
            task = life.spawn(_of(work, self.thing))
            await asyncio.wait((task,))
            if life.alive:
                return (task.result(),)
        return None

    async def ask(self, what: str, work: Callable[[T], Awaitable[A]], *, several: bool = False) -> A:
        """See Peer."""
        for attempt in range(self._config.retries + 1):
            found = await self._try(work)
            if found is not None:
                return found[0]
            await self._back()
            if several:
                raise DiedError(f"{self.name} died in {what}")
            await asyncio.sleep(_PAUSE_SECONDS * attempt)
        raise ActorLostError(f"{self.name} died time after time in {what}")

    async def _back(self) -> None:
        until = asyncio.get_running_loop().time() + self._config.start_seconds
        while not self.there:
            if self._gone:
                raise ActorLostError(f"{self.name} is gone")
            if asyncio.get_running_loop().time() > until:
                raise ActorLostError(f"{self.name} did not come back")
            await asyncio.sleep(_PAUSE_SECONDS)


async def _of(work: Callable[[T], Awaitable[A]], thing: T) -> A:
    return await work(thing)
