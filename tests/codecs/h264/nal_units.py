"""NAL units and the packets that they make (ITU-T H.264, section 7.3.1 and annex B; ISO/IEC 14496-15)."""

from __future__ import annotations

import struct

START = b"\0\0\0\1"


def units(packet: bytes) -> list[bytes]:
    """NAL units of an Annex B packet."""
    return [part.rstrip(b"\0") for part in packet.split(b"\0\0\1")[1:]]


def to_bits(unit: bytes) -> str:
    """The payload up to its stop bit."""
    payload = unit[1:].replace(b"\0\0\3", b"\0\0")
    text = "".join(f"{byte:08b}" for byte in payload)
    return text[: text.rindex("1")]


def to_unit(header: int, text: str) -> bytes:
    """A NAL unit with stop bit and emulation prevention."""
    text += "1"
    text += "0" * (-len(text) % 8)
    result = bytearray()
    zeros = 0
    for byte in int(text, 2).to_bytes(len(text) // 8, "big"):
        if zeros >= 2 and byte <= 3:
            result.append(3)
            zeros = 0
        result.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes([header]) + bytes(result)


def packet_of(*parts: bytes) -> bytes:
    """An Annex B packet."""
    return b"".join(START + part for part in parts)


def record_of(packet: bytes, size: int) -> bytes:
    """The AVCDecoderConfigurationRecord for a packet's parameter sets; `size`: bytes of lengths."""
    sets = [[unit for unit in units(packet) if unit[0] & 31 == kind] for kind in (7, 8)]
    first = sets[0][0]
    result = bytes([1, *first[1:4], 0xFC | (size - 1), 0xE0 | len(sets[0])])
    result += b"".join(struct.pack(">H", len(unit)) + unit for unit in sets[0])
    return result + bytes([len(sets[1])]) + b"".join(struct.pack(">H", len(unit)) + unit for unit in sets[1])
