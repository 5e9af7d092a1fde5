"""Another actor, called so that its deaths cost time and nothing else."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ray
from ray.core.generated import gcs_pb2
from ray.exceptions import ObjectLostError, RayActorError, RayTaskError

from ns_ray.actors.peers import DiedError
from ns_ray.actors.worker import HEALTH, Pulse
from ns_ray.errors import ActorLostError, NsRayError, PartLostError

_PAUSE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Team:
    """Actors that work together: Ray's namespace of their names, and how calls go on after a death.

    Attributes:
        namespace: of their names.
        retries: how often a call is made again.
        start_seconds: how long an actor may take to be back.
    """

    namespace: str
    retries: int
    start_seconds: float


async def pulse(actor: Any) -> Pulse:
    """Ask an actor how it is; it answers while calls run.

    Raises:
        RayActorError: it has died, or is being started again.
    """
    answer: Pulse = await actor.pulse.options(concurrency_group=HEALTH).remote()
    return answer


def is_dead(actor: Any) -> bool:
    """Whether an actor has no process now, as Ray has found out; one that merely does not answer may have.

    Ray tells of deaths whoever holds a handle, from a moment after it was got on; nothing is asked for this.
    """
    core: Any = ray._private.worker.global_worker
    messages: Any = gcs_pb2
    state = core.core_worker.get_local_actor_state(actor._actor_id)
    return state not in (None, messages.ActorTableData.ALIVE)


class Peer:
    """One actor, by its name.

    Ray restarts an actor that dies; the call that was in it is then made again. This is sound because every call can
    be repeated (see Worker).
    """

    def __init__(self, name: str, team: Team) -> None:
        self.name = name
        self._team = team
        self._actor: Any = None
        self._again = asyncio.Lock()

    @property
    def actor(self) -> Any:
        """Ray's handle.

        Raises:
            ActorLostError: there is none of this name any more.
        """
        if self._actor is None:
            try:
                self._actor = ray.get_actor(self.name, self._team.namespace)
            except ValueError:
                raise ActorLostError(f"{self.name} is gone") from None
        return self._actor

    async def ask_once(self, what: str, call: Callable[[Any], Any]) -> Any:
        """The answer to a call that is not made again where the actor dies; raises as `ask`, and at once."""
        answer = await self._try(what, call)
        if answer is None:
            raise ActorLostError(f"{self.name} died in {what}")
        return answer[0]

    async def ask(self, what: str, call: Callable[[Any], Any], *, several: bool = False) -> Any:
        """The answer to a call.

        Args:
            what: its name, for errors.
            call: makes it of the handle; it returns a reference, or several, of which the last is waited for.
            several: whether it is for several streams, of which one may kill the actor.

        Returns:
            The answer; where there are several references, a list of the first ones and the last one's value.

        Raises:
            DiedError: the actor died under a call for several streams, or under another time after time.
            ActorLostError: it did not come back, or is not there any more.
            PartLostError: something that the call takes, or gave, is not there any more.
            NsRayError: what the call itself raised.
        """
        retries = self._team.retries
        for attempt in range(retries + 1):
            # Made again one by one, so that the call that kills the actor takes no others with it time after time.
            if attempt:
                async with self._again:
                    answer = await self._attempt(what, call)
            else:
                answer = await self._attempt(what, call)
            if answer is not None:
                return answer[0]
            if several:
                raise DiedError(f"{self.name} died in {what}")
            await asyncio.sleep(_PAUSE_SECONDS * attempt)
        raise DiedError(f"{self.name} died {retries + 1} times in {what}; its log in Ray's session folder says why")

    async def _attempt(self, what: str, call: Callable[[Any], Any]) -> tuple[Any] | None:
        """The answer; None where the actor died, once it is back."""
        answer = await self._try(what, call)
        if answer is None:
            await self._back()
        return answer

    async def _try(self, what: str, call: Callable[[Any], Any]) -> tuple[Any] | None:
        """The answer; None where the actor died."""
        try:
            answer = call(self.actor)
            if isinstance(answer, list):
                return (([*answer[:-1]], await answer[-1]),)
            return (await answer,)
        except RayTaskError as error:
            cause = error.cause
            if isinstance(cause, ObjectLostError):
                raise PartLostError(f"{self.name}: what {what} takes is gone with its node") from None
            if isinstance(cause, NsRayError):
                raise cause from None  # its own text, without the actor's traceback
            raise
        except ObjectLostError:
            raise PartLostError(f"{self.name}: what {what} takes or gave is gone with its node") from None
        except RayActorError:
            return None

    async def _back(self) -> None:
        """Wait until Ray has the actor back; several calls may find it gone at once."""
        seconds = self._team.start_seconds
        try:
            async with asyncio.timeout(seconds):
                while True:
                    try:
                        await pulse(self.actor)
                        return
                    except RayActorError:
                        self._actor = None  # it may be another's now, or nobody's
                        await asyncio.sleep(_PAUSE_SECONDS)
        except TimeoutError:
            raise ActorLostError(
                f"{self.name} died and did not come back within {seconds:g} s; has its node gone?"
            ) from None
