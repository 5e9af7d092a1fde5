"""Actors that hang are killed, so that a hang becomes what the pool knows to deal with: a death."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import RayError

from actors.worker import HEALTH, Pulse

_SLICES = 4


async def pulse(actor: Any) -> Pulse:
    """Ask an actor how it is; it answers while calls run.

    Raises:
        RayActorError: it has died, or is being started again.
    """
    answer: Pulse = await actor.pulse.options(concurrency_group=HEALTH).remote()
    return answer


@dataclass(slots=True)
class Ward:
    """An actor that is looked after.

    Attributes:
        actor: its Ray handle.
        call_seconds: how long one of its calls may run.
        calls: its calls under way, those that wait for their turn among them.
        verdict: why it was killed, until its death has been dealt with.
    """

    actor: Any
    call_seconds: float
    calls: int = 0
    verdict: str = ""


class Watch:
    """Looks after actors, from the first call of any of them until they are to end.

    An actor hangs if it does not answer, as it is stopped or some native code holds the interpreter lock, or if one
    of its calls runs longer than calls may. One that hangs is killed wherever it is; Ray starts it again.
    """

    def __init__(self, hang_seconds: float) -> None:
        """Set up a watch over nobody.

        Args:
            hang_seconds: how long an actor may take to answer. A hang is found out at most a quarter later.
        """
        self._hang_seconds = hang_seconds
        self._wards: list[Ward] = []
        self._task: asyncio.Task[None] | None = None

    def over(self, actors: Sequence[Any], call_seconds: float) -> list[Ward]:
        """Take more actors into care."""
        wards = [Ward(actor, call_seconds) for actor in actors]
        self._wards += wards
        return wards

    @contextmanager
    def during_call(self, ward: Ward) -> Iterator[None]:
        """Say that an actor is being called."""
        ward.calls += 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look_after_all())
        try:
            yield
        finally:
            ward.calls -= 1

    def end(self) -> None:
        """Look no longer, as the actors are about to be ended."""
        if self._task is not None:
            self._task.cancel()

    async def _look_after_all(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for ward in self._wards:
                tasks.create_task(self._look_after(ward))

    async def _look_after(self, ward: Ward) -> None:
        while True:
            await asyncio.sleep(self._hang_seconds / _SLICES)
            try:
                verdict = await self._verdict(ward)
                if not verdict:
                    continue
                ward.verdict = verdict
                ray.kill(ward.actor, no_restart=False)
                await pulse(ward.actor)
            except RayError:
                await self._back(ward)

    async def _verdict(self, ward: Ward) -> str:
        """How an actor hangs, or nothing; raises RayActorError if it is dead, which its calls find out too."""
        answer = asyncio.ensure_future(pulse(ward.actor))
        for _ in range(_SLICES):  # not in one go: a job that was itself stopped for long would take all for hung
            if (await asyncio.wait({answer}, timeout=self._hang_seconds / _SLICES))[0]:
                break
        else:
            answer.cancel()
            return f"hung (no answer for {self._hang_seconds:g} s)"
        oldest = answer.result().oldest
        if oldest is None or oldest.seconds <= ward.call_seconds:
            return ""
        return f"hung ({oldest.method} took more than {ward.call_seconds:g} s)"

    async def _back(self, ward: Ward) -> None:
        """Wait until an actor is there again: what it starts with may take as long as it likes here."""
        while True:
            try:
                await pulse(ward.actor)
                return
            except RayError:
                await asyncio.sleep(self._hang_seconds / _SLICES)
