"""One stream's enhancement: a session at a host, and the anchors that it writes on their way to viewers."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil
from pathlib import Path
from typing import Protocol

from ns_ray.actors.following import Following
from ns_ray.actors.messages import Stream
from ns_ray.actors.orders import Change, Order, Plan
from ns_ray.actors.reports import StreamReport
from ns_ray.actors.service.relay import Base, Relay
from ns_ray.actors.service.source import BackOff
from ns_ray.actors.session import format_of
from ns_ray.errors import NsRayError
from ns_ray.hybrid.growing import GrowingFile, GrownAnchor

_LOOK_SECONDS = 0.1


class Preparer(Protocol):
    """Who gets workers ready (ManagerClient)."""

    async def prepare(self, streams: list[Stream], plan: Plan) -> object:
        """See Manager.prepare."""
        ...


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted of a stream: model, file of its weights (None for those that ship), and as in `Order`."""

    model: str
    weights: str | None = None
    fraction: float | None = None
    priority: float = 1.0

    def changed(self, change: Change) -> "Wish":
        """The wish with a change to it."""
        told = {name: getattr(change, name) for name in ("weights", "fraction", "priority")}
        return replace(self, **{name: value for name, value in told.items() if value is not None})


class Enhancement:
    """Has a stream enhanced for as long as it comes; where that fails it begins anew, as a further recording.

    Attributes:
        wish: what is wanted.
        recording: the name that the session and its file have; empty before it began.
        report: what became of the latest session so far.
        problem: why nothing is enhanced now; empty where something is.
    """

    def __init__(
        self,
        name: str,
        wish: Wish,
        relay: Relay,
        plan: Plan,
        slot: float,
        preparer: Preparer,
        following: Following,
        send: Callable[[Base, GrownAnchor], None],
    ) -> None:
        """Set up the enhancement of a stream.

        Args:
            name: the stream's.
            wish: what is wanted.
            relay: where it comes from, and is open.
            plan: what streams have in common.
            slot: seconds of a slot.
            preparer: gets workers ready.
            following: begins sessions, and knows what became of them.
            send: given each anchor as it has been written, and where its session began.
        """
        self.wish = wish
        self.recording = ""
        self.report: StreamReport | None = None
        self.problem = ""
        self._name = name
        self._relay = relay
        self.plan = plan
        self._slot = slot
        self._preparer = preparer
        self._following = following
        self._send = send

    @property
    def path(self) -> Path | None:
        """The recording's file, which has its name when it is whole; None where none was begun."""
        return self.plan.output / f"{self.recording}.mkv" if self.recording and not self.refused else None

    @property
    def refused(self) -> bool:
        """Whether there was no room for it when it was tried last."""
        return self.report is not None and self.report.state == "refused"

    @property
    def fraction(self) -> float:
        """Anchors a shown frame that it asks for."""
        return self.plan.policy.asks(self.wish.fraction)

    @property
    def fraction_now(self) -> float:
        """Anchors a shown frame that there is time for now; 0 where nothing is enhanced."""
        if not self._runs():
            return 0.0
        standings = self._following.standings
        lowering = self.plan.lowering(standings[-1].factor if standings else 1.0)
        return self.plan.policy.lowered(lowering).asks(self.wish.fraction)

    async def change(self, change: Change) -> None:
        """Go on otherwise; raises as Manager.change."""
        if self._runs():
            await self._following.change(self.recording, change)
        self.wish = self.wish.changed(change)

    async def run(self, address: str) -> None:
        """Go on until the stream has ended and its recording is whole; `address` is where hosts read it."""
        back_off, now = BackOff(), asyncio.get_running_loop().time
        while True:
            begun = now()
            try:
                await self._once(address)
            except NsRayError as error:
                self.problem = str(error)
            if await self._relay.ends_within(0 if self._relay.ended else back_off.after(now() - begun)):
                return

    async def halt(self) -> None:
        """End the session early."""
        if self.recording in self._following.streams:
            await self._following.halt([self.recording])

    async def _once(self, address: str) -> None:
        """One session, from a key frame on to its end."""
        assert self._relay.info is not None
        recording = self._free_name()
        info = replace(self._relay.info, path=address)
        stream = Stream(recording, info, self.wish.model, self.wish.weights)
        await self._preparer.prepare([stream], self.plan)
        base = await self._relay.next_key()
        if base is None:
            return
        # By the next slot's beginning, so that no packet is waited for beyond its slot.
        first = ceil((base.came - self.plan.began) / self._slot)
        order = Order(stream, self.plan, first, self.wish.fraction, self.wish.priority)
        growing = GrowingFile(Path(f"{order.path}.part"), format_of(order))
        self.recording = recording
        try:
            await self._following.add([order])
            while self._runs():
                self.problem = ""
                await self._hand_on(growing, base)
                await asyncio.sleep(_LOOK_SECONDS)
            self.problem = self.report.reason if self.report is not None else ""
            await self._hand_on(growing, base)
            await self._following.drop([recording])
        finally:
            growing.close()
            self._following.streams.pop(recording, None)

    def _runs(self) -> bool:
        """Whether the session has not ended, as far as is known."""
        followed = self._following.streams.get(self.recording)
        if followed is not None:
            self.report = followed.report
        return followed is not None and followed.report.state == "running"

    async def _hand_on(self, growing: GrowingFile, base: Base) -> None:
        for anchor in await asyncio.to_thread(growing.read):
            self._send(base, anchor)

    def _free_name(self) -> str:
        """A name that no recording has yet."""
        stem = f"{self._name}_{datetime.now():%Y%m%d-%H%M%S}"
        for name in (stem, *(f"{stem}-{number}" for number in range(2, 1000))):
            if not any(self.plan.output.glob(f"{name}.mkv*")):
                return name
        raise NsRayError(f"{self.plan.output}: there are too many recordings of {stem}; move them")
