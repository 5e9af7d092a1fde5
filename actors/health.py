"""Actors that hang are killed, so that a hang becomes what their callers know to deal with: a death."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import ray
from ray.exceptions import RayError

from ns_ray.actors.peer import is_dead, pulse
from ns_ray.actors.worker import Pulse
from ns_ray.report.results import Loss

_SLICES = 4
_PAUSE_SECONDS = 0.2


@dataclass(slots=True)
class _Ward:
    """An actor that is looked after.

    Attributes:
        name: its name.
        actor: Ray's handle.
        call_seconds: how long its calls may run.
        told: what it told last.
        verdict: why it was killed.
        missed: when it was found not to be there, and its death was told of; 0 while it is.
        tasks: what looks after it.
    """

    name: str
    actor: Any
    call_seconds: float
    told: Pulse
    verdict: str = ""
    missed: float = 0.0
    tasks: set["asyncio.Task[None]"] = field(default_factory=set)


class Watch:
    """Looks after actors from when they have started until they are to end, and counts their deaths.

    An actor hangs if it does not answer, as it is stopped or some native code holds the interpreter lock, or if one
    of its calls runs longer than calls may. One that hangs is killed wherever it is; Ray starts it again.
    """

    def __init__(self, hang_seconds: float, on_loss: Callable[[Loss], None]) -> None:
        """Set up a watch over nobody.

        Args:
            hang_seconds: how long an actor may take to answer. A hang is found out at most a quarter later.
            on_loss: told of each death.
        """
        self._hang_seconds = hang_seconds
        self._on_loss = on_loss
        self._wards: dict[str, _Ward] = {}

    def over(self, name: str, actor: Any, call_seconds: float, told: Pulse) -> None:
        """Take an actor into care that has started, and told this."""
        ward = self._wards[name] = _Ward(name, actor, call_seconds, told)
        task = asyncio.ensure_future(self._look_after(ward))
        ward.tasks.add(task)

    def pid(self, name: str) -> int:
        """The id of an actor's process, as it told last."""
        return self._wards[name].told.pid

    def leave(self, name: str) -> None:
        """Look after an actor no longer, as it is about to be ended."""
        ward = self._wards.pop(name, None)
        if ward is not None:
            for task in ward.tasks:
                task.cancel()

    def end(self) -> None:
        """Look after nobody any more."""
        for name in list(self._wards):
            self.leave(name)

    async def check(self) -> None:
        """Notice deaths at once, as far as the dead are back before they would count as hung."""
        await asyncio.gather(*(self._check(ward) for ward in self._wards.values()))

    async def _check(self, ward: _Ward) -> None:
        try:
            async with asyncio.timeout(self._hang_seconds):
                await self._back(ward)
        except TimeoutError:  # it hangs, which is somebody else's business, or has no node any more
            if is_dead(ward.actor):
                self._miss(ward)

    async def _look_after(self, ward: _Ward) -> None:
        while True:
            await asyncio.sleep(self._hang_seconds / _SLICES)
            try:
                verdict = await self._verdict(ward)
                if verdict:
                    ward.verdict = verdict
                    ray.kill(ward.actor, no_restart=False)
                    await self._back(ward)
            except RayError:
                await self._back(ward)

    async def _verdict(self, ward: _Ward) -> str:
        """How an actor hangs, or nothing; raises RayActorError if it is dead, which its callers find out too."""
        answer = asyncio.ensure_future(pulse(ward.actor))
        for _ in range(_SLICES):  # not in one go: a job that was itself stopped for long would take all for hung
            if (await asyncio.wait({answer}, timeout=self._hang_seconds / _SLICES))[0]:
                break
        else:
            answer.cancel()
            return f"hung (no answer for {self._hang_seconds:g} s)"
        self._note(ward, answer.result())
        oldest = ward.told.oldest
        if oldest is None or oldest.seconds <= ward.call_seconds:
            return ""
        return f"hung ({oldest.method} took more than {ward.call_seconds:g} s)"

    async def _back(self, ward: _Ward) -> None:
        """Wait until an actor is there again: what it starts with may take as long as it likes here."""
        while True:
            try:
                self._note(ward, await pulse(ward.actor))
                return
            except RayError:
                if is_dead(ward.actor):
                    self._miss(ward)
                await asyncio.sleep(_PAUSE_SECONDS)

    def _note(self, ward: _Ward, told: Pulse) -> None:
        """Note what an actor told; and its death, where it is another process now."""
        if told.born != ward.told.born:
            self._miss(ward)
            ward.missed = 0.0
        ward.told = told

    def _miss(self, ward: _Ward) -> None:
        """Tell of an actor's death, once, whether or not it comes back."""
        if not ward.missed:
            ward.missed = time.time()
            did = ward.told.oldest.method if ward.told.oldest else "nothing"
            self._on_loss(Loss(ward.name.replace("-", " "), ward.missed, did, ward.verdict or "died"))
            ward.verdict = ""
