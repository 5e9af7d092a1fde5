"""A source video: what it is, when its frames come, and its frames as BT.709 limited-range YUV 4:2:0."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction

import av
import av.error
from av.filter import Graph
from av.video.stream import VideoStream

from ns_ray.errors import MediaError
from ns_ray.picture.colors import BT709, FULL, Colors, colors_of
from ns_ray.video.probe import VideoInfo, open_input, probe, video_of
from ns_ray.video.rates import nearest

_MATRICES = {5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 9: "bt2020nc", BT709: "bt709"}
_PRIMARIES = {
    4: "bt470m",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "film",
    9: "bt2020",
    11: "smpte431",
    12: "smpte432",
    BT709: "bt709",
}
_TRANSFERS = {
    4: "gamma22",
    5: "gamma28",
    6: "smpte170m",
    7: "smpte240m",
    13: "iec61966-2-1",
    14: "bt2020-10",
    15: "bt2020-12",
    BT709: "bt709",
}
_HDR = {16: "PQ", 18: "HLG"}
_NO_TIMES = 0x80  # AVFMT_NOTIMESTAMPS
_SEEK_SECONDS = 2  # containers seek by decode times, which come before the times of showing


@dataclass(frozen=True, slots=True)
class Source:
    """A source video: what it is, its colours, and its start in ticks; the frame rate is a standard one if near."""

    info: VideoInfo
    colors: Colors
    start: int

    @property
    def path(self) -> str:
        """Its file."""
        return self.info.path

    @property
    def interval(self) -> Fraction:
        """Ticks from frame to frame."""
        return 1 / (self.info.frame_rate * self.info.time_base)


def open_source(path: str) -> Source:
    """Look at a video and decode its first frame.

    Raises:
        MediaError: it is no video, or one of those that cannot be converted properly: interlaced, rotated, of pixels
            that are not square, HDR, or in a container without times.
    """
    info = probe(path)
    with open_input(path) as container:
        if container.format.name == "avi" or container.format.flags & _NO_TIMES:
            raise MediaError(
                f"{path}: its container does not tell when frames are shown; put it into .mkv or .mp4 first"
            )
        stream = video_of(container, path)
        try:
            frame = next(container.decode(stream), None)
        except (av.error.FFmpegError, EOFError) as error:
            raise MediaError(f"{path}: its first frame cannot be decoded ({error}); get the file again") from error
        if frame is None:
            raise MediaError(f"{path}: it holds no frame; get the file again")
        aspect = stream.sample_aspect_ratio or 1
        start = stream.start_time or 0
    if frame.interlaced_frame:
        raise MediaError(f"{path}: it is interlaced; deinterlace it first (ffmpeg -vf bwdif)")
    if frame.rotation:
        raise MediaError(f"{path}: it is shown rotated by {frame.rotation} degrees; turn its pixels first")
    if aspect != 1:
        raise MediaError(f"{path}: its pixels are not square ({aspect}); scale it to square pixels first")
    colors = colors_of(frame)
    _require_convertible(path, colors)
    # WebM rounds times to ms, and rates are told from them.
    info = replace(info, frame_rate=nearest(info.frame_rate, Fraction(3, 10_000)))
    return Source(info, colors, start)


def _require_convertible(path: str, colors: Colors) -> None:
    known = colors.assumed
    if known.transfer in _HDR:
        raise MediaError(
            f"{path}: it is HDR ({_HDR[known.transfer]}); tone-map it to BT.709 first, or take an SDR source"
        )
    for what, code, names in (
        ("matrix", known.matrix, _MATRICES),
        ("primaries", known.primaries, _PRIMARIES),
        ("transfer", known.transfer, _TRANSFERS),
    ):
        if code not in names:
            raise MediaError(f"{path}: its colour {what} (H.273 code {code}) is not known here; convert it to BT.709")
    if known.rgb and known.primaries != BT709:
        raise MediaError(f"{path}: it is RGB of other primaries than BT.709; convert it to BT.709 first")


def frame_times(source: Source, since: Fraction, until: Fraction) -> tuple[list[int], list[int]]:
    """When frames are shown, without decoding them.

    Args:
        source: the video.
        since, until: seconds from its start; a frame belongs if it comes less than half a frame before `since` or
            more than half a frame before `until`.

    Returns:
        Times of all frames and of the key frames, ascending, in ticks.

    Raises:
        MediaError: frames have no times, or the file cannot be read.
    """
    half = source.interval / 2
    first, last = (source.start + at / source.info.time_base - half for at in (since, until))
    times: list[int] = []
    keys: list[int] = []
    with _positioned(source, first) as container:
        try:
            for packet in container.demux(video=0):
                if not packet.size:
                    continue
                if packet.pts is None:
                    raise MediaError(f"{source.path}: its frames have no times; put it into .mkv (ffmpeg -c copy)")
                decoded = packet.pts if packet.dts is None else packet.dts
                if decoded >= last + 1 / source.info.time_base:  # nothing shown before `last` is decoded so late
                    break
                if first <= packet.pts < last:
                    times.append(packet.pts)
                    if packet.is_keyframe:
                        keys.append(packet.pts)
        except av.error.FFmpegError as error:
            raise MediaError(f"{source.path}: it cannot be read ({error}); get the file again") from error
    return sorted(times), sorted(keys)


def coded_packets(source: Source, times: Sequence[int]) -> Iterator["av.Packet[VideoStream]"]:
    """The packets shown at `times`, of a video that is coded in that order.

    Raises:
        MediaError: one is missing, or the file cannot be read.
    """
    with _positioned(source, times[0]) as container:
        coded = container.demux(video=0)
        for due in times:
            with _reading(source, due):
                packet = next((p for p in coded if p.size and p.pts is not None and p.pts >= due), None)
            if packet is None or packet.pts != due or packet.is_corrupt:
                raise _missing(source, due)
            yield packet


def frames(source: Source, times: Sequence[int], size: tuple[int, int], threads: int = 1) -> Iterator[av.VideoFrame]:
    """Decode the frames shown at `times` as BT.709 limited-range yuv420p of a size (width, height).

    Raises:
        MediaError: the file is damaged, a frame is missing, or the video changes its size or format.
    """
    convert = _Converter(source, size)
    with _positioned(source, times[0]) as container:
        stream = video_of(container, source.path)
        stream.thread_type, stream.thread_count = "AUTO", threads
        decoded = container.decode(stream)
        for due in times:
            with _reading(source, due):
                frame = next((f for f in decoded if f.pts is not None and f.pts >= due), None)
            if frame is None or frame.pts != due or frame.is_corrupt:
                raise _missing(source, due)
            yield convert(frame)


@contextmanager
def _reading(source: Source, due: int) -> Iterator[None]:
    try:
        yield
    except av.error.FFmpegError as error:
        raise MediaError(f"{_missing(source, due)} ({error})") from error


def _missing(source: Source, time: int) -> MediaError:
    at = float((time - source.start) * source.info.time_base)
    return MediaError(f"{source.path}: the frame at {at:.3f} s cannot be decoded; the file is damaged, get it again")


def _positioned(source: Source, ticks: int | Fraction) -> av.container.InputContainer:
    container = open_input(source.path)
    target = int(ticks - _SEEK_SECONDS / source.info.time_base)
    try:
        if target > source.start:
            container.seek(target, stream=video_of(container, source.path), backward=True)
    except av.error.FFmpegError as error:
        container.close()
        raise MediaError(f"{source.path}: no place in it can be gone to ({error}); put it into .mkv or .mp4") from error
    return container


class _Converter:
    """Scales and converts frames; a frame that needs neither passes as it is."""

    def __init__(self, source: Source, size: tuple[int, int]) -> None:
        self._source = source
        self._size = size
        self._graph: Graph | None = None
        info = source.info
        self._same = (
            (info.width, info.height) == size and info.pixel_format == "yuv420p" and source.colors.assumed.standard
        )
        self._first: tuple[object, ...] | None = None

    def __call__(self, frame: av.VideoFrame) -> av.VideoFrame:
        kind = (frame.width, frame.height, frame.format.name, colors_of(frame))
        self._first = self._first or kind
        if kind != self._first:
            at = float(((frame.pts or 0) - self._source.start) * self._source.info.time_base)
            raise MediaError(
                f"{self._source.path}: at {at:.3f} s it changes its size, format or colours; cut elsewhere, or "
                "encode it to one size first"
            )
        if self._same:
            return frame
        self._graph = self._graph or self._build(frame)
        self._graph.push(frame)
        return self._graph.vpull()

    def _build(self, frame: av.VideoFrame) -> Graph:
        colors = self._source.colors.assumed
        width, height = self._size
        scale = f"w={width}:h={height}:flags=bicubic+accurate_rnd+full_chroma_int"
        if colors.rgb:
            steps = [("scale", f"{scale}:out_color_matrix=bt709:out_range=tv"), ("format", "yuv420p")]
        else:
            steps = [("setparams", _parameters(colors))]
            if (colors.matrix, colors.primaries, colors.transfer) != (BT709, BT709, BT709):
                steps.append(("colorspace", "all=bt709"))
            steps += [("scale", f"{scale}:out_color_matrix=bt709:out_range=tv"), ("format", "yuv420p")]
        graph = Graph()
        last = graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=self._source.info.time_base
        )
        for name, arguments in [*steps, ("buffersink", None)]:
            step = graph.add(name, arguments)
            last.link_to(step)
            last = step
        try:
            graph.configure()
        except av.error.FFmpegError as error:
            raise MediaError(f"{self._source.path}: {frame.format.name} cannot be converted ({error})") from error
        return graph


def _parameters(colors: Colors) -> str:
    return (
        f"range={'pc' if colors.range == FULL else 'tv'}:colorspace={_MATRICES[colors.matrix]}:"
        f"color_primaries={_PRIMARIES[colors.primaries]}:color_trc={_TRANSFERS[colors.transfer]}"
    )
