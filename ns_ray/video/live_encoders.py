"""Encoders of live HR video at the published settings, and how fast they are, decoding inside the time.

Source: published-scripts.md, step 4-2. Both keep to 35 Mbit/s (rate, peak and buffer) and put in one key frame, the
first: 2160p video of games at 60 frames a second.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from typing import Literal

import av
import av.error
from av.video.codeccontext import VideoCodecContext

from ns_ray.errors import MediaError
from ns_ray.video.probe import open_input, video_of, why

SOFTWARE_THREADS = (4, 8, 16)
_TILE_COLUMNS = {4: 1, 8: 2, 16: 3}  # log2
_RATES = {"b": "35M", "maxrate": "35M", "bufsize": "35M", "g": "999999"}


@dataclass(frozen=True, slots=True)
class LiveEncoder:
    """An encoder of FFmpeg, its options by their FFmpeg names, and its threads (0: it has none of its own)."""

    codec: Literal["libvpx-vp9", "hevc_nvenc"]
    options: dict[str, str]
    threads: int = 0


def software_encoder(threads: int) -> LiveEncoder:
    """libvpx-vp9, realtime, speed 8; other numbers of threads than the published take the tile columns below theirs."""
    columns = max((log for least, log in _TILE_COLUMNS.items() if least <= threads), default=0)
    options = _RATES | {
        "deadline": "realtime",
        "cpu-used": "8",
        "tile-columns": str(columns),
        "row-mt": "1",
        "frame-parallel": "1",
        "static-thresh": "0",
        "max-intra-rate": "300",
        "qmin": "4",
        "qmax": "48",
        "error-resilient": "1",
    }
    return LiveEncoder("libvpx-vp9", options, threads)


def hardware_encoder() -> LiveEncoder:
    """NVENC, HEVC, preset p2, tuned for low latency."""
    return LiveEncoder("hevc_nvenc", _RATES | {"preset": "p2", "tune": "ll", "bf": "0"})


@dataclass(frozen=True, slots=True)
class Speed:
    """Frames decoded and encoded, the seconds that took, and the bytes that came out."""

    frames: int
    seconds: float
    bytes: int


def encode_speed(
    path: str, encoder: LiveEncoder, frames: int | None, seconds: float, advance: Callable[[], object] = lambda: None
) -> Speed:
    """Decode a video on the CPU, in as many threads as FFmpeg likes, and encode it; what comes out is thrown away.

    Args:
        path: any video whose frames are 8 bit 4:2:0.
        encoder: what encodes it.
        frames: how many frames at most; None for as many as there are.
        seconds: how much of it at most.
        advance: told after every frame.

    Raises:
        MediaError: the encoder does not open or encode here, or the video cannot be decoded or is empty.
    """
    with open_input(path) as container:
        stream = video_of(container, path)
        stream.thread_type = "AUTO"
        rate = stream.average_rate or Fraction(60)
        codec = _opened(encoder, (stream.width, stream.height), rate)
        count, size = 0, 0
        start = time.perf_counter()
        try:
            due = islice(container.decode(stream), min(frames or 2**31, int(seconds * rate)))
            for count, frame in enumerate(due, start=1):
                frame.pts, frame.time_base, frame.pict_type = count - 1, codec.time_base, 0
                size += sum(packet.size for packet in codec.encode(frame))
                advance()
            size += sum(packet.size for packet in codec.encode(None))
        except (av.error.FFmpegError, ValueError) as error:
            raise MediaError(
                f"{path}: frame {count} cannot be decoded or encoded by {encoder.codec} ({why(error)})"
            ) from error
        taken = time.perf_counter() - start
    if not count:
        raise MediaError(f"{path}: it has no frame to encode")
    return Speed(count, taken, size)


def _opened(encoder: LiveEncoder, size: tuple[int, int], rate: Fraction) -> VideoCodecContext:
    try:
        codec = av.CodecContext.create(encoder.codec, "w")
        codec.width, codec.height = size
        codec.pix_fmt = "yuv420p"
        codec.framerate, codec.time_base = rate, 1 / rate
        if encoder.threads:
            codec.thread_count = encoder.threads
        codec.options = encoder.options
        codec.open()
    except (av.error.FFmpegError, ValueError) as error:
        raise MediaError(f"{encoder.codec} does not open here for {size[0]}x{size[1]} ({why(error)})") from error
    return codec
