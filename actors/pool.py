"""Actors of one kind, called so that their deaths cost time and nothing else."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import ray
from ray.exceptions import RayActorError, RayTaskError

from actors.worker import Worker
from ns_ray.config import Pool
from ns_ray.errors import NsRayError

_PAUSE_SECONDS = 0.2
_RESTART_SECONDS = 300.0  # an answer may wait behind the calls of other streams
# Threads of inference that wait for one another by spinning take the cores that others need: where cores are
# shared, a frame then takes several times as long.
_ENVIRONMENT = {"OMP_WAIT_POLICY": "PASSIVE"}


class ActorLostError(NsRayError):
    """An actor died each time a call was made."""


class ActorPool:
    """Starts actors of one kind and calls them.

    Ray restarts an actor that dies; the call that was in it is then made again. This is sound because every call can
    be repeated (see Worker).
    """

    def __init__(
        self,
        kind: type[Worker],
        config: Pool,
        arguments: Sequence[tuple[object, ...]],
        *,
        threads: Sequence[int] = (),
        gpus: int = 0,
        retries: int,
        on_loss: Callable[[str, str], None],
    ) -> None:
        """Ask Ray for the actors; `ready` waits for them.

        Args:
            kind: the actor's class.
            config: what each reserves.
            arguments: for each actor, what its constructor takes after the CPU affinity.
            threads: for each, how many calls it works on at a time; left out, one.
            gpus: GPUs that each reserves.
            retries: how often a call is made again.
            on_loss: told the actor's name and the call when a death is noticed first.
        """
        self.name = kind.__name__.removesuffix("Actor").lower()
        self._retries = retries
        self._on_loss = on_loss
        options: dict[str, Any] = {
            "num_cpus": config.cpus,
            "num_gpus": gpus,
            "resources": config.resources,
            "max_restarts": -1,
            "runtime_env": {"env_vars": _ENVIRONMENT},
        }
        remote: Any = ray.remote(kind)
        affinity = config.affinity or [[]]
        self._actors: list[Any] = [
            remote.options(**options, max_concurrency=threads[i] if threads else 1).remote(
                affinity[i % len(affinity)], *each
            )
            for i, each in enumerate(arguments)
        ]
        self._pids = [0] * len(self._actors)
        self._busy = [0] * len(self._actors)
        self._again = [asyncio.Lock() for _ in self._actors]

    def __len__(self) -> int:
        return len(self._actors)

    async def ready(self) -> None:
        """Wait until every actor has started."""
        self._pids = await asyncio.gather(*(actor.ready.remote() for actor in self._actors))

    def idlest(self) -> int:
        """The actor with the fewest calls under way."""
        return min(range(len(self)), key=self._busy.__getitem__)

    async def call(self, index: int, method: str, *arguments: object) -> Any:
        """Call one actor and wait for its answer.

        Raises:
            ActorLostError: it died under the call time after time.
            NsRayError: what the call itself raised.
        """
        _, answer = await self._call(index, method, 1, arguments)
        return answer

    async def produce(self, index: int, method: str, *arguments: object) -> tuple["ray.ObjectRef[Any]", Any]:
        """Call one actor whose answer is a pair: its first part stays where it is, for other actors to fetch.

        Raises:
            ActorLostError, NsRayError: as `call`.
        """
        parts, answer = await self._call(index, method, 2, arguments)
        return parts[0], answer

    async def produce_parts(
        self, index: int, parts: int, method: str, *arguments: object
    ) -> tuple[list["ray.ObjectRef[Any]"], Any]:
        """As `produce`, of an answer that has so many parts before its last.

        Raises:
            ActorLostError, NsRayError: as `call`.
        """
        return await self._call(index, method, parts + 1, arguments)

    async def _call(
        self, index: int, method: str, returns: int, arguments: tuple[object, ...]
    ) -> tuple[list["ray.ObjectRef[Any]"], Any]:
        self._busy[index] += 1
        try:
            for attempt in range(self._retries + 1):
                # Made again one by one, so that the call that kills the actor takes no others with it time after time.
                async with self._again[index] if attempt else nullcontext():
                    answer = getattr(self._actors[index], method).options(num_returns=returns).remote(*arguments)
                    refs = [answer] if returns == 1 else answer
                    try:
                        return refs[:-1], await refs[-1]
                    except RayTaskError as error:
                        if isinstance(error.cause, NsRayError):
                            raise error.cause from None  # its own text, without the actor's traceback
                        raise
                    except RayActorError:
                        await self._restarted(index, method)
                        await asyncio.sleep(_PAUSE_SECONDS * attempt)
        finally:
            self._busy[index] -= 1
        raise ActorLostError(
            f"{self.name} {index} died {self._retries + 1} times in {method}; its log in Ray's session folder says why"
        )

    async def _restarted(self, index: int, method: str) -> None:
        """Wait until Ray has the actor back; several calls may find it gone at once."""
        before = self._pids[index]
        try:
            async with asyncio.timeout(_RESTART_SECONDS):
                pid = await self._ready_again(index)
        except TimeoutError:
            raise ActorLostError(
                f"{self.name} {index} died and did not come back within {_RESTART_SECONDS:g} s; has its node gone?"
            ) from None
        if self._pids[index] == before != pid:
            self._pids[index] = pid
            self._on_loss(f"{self.name} {index}", method)

    async def _ready_again(self, index: int) -> int:
        while True:
            try:
                pid: int = await self._actors[index].ready.remote()
                return pid
            except RayActorError:
                await asyncio.sleep(_PAUSE_SECONDS)

    async def check(self) -> None:
        """Notice deaths that no call has run into."""
        for index, actor in enumerate(self._actors):
            try:
                alive = await actor.ready.remote() == self._pids[index]
            except RayActorError:
                alive = False
            if not alive:
                await self._restarted(index, "nothing")

    def kill(self) -> None:
        """End the actors."""
        for actor in self._actors:
            ray.kill(actor)
