"""Subtitles of MP4 files (3GPP TS 26.245), which Matroska does not hold, as plain text, which it does."""

from typing import Final

CODEC: Final = "mov_text"
PLAIN: Final = "subrip"
_UTF16 = (b"\xfe\xff", b"\xff\xfe")


def plain_text(sample: bytes) -> bytes:
    """The text of a sample in UTF-8, without its styles; empty where it shows nothing, or is damaged (section 5.17)."""
    text = sample[2 : 2 + int.from_bytes(sample[:2], "big")]
    return text.decode("utf-16", "replace").encode() if text.startswith(_UTF16) else text
