"""The elements that a Matroska file is made of (EBML, RFC 8794; Matroska, RFC 9559)."""

import mmap
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ns_ray.errors import MediaError

EBML, DOC_TYPE = 0x1A45DFA3, 0x4282
SEGMENT = 0x18538067
VOID, CRC = 0xEC, 0xBF
SEEK_HEAD, SEEK, SEEK_ID, SEEK_POSITION = 0x114D9B74, 0x4DBB, 0x53AB, 0x53AC
INFO, TIMESTAMP_SCALE, DURATION, MUXING_APP, WRITING_APP = 0x1549A966, 0x2AD7B1, 0x4489, 0x4D80, 0x5741
TRACKS, TRACK_ENTRY, TRACK_NUMBER, TRACK_UID, TRACK_TYPE = 0x1654AE6B, 0xAE, 0xD7, 0x73C5, 0x83
FLAG_LACING, FLAG_DEFAULT, DEFAULT_DURATION, NAME, LANGUAGE = 0x9C, 0x88, 0x23E383, 0x536E, 0x22B59C
CODEC_ID, CODEC_PRIVATE, CODEC_DELAY = 0x86, 0x63A2, 0x56AA
SUBTITLE = 17  # a TRACK_TYPE
VIDEO, PIXEL_WIDTH, PIXEL_HEIGHT, STEREO_MODE, ALPHA_MODE = 0xE0, 0xB0, 0xBA, 0x53B8, 0x53C0
DISPLAY_WIDTH, DISPLAY_HEIGHT, DISPLAY_UNIT = 0x54B0, 0x54BA, 0x54B2
CROP_BOTTOM, CROP_TOP, CROP_LEFT, CROP_RIGHT = 0x54AA, 0x54BB, 0x54CC, 0x54DD
COLOUR, MATRIX, RANGE, TRANSFER, PRIMARIES = 0x55B0, 0x55B1, 0x55B9, 0x55BA, 0x55BB
MAX_CLL, MAX_FALL, MASTERING = 0x55BC, 0x55BD, 0x55D0
PROJECTION, PROJECTION_YAW, PROJECTION_ROLL = 0x7670, 0x7673, 0x7675
TAGS, TAG, TARGETS, TAG_TRACK_UID, SIMPLE_TAG = 0x1254C367, 0x7373, 0x63C0, 0x63C5, 0x67C8
TAG_NAME, TAG_STRING = 0x45A3, 0x4487
CLUSTER, TIMESTAMP, SIMPLE_BLOCK, BLOCK_GROUP = 0x1F43B675, 0xE7, 0xA3, 0xA0
BLOCK, BLOCK_DURATION, REFERENCE_BLOCK = 0xA1, 0x9B, 0xFB
CUES, CUE_POINT, CUE_TIME, CUE_TRACK_POSITIONS = 0x1C53BB6B, 0xBB, 0xB3, 0xB7
CUE_TRACK, CUE_CLUSTER_POSITION = 0xF7, 0xF1

_KEY, _LACED = 0x80, 0x06  # flags of a block
Data = bytes | mmap.mmap
Piece = bytes | memoryview
UNKNOWN = b"\x01" + b"\xff" * 7
"""A size that says: to the end of the file."""


@dataclass(frozen=True, slots=True)
class Element:
    """Where an element lies in the data it was found in: its name, its first byte, its content's first and last + 1."""

    name: int
    at: int
    body: int
    end: int


@dataclass(frozen=True, slots=True)
class Block:
    """One block: the number of its track, its time in units of the file, its payload, and what its group says.

    `head` are the payload's first bytes where they lie apart from the rest; a block that was read has none.
    """

    track: int
    time: int
    data: bytes | memoryview
    key: bool
    duration: int | None = None
    head: bytes = b""


def elements(data: Data, start: int = 0, end: int | None = None) -> Iterator[Element]:
    """The elements between two offsets, in order; one of unknown size goes on to `end`.

    Raises:
        MediaError: they are no elements, or the last one goes beyond the end.
    """
    at, end = start, len(data) if end is None else end
    while at < end:
        one = element_at(data, at, end)
        if one.end > end:
            raise MediaError(f"Matroska data ends inside an element at byte {at}")
        yield one
        at = one.end


def element_at(data: Data, at: int, end: int) -> Element:
    """The element that begins at an offset, whether or not it is there to its end.

    Raises:
        MediaError: none begins there.
    """
    name, size_at = _number(data, at, end, keep_marker=True)
    size, body = _number(data, size_at, end, keep_marker=False)
    unknown = size == (1 << 7 * (body - size_at)) - 1
    return Element(name, at, body, end if unknown else body + size)


def _number(data: Data, at: int, end: int, *, keep_marker: bool) -> tuple[int, int]:
    first = data[at] if at < end else 0
    length = 9 - first.bit_length()
    if length > 8 or at + length > end:
        raise MediaError(f"Matroska data is damaged at byte {at}")
    value = int.from_bytes(data[at : at + length], "big")
    return (value if keep_marker else value & ((1 << 7 * length) - 1)), at + length


def children(data: bytes) -> list[tuple[int, bytes]]:
    """Name and content of each element in a master element's content."""
    return [(one.name, data[one.body : one.end]) for one in elements(data)]


def child(data: bytes, *names: int) -> bytes | None:
    """Content of the first element that lies under these names, one in the other; None where there is none."""
    for name in names:
        found = next((body for kind, body in children(data) if kind == name), None)
        if found is None:
            return None
        data = found
    return data


def number(data: bytes | None, default: int = 0) -> int:
    """An unsigned integer's value."""
    return default if data is None else int.from_bytes(data, "big")


def real(data: bytes) -> float:
    """A floating-point element's value."""
    return float(struct.unpack(">d" if len(data) == 8 else ">f", data)[0]) if data else 0.0


def element(name: int, *contents: bytes) -> bytes:
    """An element of known size."""
    return b"".join(pieces(name, contents))


def pieces(name: int, contents: Iterable[Piece]) -> list[Piece]:
    """An element of known size as pieces to be written one after the other, so that its content is not copied."""
    held = list(contents)
    return [identifier(name) + size_of(sum(map(len, held))), *held]


def size_of(size: int) -> bytes:
    """The size of an element's content as it is written, in as few bytes as hold it."""
    length = ((size + 1).bit_length() + 6) // 7  # all ones would say that it is not known
    return (size | 1 << 7 * length).to_bytes(length, "big")


def identifier(name: int) -> bytes:
    """An element's name as it is written."""
    return name.to_bytes((name.bit_length() + 7) // 8, "big")


def unsigned(name: int, value: int) -> bytes:
    """An unsigned integer."""
    return element(name, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def signed(name: int, value: int) -> bytes:
    """A signed integer."""
    return element(name, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def double(name: int, value: float) -> bytes:
    """A floating-point number."""
    return element(name, struct.pack(">d", value))


def text(name: int, value: str) -> bytes:
    """A string."""
    return element(name, value.encode())


def without(content: bytes, *names: int) -> bytes:
    """A master element's content less the elements of these names."""
    return b"".join(element(name, body) for name, body in children(content) if name not in names)


def tags(track_uid: int, values: Sequence[tuple[str, str]]) -> bytes:
    """What is said of one track, as name and value."""
    simple = [element(SIMPLE_TAG, text(TAG_NAME, name), text(TAG_STRING, value)) for name, value in values]
    return element(TAG, element(TARGETS, unsigned(TAG_TRACK_UID, track_uid)), *simple)


def block(one: Block, cluster_time: int, previous: int) -> list[Piece]:
    """A block as it is written into a cluster, in pieces: simple where it has no duration of its own.

    Args:
        one: the block; its track's number is below 127.
        cluster_time: the cluster's own time; the block's is at most 32767 units from it.
        previous: time of the block before it on its track, which it refers to where it is no key frame.
    """
    place = bytes([0x80 | one.track]) + struct.pack(">h", one.time - cluster_time)
    if one.duration is None:
        return _payload(SIMPLE_BLOCK, place + bytes([_KEY if one.key else 0]), one)
    parts = [*_payload(BLOCK, place + b"\0", one), unsigned(BLOCK_DURATION, one.duration)]
    if not one.key:
        # Some readers take a reference to the block's own time for none at all.
        parts.append(signed(REFERENCE_BLOCK, previous - one.time or -1))
    return pieces(BLOCK_GROUP, parts)


def _payload(name: int, before: bytes, one: Block) -> list[Piece]:
    start, data = before + one.head, one.data
    return [identifier(name) + size_of(len(start) + len(data)) + start, data]


def read_block(data: Data, place: Element, cluster_time: int, *, payload: bool = True) -> Block | None:
    """The block that a cluster's element holds; None where the element is something else, or laced.

    Args:
        data: what the element lies in.
        place: the element.
        cluster_time: the cluster's own time.
        payload: whether to copy the block's data; without, no more is read than what stands before them.

    Raises:
        MediaError: the block is damaged.
    """
    key, duration, holder = None, None, place if place.name == SIMPLE_BLOCK else None
    if place.name == BLOCK_GROUP:
        key = True
        for one in elements(data, place.body, place.end):
            if one.name == BLOCK:
                holder = one
            elif one.name == BLOCK_DURATION:
                duration = number(data[one.body : one.end])
            elif one.name == REFERENCE_BLOCK:
                key = False
    if holder is None:
        return None
    track, at = _number(data, holder.body, holder.end, keep_marker=False)
    if at + 3 > holder.end:
        raise MediaError(f"Matroska data is damaged in the block at byte {place.at}")
    flags = data[at + 2]
    if flags & _LACED:
        return None
    time = cluster_time + int.from_bytes(data[at : at + 2], "big", signed=True)
    content = data[at + 3 : holder.end] if payload else b""
    return Block(track, time, content, bool(flags & _KEY) if key is None else key, duration)
