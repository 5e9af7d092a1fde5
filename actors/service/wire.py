"""What goes from a source's process to the service and from there to hosts: frames of bytes, and no pickles.

A frame is a head of fixed size and its data. Media is parsed in the source's process; should that be taken over by
what it reads, its frames are still but numbers and bytes.
"""

import asyncio
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import BinaryIO

from pydantic import TypeAdapter, ValidationError

from ns_ray.errors import MediaError
from ns_ray.video.packets import Packet, SidePacket
from ns_ray.video.probe import VideoInfo

_HEAD = struct.Struct("!BBBBqqqqI")  # kind, track, key, whether it has a dts, number, pts, dts, duration, size
_MOST_BYTES = 64 << 20
_INFO = TypeAdapter(VideoInfo)


class _Kind(IntEnum):
    HELLO, PACKET, SIDE, NOTE, END = range(1, 6)


@dataclass(frozen=True, slots=True)
class Hello:
    """What a source is.

    Attributes:
        info: its video.
        steady: whether its frames last equally long.
        ticks: how much of it was there at once when it was looked at.
    """

    info: VideoInfo
    steady: bool
    ticks: int


@dataclass(frozen=True, slots=True)
class Note:
    """What is to be said of a source."""

    text: str


@dataclass(frozen=True, slots=True)
class End:
    """A source's end, and why; empty where it simply ended."""

    reason: str


Message = Hello | Packet | SidePacket | Note | End


def packed(message: Message) -> bytes:
    """A message as a frame."""
    match message:
        case Hello(info, steady, ticks):
            return _frame(_Kind.HELLO, 0, steady, 0, ticks, 0, _INFO.dump_json(info))
        case Packet(number, data, pts, duration, key, dts):
            return _frame(_Kind.PACKET, 0, key, number, pts, duration, data, dts)
        case SidePacket(track, data, pts, duration, key):
            return _frame(_Kind.SIDE, track, key, 0, pts, duration, data)
        case Note(text):
            return _frame(_Kind.NOTE, 0, False, 0, 0, 0, text.encode(errors="replace"))
        case End(reason):
            return _frame(_Kind.END, 0, False, 0, 0, 0, reason.encode(errors="replace"))


def read(file: BinaryIO) -> Message | None:
    """The next message; None at the end. Raises MediaError where it breaks off."""
    head = file.read(_HEAD.size)
    if not head:
        return None
    if len(head) < _HEAD.size:
        raise MediaError("it breaks off inside a frame")
    size = _size(head)
    data = file.read(size)
    if len(data) < size:
        raise MediaError("it breaks off inside a frame")
    return _unpacked(head, data)


async def receive(reader: asyncio.StreamReader) -> Message | None:
    """As `read`, of what comes over a pipe or socket."""
    try:
        head = await reader.readexactly(_HEAD.size)
        return _unpacked(head, await reader.readexactly(_size(head)))
    except asyncio.IncompleteReadError as error:
        if not error.partial:
            return None
        raise MediaError("it breaks off inside a frame") from None


def _frame(
    kind: int, track: int, key: bool, number: int, time: int, duration: int, data: bytes, dts: int | None = None
) -> bytes:
    return _HEAD.pack(kind, track, key, dts is not None, number, time, dts or 0, duration, len(data)) + data


def _size(head: bytes) -> int:
    size = int(_HEAD.unpack(head)[-1])
    if size > _MOST_BYTES:
        raise MediaError(f"it has a frame of {size} bytes; {_MOST_BYTES} are the most")
    return size


def _unpacked(head: bytes, data: bytes) -> Message:
    kind, track, key, late, number, time, dts, duration, _ = _HEAD.unpack(head)
    match kind:
        case _Kind.HELLO:
            try:
                return Hello(_INFO.validate_json(data), bool(key), time)
            except ValidationError as error:
                raise MediaError(f"it says nothing sensible of itself ({error})") from None
        case _Kind.PACKET:
            return Packet(number, data, time, duration, bool(key), dts if late else None)
        case _Kind.SIDE:
            return SidePacket(track, data, time, duration, bool(key))
        case _Kind.NOTE:
            return Note(data.decode(errors="replace"))
        case _Kind.END:
            return End(data.decode(errors="replace"))
    raise MediaError(f"it has a frame of kind {kind}, which is not known")
