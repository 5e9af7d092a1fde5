"""NAL units of HEVC images, each behind its length as in Matroska, and what parameter sets say.

ITU-T H.265, section 7.3; hvcC, as Matroska is told of them: ISO/IEC 14496-15, section 8.3.3.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

VPS, SPS, PPS, SEI = 32, 33, 34, 39
PICTURES = (19, 20)
"""Types of IDR slices."""
LENGTH = 4
"""Bytes of a length."""
_HEADER = 2  # bytes of a NAL unit before its content
_LAYER = 1  # second byte of those of the base layer, at no temporal level
_UNREGISTERED = 5  # user data in SEI that anyone may define, after a UUID
_UUID = bytes.fromhex("e17a0a6c6a3d4f0e9d6b4e535241590a")
_LONGEST_SPS = 256  # bytes that are looked at: what is read lies in the first 120


def units(image: bytes | memoryview) -> Iterator[tuple[int, int, int]]:
    """The NAL units of an image: type, and where each, without its length, begins and ends; ends at what is not whole.

    Units of further layers or temporal levels have type -1: an image needs none.
    """
    at = 0
    while at + LENGTH + _HEADER <= len(image):
        begin = at + LENGTH
        at = begin + int.from_bytes(image[at:begin], "big")
        if at > len(image) or at < begin + _HEADER:
            return
        yield (image[begin] >> 1 & 63 if image[begin] < 128 and image[begin + 1] == _LAYER else -1), begin, at


def with_lengths(stream: bytes) -> bytes:
    """What encoders give, with start codes between its units, as an image."""
    return joined(unit.rstrip(b"\0") for unit in stream.split(b"\0\0\1")[1:])


def joined(found: Iterable[bytes]) -> bytes:
    """Units, each behind its length."""
    return b"".join(len(unit).to_bytes(LENGTH, "big") + unit for unit in found)


def user_data(content: bytes) -> bytes:
    """A SEI unit of ours, behind its length, that holds fewer than 239 bytes."""
    payload = _UUID + content
    message = bytes((_UNREGISTERED, len(payload))) + payload + b"\x80"
    return joined([bytes((SEI << 1, _LAYER)) + _escaped(message)])


def read_user_data(unit: bytes) -> bytes | None:
    """What our SEI unit holds; None of another one."""
    message = _unescaped(unit[_HEADER:])
    if message[:1] != bytes((_UNREGISTERED,)) or message[2 : 2 + len(_UUID)] != _UUID:
        return None
    return message[2 + len(_UUID) : 2 + message[1]]


def _escaped(content: bytes) -> bytes:
    """Without what could be taken for a start code."""
    return re.sub(rb"\x00\x00(?=[\x00-\x03])", b"\0\0\3", content)


def _unescaped(content: bytes) -> bytes:
    return content.replace(b"\0\0\3", b"\0\0")


class Sps(NamedTuple):
    """What a sequence parameter set says.

    Attributes:
        profile: its profile, tier and level, 12 bytes.
        nested: whether its temporal levels are nested.
        chroma: chroma_format_idc, 1 of 4:2:0.
        size: (columns, rows) that are coded, of which the picture is a part.
        depths: bits a sample beyond 8, of luma and chroma.
    """

    profile: bytes
    nested: int
    chroma: int
    size: tuple[int, int]
    depths: tuple[int, int]


def read_sps(unit: bytes) -> Sps | None:
    """Read one; None where it is damaged."""
    content = _unescaped(unit[_HEADER:_LONGEST_SPS])
    try:
        return _sps(_Bits(content), content)
    except EOFError:
        return None


def _sps(bits: "_Bits", content: bytes) -> Sps:
    bits.take(4)
    levels, nested = bits.take(3), bits.take(1)
    bits.take(96)
    flags = bits.take(16) if levels else 0  # of each temporal level below: whether it has a profile and a level
    for at in range(levels):
        bits.take(88 * (flags >> 15 - 2 * at & 1) + 8 * (flags >> 14 - 2 * at & 1))
    bits.number()
    chroma = bits.number()
    if chroma == 3:
        bits.take(1)
    size = bits.number(), bits.number()
    if bits.take(1):
        for _ in range(4):
            bits.number()
    return Sps(content[1:13], nested, chroma, size, (bits.number(), bits.number()))


class _Bits:
    """Reads bits from the front; raises EOFError behind the last."""

    def __init__(self, content: bytes) -> None:
        self._value, self._left = int.from_bytes(content, "big"), 8 * len(content)

    def take(self, count: int) -> int:
        """So many bits as a number."""
        if count > self._left:
            raise EOFError
        self._left -= count
        return self._value >> self._left & (1 << count) - 1

    def number(self) -> int:
        """A number in Exp-Golomb code, section 9.2."""
        zeros = 0
        while not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros)


def hvcc(image: bytes) -> bytes:
    """What Matroska wants to be told of images like a whole one: its parameter sets, and what they say."""
    sets = [(kind, image[begin:end]) for kind, begin, end in units(image) if kind in (VPS, SPS, PPS)]
    sps = next(read_sps(unit) for kind, unit in sets if kind == SPS)
    assert sps is not None
    said = bytes((1,)) + sps.profile + bytes((0xF0, 0, 0xFC, 0xFC | sps.chroma))
    said += bytes((0xF8 | sps.depths[0], 0xF8 | sps.depths[1], 0, 0, 1 << 3 | sps.nested << 2 | LENGTH - 1, len(sets)))
    return said + b"".join(bytes((kind, 0, 1)) + len(unit).to_bytes(2, "big") + unit for kind, unit in sets)
