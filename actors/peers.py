"""What a host asks of other actors, whoever answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ns_ray.actors.messages import Anchors, Ask, DecodeJob, DecodeReply, EncodeJob, EncodeReply, Form, MadeReply
from ns_ray.actors.orders import Roster
from ns_ray.anchors.award import Award
from ns_ray.anchors.offer import Offer
from ns_ray.anchors.policies import Policy
from ns_ray.errors import ActorLostError
from ns_ray.picture.coding import Coding
from ns_ray.video.block import PacketBlock


class DiedError(ActorLostError):
    """An actor died under a call of several streams, of which one may be to blame, or under another time after time."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """Where hosts meet: the plan's name, the slot, and who is expected.

    Attributes:
        run: the plan's name.
        number: the slot.
        host: who comes.
        roster: who is expected.
        policy: how anchors are shared out.
        wait_seconds: how long the first waits for the others; None for as long as they take.
    """

    run: str
    number: int
    host: str
    roster: Roster
    policy: Policy
    wait_seconds: float | None


class Peers(Protocol):
    """The other actors, by name. A part is whatever stands for what one of them keeps for another.

    Calls for one stream, or for none, are made again where the actor dies under them.

    Every call raises:
        DiedError: the actor died time after time.
        ActorLostError: it did not come back, or is not there any more.
        PartLostError: a part is not there any more.
    """

    async def choose(self, meeting: Meeting, offer: Offer) -> Award:
        """Share out anchors among all hosts' streams; waits for the other hosts."""
        ...

    async def leave(self, run: str, host: str) -> None:
        """Do not expect a host any more."""
        ...

    async def decode(
        self, decoder: str, jobs: Sequence[DecodeJob], parts: int
    ) -> tuple[Sequence[Any], Sequence[DecodeReply]]:
        """Decode an epoch of several streams; raises DiedError at once where there are several."""
        ...

    async def enhance(self, enhancer: str, asks: Sequence[Ask], parts: Sequence[Any]) -> Sequence[Anchors]:
        """Super-resolve frames of several streams to images."""
        ...

    async def enlarge(
        self, enhancer: str, asks: Sequence[Ask], form: Form, parts: Sequence[Any]
    ) -> tuple[Sequence[Any], Sequence[MadeReply]]:
        """Super-resolve frames to pictures; a part for each of what was asked."""
        ...

    async def compress(self, encoder: str, pictures: Any, coding: Coding) -> Anchors:
        """Make images of pictures."""
        ...

    async def encode(self, encoder: str, job: EncodeJob, pictures: Sequence[Any]) -> tuple[PacketBlock, EncodeReply]:
        """Rebuild and encode an epoch of a stream."""
        ...

    async def forget(self, actor: str, names: Sequence[str]) -> None:
        """Have a decoder or encoder drop what it holds of streams."""
        ...
