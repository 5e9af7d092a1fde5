"""Encoding the pictures of a film, tagged as the stream is that they are of."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import av
import av.error

from ns_ray.errors import MediaError
from ns_ray.picture.yuv import Yuv420, to_frame
from ns_ray.video.probe import VideoInfo

UNTIMED = ".y4m"
_THREADS = 4  # of the encoder: each holds pictures, and what x264 makes of them depends on their number


@dataclass(frozen=True, slots=True)
class FilmFormat:
    """What is written: a stream's description, the size (width, height), the encoder and its options.

    `across`: how many pictures of the stream lie side by side in one that is written.
    """

    info: VideoInfo
    size: tuple[int, int]
    encoder: str
    options: Mapping[str, str]
    across: int = 1


class FilmEncoder:
    """Encodes pictures in a container's terms, tagged as the stream is."""

    def __init__(self, path: Path, sink: av.container.OutputContainer, format: FilmFormat) -> None:
        self._path = path
        self._sink = sink
        info = format.info
        codec = "rawvideo" if path.suffix.lower() == UNTIMED else format.encoder
        try:
            stream = sink.add_stream(codec, rate=info.frame_rate)
        except (av.error.FFmpegError, ValueError, OSError) as error:
            raise MediaError(f"{path}: it cannot be written by {codec} ({error}); try another") from error
        if not isinstance(stream, av.VideoStream):
            raise MediaError(f"{path}: {codec} encodes no video; try another")
        stream.options = dict(format.options)
        stream.pix_fmt = "yuv420p"
        stream.width, stream.height = format.size
        context = stream.codec_context
        context.thread_count = _THREADS
        # It has no times, but a rate, which it would take from the time base.
        self._codec = codec
        self._counted = codec == "rawvideo"
        context.time_base = 1 / info.frame_rate if self._counted else info.time_base
        colors = info.colors
        context.color_range, context.colorspace = colors.range, colors.matrix
        context.color_primaries, context.color_trc = colors.primaries, colors.transfer
        if info.header:
            with opened(info) as container:
                shape = container.streams.video[0].sample_aspect_ratio
            if shape:
                context.sample_aspect_ratio = shape
        self.stream = stream
        self._count = 0
        self._due: list[int] = []  # times of the pictures that are still held

    def encode(self, picture: Yuv420 | None, pts: int = 0) -> list["av.Packet[av.VideoStream]"]:
        """Encode the next picture; with None, what is still held. Raises MediaError where that fails."""
        frame = None
        if picture is not None:
            frame = to_frame(picture)
            context = self.stream.codec_context
            frame.pts, frame.time_base = self._count if self._counted else pts, context.time_base
            frame.color_range, frame.colorspace = context.color_range, context.colorspace
            self._count += 1
            self._due.append(frame.pts)
        try:
            return [self._exact(packet) for packet in self.stream.encode(frame)]
        except (av.error.FFmpegError, OSError, ValueError) as error:
            size = f"{self.stream.width}x{self.stream.height}"
            raise MediaError(
                f"{self._path}: {self._codec} cannot encode pictures of {size} with its options ({error}); try "
                "others, or another --encoder: libvpx-vp9 takes any size"
            ) from error

    def _exact(self, packet: "av.Packet[av.VideoStream]") -> "av.Packet[av.VideoStream]":
        """A packet with the very time of its picture: libvpx counts in 100 ns."""
        if packet.pts is not None and self._due:
            time = packet.pts
            exact = min(self._due, key=lambda due: abs(due - time))
            self._due.remove(exact)
            if packet.dts == time:
                packet.dts = exact
            packet.pts = exact
        return packet


def kept_tracks(info: VideoInfo, holds: Callable[[av.stream.Stream], bool], suffix: str) -> tuple[list[int], list[str]]:
    """Which of a stream's tracks beside the video a container holds, and a note on each other one."""
    if not info.sides:
        return [], []
    with opened(info) as container:
        kept = [track for track in range(len(info.sides)) if holds(container.streams[1 + track])]
    lost = [one for track, one in enumerate(info.sides) if track not in kept]
    return kept, [f"{suffix} does not hold its {one.kind} track ({one.codec}), which is left out" for one in lost]


def part_of(path: Path) -> Path:
    """Where a film is written before it has its name; FFmpeg tells the container by the suffix."""
    return path.with_name(f"{path.stem}.part{path.suffix}")


def opened(info: VideoInfo) -> av.container.InputContainer:
    """A stream's header as an open file: the video, then the tracks beside it."""
    return av.open(io.BytesIO(info.header), "r")


def unwritten(path: Path, error: BaseException) -> MediaError:
    """What is raised where a film cannot be written."""
    return MediaError(f"{path}: it cannot be written ({error}); is the disk full?")
