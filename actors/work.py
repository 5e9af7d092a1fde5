"""What a session asks of its host, whoever does it."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from ns_ray.actors.messages import (
    Anchors,
    DecodeReply,
    EncodeJob,
    EncodeReply,
    FinishReply,
    Form,
    MadeReply,
    Stream,
    WriteReply,
)
from ns_ray.actors.orders import Order
from ns_ray.anchors.epoch import Choice, StreamEpoch, StreamState
from ns_ray.codecs.records import FrameRecord
from ns_ray.hybrid.anchor_image import AnchorImage
from ns_ray.hybrid.writer import HybridFormat
from ns_ray.picture.coding import Coding
from ns_ray.report.results import Span
from ns_ray.video.block import PacketBlock
from ns_ray.video.decode import FrameName
from ns_ray.video.packets import Mark, Packet, SidePacket


@dataclass(frozen=True, slots=True)
class Read:
    """Packets read, and what follows.

    Attributes:
        packets: the video's.
        sides: those of the tracks beside it.
        records: of the video's frames.
        mark: where the next read begins.
        ended: whether these were the last.
        error: why they broke off, if they did.
        notes: what was done to times.
        span: the work.
        end: when the last of these packets has been shown, in seconds.
        following: the time of the packet after it, where that is known.
        ahead: packets after it, without which not all pictures of these are out (`Codec.late`); they come again.
    """

    packets: Sequence[Packet]
    sides: Sequence[SidePacket]
    records: Sequence[FrameRecord]
    mark: Mark
    ended: bool
    error: str
    notes: tuple[str, ...]
    span: Span
    end: Fraction = Fraction(0)
    following: Fraction | None = None
    ahead: Sequence[Packet] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """Frames of one stream that a decoder or an enhancer keeps: where, and their place there among those of others."""

    where: Any
    place: int = 0


@dataclass(frozen=True, slots=True)
class Decoding:
    """What a session wants decoded, and for which enhancer; `wanted` groups frames by how many that takes at once.

    `ahead`: the packets that follow, and whether nothing follows those (`ended`).
    """

    stream: Stream
    enhancer: str
    epoch: int
    packets: PacketBlock
    wanted: Sequence[Sequence[FrameName]] = ()
    history: Sequence[PacketBlock] | None = None
    ahead: PacketBlock | None = None
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Enhancing:
    """Frames of a stream to be super-resolved: as images, or as pictures."""

    stream: Stream
    frames: Part
    form: Form
    coding: Coding
    deadline: float | None


@dataclass(frozen=True, slots=True)
class Writing:
    """One epoch for a file: what goes behind `offset`, and a note for whoever has to go on from there."""

    path: Path
    format: HybridFormat
    offset: int
    packets: Sequence[Packet]
    sides: Sequence[SidePacket]
    anchors: Sequence[AnchorImage]
    note: bytes


@dataclass(frozen=True, slots=True)
class Left:
    """What another session of the same order left: the latest notes in its file, each with its end; if it finished."""

    notes: Sequence[tuple[int, bytes]] = ()
    finished: bool = False


class Given(NamedTuple):
    """What a stream gets in a slot.

    Attributes:
        choice: its anchors.
        span: the work of choosing.
        in_time: whether it came in time.
        factor: what its fraction was multiplied by.
    """

    choice: Choice
    span: Span
    in_time: bool
    factor: float = 1.0


class Work(Protocol):
    """Does what a session cannot do by itself.

    Every call may be made again with the same result. All raise an NsRayError where the stream, or the actor that works
    for it, is beyond help.
    """

    async def read(self, stream: Stream, mark: Mark, until: Fraction, limit: int) -> Read:
        """The packets from `mark` on whose times come before `until`, in seconds; `limit` packets at most."""
        ...

    async def before(self, stream: Stream, mark: Mark) -> Sequence[Packet]:
        """The packets since the last key frame before `mark`, as far as the source can be read again."""
        ...

    def expect(self, order: Order, number: int) -> None:
        """Say that a stream will have an epoch in slot `number`, and in none before it."""
        ...

    def leave(self, order: Order) -> None:
        """Say that a stream has no epoch any more."""
        ...

    async def choose(self, order: Order, number: int, epoch: StreamEpoch, state: StreamState) -> Given:
        """Meet the other streams in slot `number`."""
        ...

    def keeps_up(self, enhancer: str, chosen: int, late: int) -> None:
        """Say how many of a paced epoch's anchors were given up."""
        ...

    async def decode(self, decoder: str, job: Decoding) -> tuple[Sequence[Part], DecodeReply]:
        """Decode an epoch; each group of frames that are wanted, kept for an enhancer."""
        ...

    async def enhance(self, enhancer: str, job: Enhancing) -> Anchors:
        """Super-resolve frames to images.

        Raises:
            PartLostError: the frames are not there any more; decode them again.
        """
        ...

    async def enlarge(self, enhancer: str, job: Enhancing) -> tuple[Part, MadeReply]:
        """Super-resolve frames to pictures, kept for an encoder; raises as `enhance`."""
        ...

    async def compress(self, encoder: str, pictures: Part, coding: Coding) -> Anchors:
        """Make images of pictures; raises as `enhance`."""
        ...

    async def encode(self, encoder: str, job: EncodeJob, pictures: Sequence[Part]) -> tuple[PacketBlock, EncodeReply]:
        """Rebuild an epoch from its pictures and encode it anew; raises as `enhance`."""
        ...

    async def write(self, job: Writing) -> WriteReply:
        """Append an epoch to a file."""
        ...

    async def recover(self, order: Order, part: Path) -> Left:
        """What has been written so far, brought to where it can be gone on with."""
        ...

    async def hand_over(self, part: Path, offset: int) -> None:
        """Have an unfinished file, written up to an offset, where another host can go on with it, if possible."""
        ...

    async def finish(self, part: Path, path: Path, format: HybridFormat) -> FinishReply:
        """Make the finished file of one that was written so far. Doing it twice does no harm."""
        ...

    async def forget(self, stream: Stream, decoder: str, encoder: str) -> None:
        """Let go of whatever is kept for a stream."""
        ...
