"""VP9 streams put together from coded frames, for what encoders at hand do not make."""

from collections.abc import Iterable, Sequence
from fractions import Fraction

import vp9_streams

from ns_ray.video.packets import Packet
from ns_ray.video.probe import VideoInfo

TICK = 33


def info_of(width: int, height: int) -> VideoInfo:
    """What `probe` would say of a stream that is in no file."""
    return VideoInfo("made", "vp9", width, height, Fraction(30), Fraction(1, 1000), "yuv420p")


def superframe(frames: Iterable[bytes]) -> bytes:
    """Frames in one packet, with an index (Annex B)."""
    frames = list(frames)
    marker = bytes([0b11000000 | 3 << 3 | len(frames) - 1])
    index = b"".join(len(frame).to_bytes(4, "little") for frame in frames)
    return b"".join(frames) + marker + index + marker


def stream_of(packets: Iterable[Sequence[bytes]], first: int = 0) -> list[Packet]:
    """Packets of the coded frames given for each."""
    made = []
    for number, frames in enumerate(packets, first):
        data = frames[0] if len(frames) == 1 else superframe(frames)
        made.append(Packet(number, data, number * TICK, TICK, _begins_key_frame(data)))
    return made


def layers() -> list[Packet]:
    """96x64 and 192x128 in each packet, both to be shown; key frames all, as they know nothing of one another."""
    small, large = (
        vp9_streams.encode(vp9_streams.Stream(width, height, 6, (*vp9_streams.REALTIME, "-g", "1")))
        for width, height in ((96, 64), (192, 128))
    )
    return stream_of(zip(small, large, strict=True))


def _begins_key_frame(data: bytes) -> bool:
    return data[0] & 0b1100 == 0
