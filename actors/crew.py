"""What the manager, and those who follow its streams, ask of all actors, whoever answers."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from ns_ray.actors.messages import DecoderSpeed, Stream
from ns_ray.actors.orders import Change, Order, Placement, Roster
from ns_ray.actors.reports import AnchorCounts, Doing, HostReport
from ns_ray.picture.coding import Coding
from ns_ray.report.results import EngineResult
from ns_ray.video.block import PacketBlock
from ns_ray.video.probe import VideoInfo


class Crew(Protocol):
    """All actors, by name: `host-0`, `decoder-3`.

    Calls to hosts, `change` left out, and `take_roster` are made once, as those who make them look again anyway; others
    are made again where the actor dies under them.

    Every call raises:
        ActorLostError: the actor died, time after time where the call is made again, or is not there any more.
    """

    async def names(self) -> Sequence[str]:
        """All that there are now, those too that are just being started again."""
        ...

    async def answers(self, name: str) -> bool:
        """Whether an actor is there and well."""
        ...

    async def dead(self, names: Collection[str]) -> set[str]:
        """Which of these actors have no process now, for sure: what they wrote, nobody writes any more."""
        ...

    async def probe(self, decoder: str, path: str, unsafe: bool) -> VideoInfo:
        """Look at a video, `unsafe` as in `open_input`; raises MediaError if it cannot be enhanced."""
        ...

    async def first_packets(self, decoder: str, stream: Stream, count: int) -> PacketBlock:
        """The first packets of a stream; raises MediaError if it cannot be read."""
        ...

    async def measure(self, decoder: str, stream: Stream, packets: PacketBlock) -> DecoderSpeed:
        """Have a decoder tell how fast it is."""
        ...

    async def prepare_decoder(self, decoder: str, stream: Stream, packets: PacketBlock) -> None:
        """Have a decoder open what a stream needs; `packets` are its first ones, to try."""
        ...

    async def prepare_enhancer(self, enhancer: str, stream: Stream) -> EngineResult:
        """Have an enhancer get ready for a stream; raises ModelError where its model or weights cannot be used."""
        ...

    async def measure_enhancer(
        self, enhancer: str, decoder: str, stream: Stream, packets: PacketBlock, coding: Coding
    ) -> float:
        """Seconds that an anchor takes an enhancer, compression included; a decoder gives it frames of `packets`.

        0 where none of them can be decoded.
        """
        ...

    async def take_roster(self, run: str, roster: Roster) -> None:
        """Tell the scheduler which hosts have streams of a plan."""
        ...

    async def add(self, host: str, orders: Sequence[tuple[Order, Placement]], rosters: Mapping[str, Roster]) -> None:
        """Have a host begin streams, or go on with them where they have been begun."""
        ...

    async def change(self, host: str, name: str, change: Change) -> None:
        """Have a host go on with a stream otherwise."""
        ...

    async def move(self, host: str, name: str, placement: Placement) -> None:
        """Have other actors work for a stream."""
        ...

    async def halt(self, host: str, names: Sequence[str]) -> None:
        """Have a host end streams early."""
        ...

    async def release(self, host: str, names: Sequence[str]) -> Sequence[str]:
        """Have a host let go of streams for another to go on with; those that it has not any more."""
        ...

    async def remove(self, host: str, names: Sequence[str]) -> None:
        """Have a host forget streams that have ended."""
        ...

    async def take_rosters(self, host: str, rosters: Mapping[str, Roster]) -> None:
        """Tell a host which hosts have streams of a plan."""
        ...

    async def doing(self, host: str) -> Mapping[str, Doing]:
        """What a host does, by stream."""
        ...

    async def anchor_counts(self, host: str) -> AnchorCounts:
        """How enhancers kept up with a host's streams."""
        ...

    async def report(self, host: str, after: int, born: str) -> HostReport:
        """What became of a host's streams, and their epochs after number `after` of the process `born`."""
        ...
