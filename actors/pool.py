"""Actors of one kind, called so that their deaths cost time and nothing else."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import ObjectLostError, RayActorError, RayTaskError

from actors.health import Watch, pulse
from actors.kept import Kept, Results, as_refs, keep, kept_in
from actors.worker import HEALTH, Worker
from ns_ray.config import Pool
from ns_ray.errors import NsRayError
from ns_ray.results import Loss

_PAUSE_SECONDS = 0.2
_STARTS = 2
# Threads of inference that wait for one another by spinning take the cores that others need: where cores are
# shared, a frame then takes several times as long.
_ENVIRONMENT = {"OMP_WAIT_POLICY": "PASSIVE"}


class ActorLostError(NsRayError):
    """An actor died each time a call was made."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """How pools go on after a death.

    Attributes:
        retries: how often a call is made again.
        start_seconds: how long an actor may take to be back. One that takes half of that is started anew, as it may
            hang.
        watch: makes deaths of hangs.
        on_loss: told of each death.
    """

    retries: int
    start_seconds: float
    watch: Watch
    on_loss: Callable[[Loss], None]


class ActorPool:
    """Starts actors of one kind and calls them.

    Ray restarts an actor that dies; the call that was in it is then made again. So are calls whose results went with
    a node, before those that need them. This is sound because every call can be repeated (see Worker).
    """

    def __init__(
        self,
        kind: type[Worker],
        config: Pool,
        arguments: Sequence[tuple[object, ...]],
        recovery: Recovery,
        *,
        threads: Sequence[int] = (),
        gpus: int = 0,
    ) -> None:
        """Ask Ray for the actors; `ready` waits for them.

        Args:
            kind: the actor's class.
            config: what each reserves.
            arguments: for each actor, what its constructor takes after the CPU affinity.
            recovery: how to go on after a death.
            threads: for each, how many calls it works on at a time; left out, one.
            gpus: GPUs that each reserves.
        """
        self.name = kind.__name__.removesuffix("Actor").lower()
        self._recovery = recovery
        options: dict[str, Any] = {
            "num_cpus": config.cpus,
            "num_gpus": gpus,
            "resources": config.resources,
            "max_restarts": -1,
            "concurrency_groups": {HEALTH: 1},
            "runtime_env": {"env_vars": _ENVIRONMENT},
        }
        remote: Any = ray.remote(**options)(kind)
        affinity = config.affinity or [[]]
        self._actors: list[Any] = [
            remote.options(max_concurrency=threads[i] if threads else 1).remote(affinity[i % len(affinity)], *each)
            for i, each in enumerate(arguments)
        ]
        self._wards = recovery.watch.over(self._actors, config.call_seconds)
        self._pids = [0] * len(self._actors)
        self._again = [asyncio.Lock() for _ in self._actors]

    def __len__(self) -> int:
        return len(self._actors)

    async def ready(self) -> None:
        """Wait until every actor has started."""
        self._pids = await asyncio.gather(*(self._started(index) for index in range(len(self))))

    def idlest(self) -> int:
        """The actor with the fewest calls under way."""
        return min(range(len(self)), key=lambda index: self._wards[index].calls)

    async def call(self, index: int, method: str, *arguments: object) -> Any:
        """Call one actor and wait for its answer.

        Args:
            index: which.
            method: its method.
            arguments: what that takes; `Kept` values reach it as what they stand for, those in lists and tuples as
                references.

        Raises:
            ActorLostError: it died under the call time after time, or did not come back.
            NsRayError: what the call itself raised.
        """
        _, answer = await self._call(index, method, 1, arguments)
        return answer

    async def forget(self, index: int, name: str) -> None:
        """Have one actor drop what it holds of a stream; one that has died holds nothing."""
        with self._recovery.watch.during_call(self._wards[index]), suppress(RayActorError):
            await self._actors[index].do.remote("forget", name)

    async def produce(self, index: int, method: str, *arguments: object) -> tuple[Kept[Any], Any]:
        """Call one actor whose answer is a pair: its first part stays where it is, for other actors to fetch.

        Raises:
            ActorLostError, NsRayError: as `call`.
        """
        parts, answer = await self.produce_parts(index, 1, method, *arguments)
        return parts[0], answer

    async def produce_parts(
        self, index: int, parts: int, method: str, *arguments: object
    ) -> tuple[list[Kept[Any]], Any]:
        """As `produce`, of an answer that has so many parts before its last.

        Raises:
            ActorLostError, NsRayError: as `call`.
        """

        async def call() -> Results:
            return await self._call(index, method, parts + 1, arguments)

        results = await call()
        return keep(results, call), results[1]

    async def _call(self, index: int, method: str, returns: int, arguments: tuple[object, ...]) -> Results:
        kept = list(kept_in(arguments))
        for _ in range(self._recovery.retries + len(kept) + 1):
            try:
                return await self._attempt(index, method, returns, as_refs(arguments))
            except ObjectLostError as error:
                for each in kept:
                    if each.ref.hex() == error.object_ref_hex:
                        await each.make_again(each.ref)
        raise ActorLostError(f"{self.name} {index}: what {method} takes was lost with its node time after time")

    async def _attempt(self, index: int, method: str, returns: int, arguments: list[object]) -> Results:
        """Call until the actor lives through it; raises ObjectLostError where an argument is gone."""
        retries = self._recovery.retries
        with self._recovery.watch.during_call(self._wards[index]):
            for attempt in range(retries + 1):
                # Made again one by one, so that the call that kills the actor takes no others with it time after time.
                async with self._again[index] if attempt else nullcontext():
                    answer = self._actors[index].do.options(num_returns=returns).remote(method, *arguments)
                    refs = [answer] if returns == 1 else answer
                    try:
                        return refs[:-1], await refs[-1]
                    except RayTaskError as error:
                        if isinstance(error.cause, NsRayError | ObjectLostError):
                            raise error.cause from None  # its own text, without the actor's traceback
                        raise
                    except RayActorError:
                        await self._restarted(index, method)
                        await asyncio.sleep(_PAUSE_SECONDS * attempt)
        raise ActorLostError(
            f"{self.name} {index} died {retries + 1} times in {method}; its log in Ray's session folder says why"
        )

    async def _restarted(self, index: int, method: str) -> None:
        """Wait until Ray has the actor back; several calls may find it gone at once."""
        seconds = self._recovery.start_seconds
        try:
            async with asyncio.timeout(seconds):
                self._note(index, await self._started(index), method)
        except TimeoutError:
            self._note(index, 0, method)
            raise ActorLostError(
                f"{self.name} {index} died and did not come back within {seconds:g} s; has its node gone?"
            ) from None

    def _note(self, index: int, pid: int, method: str) -> None:
        """Note which process an actor is now, or 0 for none, and its death where it was another."""
        if pid == self._pids[index]:
            return
        ward = self._wards[index]
        if self._pids[index]:
            self._recovery.on_loss(Loss(f"{self.name} {index}", time.time(), method, ward.verdict or "died"))
        self._pids[index], ward.verdict = pid, ""

    async def _started(self, index: int) -> int:
        """Wait until an actor is there, for ever; gives its process's id."""
        while True:
            try:
                async with asyncio.timeout(self._recovery.start_seconds / _STARTS):
                    return await self._pid(index)
            except TimeoutError:
                ray.kill(self._actors[index], no_restart=False)

    async def _pid(self, index: int) -> int:
        while True:
            try:
                return (await pulse(self._actors[index])).pid
            except RayActorError:
                await asyncio.sleep(_PAUSE_SECONDS)

    async def check(self) -> None:
        """Notice deaths that no call has run into."""
        for index, actor in enumerate(self._actors):
            with self._recovery.watch.during_call(self._wards[index]):
                try:
                    pid = (await pulse(actor)).pid
                except RayActorError:
                    pid = 0
            self._note(index, pid, "nothing")

    def kill(self) -> None:
        """End the actors."""
        for actor in self._actors:
            ray.kill(actor)
