"""AAC with a header before each frame (ADTS), as MPEG-TS and HLS have it; Matroska has one header for all."""

from typing import Final

from av.audio.codeccontext import AudioCodecContext

CODEC: Final = "aac"
# By their number, as in ISO/IEC 14496-3, table 1.18.
_SAMPLE_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
_LOW_COMPLEXITY = 2
_CHANNELS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 8: 7}  # numbers of their usual layouts, table 1.19
_SHORT, _LONG = 7, 9  # bytes of a header, the latter with a checksum


def config_of(context: AudioCodecContext) -> bytes | None:
    """The one header (AudioSpecificConfig, section 1.6.2.1); None where it is not of the usual kind, AAC-LC."""
    rate, channels = context.sample_rate, context.channels
    if context.profile != "LC" or rate not in _SAMPLE_RATES or channels not in _CHANNELS:
        return None
    return (_LOW_COMPLEXITY << 11 | _SAMPLE_RATES.index(rate) << 7 | _CHANNELS[channels] << 3).to_bytes(2, "big")


def without_header(packet: bytes) -> bytes:
    """A frame without its header (section 1.A.2.2)."""
    if packet[:1] != b"\xff" or len(packet) < _SHORT or packet[1] & 0xF6 != 0xF0:
        return packet
    return packet[_SHORT if packet[1] & 1 else _LONG :]
