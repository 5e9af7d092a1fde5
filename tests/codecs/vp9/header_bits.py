"""Writes uncompressed headers anew, to make frames that the encoder at hand does not."""

from __future__ import annotations


class Bits:
    """Reads bits, most significant first."""

    def __init__(self, data: bytes) -> None:
        self.text = "".join(f"{byte:08b}" for byte in data)
        self.at = 0

    def take(self, count: int) -> str:
        self.at += count
        return self.text[self.at - count : self.at]

    def flag(self) -> bool:
        return self.take(1) == "1"


def tail_of_header(bits: Bits, columns: int) -> str:
    """From the loop filter to the end (section 6.2), for frames without segmentation."""
    start = bits.at
    bits.take(9)
    if bits.flag() and bits.flag():
        for _ in range(6):
            if bits.flag():
                bits.take(7)
    bits.take(8)
    for _ in range(3):
        if bits.flag():
            bits.take(5)
    assert not bits.flag(), "segmentation"
    most = 1
    while ((columns + 63) // 64) >> most >= 4:
        most += 1
    for _ in range(most - 1):
        if not bits.flag():
            break
    if bits.flag():
        bits.flag()
    bits.take(16)
    return bits.text[start : bits.at]


def flip(frame: bytes, *places: int) -> bytes:
    """Turn single bits round; they are counted from the first byte's most significant one."""
    changed = bytearray(frame)
    for place in places:
        changed[place // 8] ^= 0x80 >> place % 8
    return bytes(changed)


def as_intra_only(key_frame: bytes, *, reset: int = 3, context: int | None = None) -> bytes:
    """Turn a profile 0 key frame into a hidden intra-only frame that refreshes all slots.

    `reset` is its reset_frame_context, by default that of all contexts, and `context` its frame_context_idx, if another
    than the key frame's.
    """
    bits = Bits(key_frame)
    assert bits.take(4) == "1000", "profile 0"
    show_existing, frame_type, _show = bits.take(3)
    assert (show_existing, frame_type) == ("0", "0"), "a key frame"
    resilient = bits.take(1)
    sync_code = bits.take(24)
    bits.take(4)  # colour
    size = bits.take(32)
    width = int(size[:16], 2) + 1
    render = bits.take(1)
    if render == "1":
        render += bits.take(32)
    contexts = bits.take(2 if resilient == "1" else 4)
    if context is not None:
        contexts = contexts[:-2] + f"{context:02b}"
    tail = tail_of_header(bits, width)
    resets = "" if resilient == "1" else f"{reset:02b}"
    header = "1000" + "0" + "1" + "0" + resilient + "1" + resets + sync_code + "1" * 8 + size + render + contexts + tail
    header += "0" * (-len(header) % 8)
    made = bytes(int(header[i : i + 8], 2) for i in range(0, len(header), 8))
    return made + key_frame[(bits.at + 7) // 8 :]
