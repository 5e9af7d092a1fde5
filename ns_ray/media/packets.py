"""Coded packets of a video in file order, again and again where a longer stream is wanted."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import av
import av.error

from ns_ray.errors import MediaError
from ns_ray.media.probe import VideoInfo, open_input

# Files round their duration, and leave out that of the last frame.
_SLACK_FRAMES = 4


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet: its number in the stream, its bytes, and its times in ticks of the video's time base.

    Times begin at 0 and never go back; two are equal only where the first of both shows no picture.
    """

    video_index: int
    data: bytes
    pts: int
    duration: int
    key: bool


@dataclass(frozen=True, slots=True)
class SidePacket:
    """One packet of a track beside the video, audio or subtitles, which is copied as it is.

    Attributes:
        track: index into the video's `sides`.
        data: its bytes.
        pts: on the video's clock, in ticks of that track's time base.
        duration: in the same.
        key: whether it can be decoded by itself.
    """

    track: int
    data: bytes
    pts: int
    duration: int
    key: bool


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a stream from which a reader that was lost goes on; `Mark()` is its beginning.

    Attributes:
        index: number of the first packet to be read from here.
    """

    index: int = 0


def read_packets(info: VideoInfo, *, start: int = 0, loop: bool = False) -> Iterator[Packet]:
    """Yield the packets of a video from number `start` on.

    Args:
        info: the probed video.
        start: number of the first packet to yield; those before it are read over, so that a reader which was lost
            goes on where it was.
        loop: begin again at the end of the file, with pts and numbers going on.

    Raises:
        MediaError: the file cannot be read on, or has no packet at all; a truncated file yields what is whole first.
    """
    yield from islice(_read(info, loop), start, None)


def _read(info: VideoInfo, loop: bool) -> Iterator[Packet]:
    index = 0
    offset = 0
    while True:
        end = offset
        first = index
        tick = round(1 / (info.frame_rate * info.time_base))
        with open_input(info.path) as container:
            declared = container.duration / av.time_base if container.duration else None
            try:
                for packet in container.demux(video=0):
                    if not packet.size:
                        continue
                    pts = end if packet.pts is None else offset + packet.pts
                    yield Packet(index, bytes(packet), pts, packet.duration or tick, packet.is_keyframe)
                    index += 1
                    end = max(end, pts + (packet.duration or tick))
            except av.error.FFmpegError as error:
                raise MediaError(f"{info.path}: it cannot be read beyond frame {index} ({error})") from error
        if index == first:
            raise MediaError(f"{info.path}: it holds no frame")
        seconds = (end - offset) * float(info.time_base)
        if declared is not None and seconds < declared - _SLACK_FRAMES / info.frame_rate:
            raise MediaError(
                f"{info.path}: it ends after frame {index - 1}, at {seconds:.2f} s of {declared:.2f} s; the file is "
                "truncated, get the whole one"
            )
        if not loop:
            return
        offset = end
