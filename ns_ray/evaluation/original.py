"""The original that pictures are compared with: whether it is one at all, and its frames by their times.

A stream and its original are the same frames: as many a second, of the same shape, from the same beginning. Its own may
be larger, of other tags and ticks, begin at another key frame or go on for longer.
"""

import heapq
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from typing import TypeVar

import av
import av.error
from av.container import InputContainer
from av.video.stream import VideoStream

from ns_ray.client.shown_clock import ShownClock
from ns_ray.errors import MediaError
from ns_ray.picture.colors import STANDARD, Colors, colors_of, require_convertible
from ns_ray.picture.convert import convert
from ns_ray.picture.yuv import Yuv420, from_frame, resize
from ns_ray.video.address import is_pipe
from ns_ray.video.late_pictures import FARTHEST
from ns_ray.video.packets import read_packets
from ns_ray.video.probe import VideoInfo, open_input, video_of
from ns_ray.video.rates import ASSUMED, measured_rate

T = TypeVar("T")

_SEEN_PACKETS = 240
_SAME_RATE = Fraction(1, 100)  # containers round rates and times; what differs by less is told by frames' times
_ROUNDED_SAMPLES = 2  # rows or columns by which sizes of one shape may differ, as sides are even
_BY_COUNT = {"avi"}  # formats that count frames as they are coded: FFmpeg delays them by what may be reordered
_CLOCK_SECONDS = Fraction(3, 2000)  # by which two times of milliseconds may differ at least


@dataclass(frozen=True, slots=True)
class Despite:
    """What is compared all the same.

    Attributes:
        rate: frames of the same time of videos of other rates; those without an original are left out.
        shape: an original of another shape, stretched.
        offset: seconds by which the original's times are ahead of the stream's; None where both have to begin alike.
    """

    rate: bool = False
    shape: bool = False
    offset: Fraction | None = None


ALIKE = Despite()


@dataclass(frozen=True, slots=True)
class _Face:
    """What is told of a video without decoding it.

    Attributes:
        path: its file.
        width, height: samples; 0 where not known.
        pixel: width of a sample over its height, where the file says so.
        rate: frames a second by the times of the first ones; None where not known.
        begin: seconds at which its first frame is shown; None where not known.
    """

    path: str
    width: int = 0
    height: int = 0
    pixel: Fraction | None = None
    rate: Fraction | None = None
    begin: Fraction | None = None


class Original:
    """The original of one stream.

    Attributes:
        path: its file.
        begin: seconds at which the stream's own file begins.
        left_out: frames of the stream that had no original: before its first one, or where that is allowed.
        ended: seconds of the stream at which the original ended before it; None where it did not.
    """

    def __init__(self, path: str, lr: str, scale: int, despite: Despite = ALIKE) -> None:
        """Look at both files.

        Args:
            path: the original.
            lr: the LR video or hybrid stream; of what can be read only once nothing is asked.
            scale: HR over LR.
            despite: what may differ.

        Raises:
            MediaError: one cannot be read, or they do not belong together; says what differs.
        """
        mine, stream = _face(path), _face(lr)
        self.path = path
        self._lr, self._despite = lr, despite
        self.begin = stream.begin or Fraction(0)
        differences = list(_differences(mine, stream, scale, despite))
        if differences:
            raise MediaError(f"{path} is no original of {lr}: {'; '.join(differences)}")
        self._shift = Fraction(0)  # from the stream's times, counted from its beginning, to the original's likewise
        if despite.offset is not None:
            self._shift = self.begin + despite.offset - (mine.begin or 0)
        self._begins = mine.begin
        self._rate = mine.rate or stream.rate or ASSUMED
        self._near = max(_CLOCK_SECONDS, 1 / (4 * max(self._rate, stream.rate or 0)))
        self.left_out = 0
        self.ended: Fraction | None = None

    def beside(self, frames: Iterable[tuple[T, Fraction]]) -> Iterator[tuple[T, av.VideoFrame]]:
        """Each frame with the original of its time, as long as there are both.

        Args:
            frames: the stream's, in order of their times: seconds since the beginning of the stream.

        Raises:
            MediaError: the original is damaged, or has none for a frame although it goes on.
        """
        timed = self._timed()
        now, then = next(timed, None), next(timed, None)
        first = now
        for frame, at in frames:
            due = at + self._shift
            while now is not None and then is not None and abs(then[0] - due) <= abs(now[0] - due):
                now, then = then, next(timed, None)
            if now is None or (now[0] < due - self._near and then is None):
                self.ended = at
                return
            if abs(now[0] - due) <= self._near:
                yield frame, now[1]
            elif self._despite.rate or (now is first and due < now[0]):
                self.left_out += 1
            else:
                raise MediaError(
                    f"{self._lr} has a frame {float(at):.3f} s after its beginning, where {self.path} has none (the "
                    f"nearest is {float(abs(now[0] - due)):.3f} s away): name the original of the same frames, or "
                    "leave such frames out by --despite rate"
                )

    def notes(self) -> Iterator[str]:
        """What of the stream was not compared; a sentence each."""
        if self.left_out:
            yield f"{self.left_out} frames have no original of their time, and are left out"
        if self.ended is not None:
            yield f"{self.path} ends {float(self.ended):.3f} s after the stream's beginning: no more is compared"

    def _timed(self) -> Iterator[tuple[Fraction, av.VideoFrame]]:
        """The original's frames at their times, counted from its beginning."""
        last: Fraction | None = None
        with open_input(self.path) as container:
            stream = video_of(container, self.path)
            stream.thread_type = "AUTO"
            base = Fraction(stream.time_base or 1 / self._rate)
            clock = ShownClock(base, self._rate)
            begin = self._begins
            try:
                for frame in container.decode(stream):
                    usual = Fraction(0) if last is None else last + 1 / self._rate
                    pts = round(usual / base) if frame.pts is None else frame.pts
                    at = clock.place(pts)[0] * base
                    begin = at if begin is None else begin
                    last = at
                    yield at - begin, frame
            except av.error.FFmpegError as error:
                where = "from its first frame on" if last is None else f"beyond {float(last):.3f} s"
                raise MediaError(f"{self.path}: the reference cannot be decoded {where} ({error})") from error


def originals(lr: VideoInfo, path: str, scale: int, despite: Despite = ALIKE) -> Iterator[Yuv420]:
    """The originals of a video's packets, one for each and in order, at HR in BT.709, limited range.

    Raises:
        MediaError: at once, as `Original`; while it is read, where there is none for a packet although there are more.
    """
    original = Original(path, lr.path, scale, despite)
    size = lr.width * scale, lr.height * scale
    times = _in_order((packet.pts * lr.time_base, packet.video_index) for packet in read_packets(lr))

    def pictures() -> Iterator[Yuv420]:
        for _, frame in original.beside(times):
            if original.left_out:
                raise MediaError(f"{path} has no frame for some of {lr.path}, all of which are needed: name another")
            yield scaled(frame, size, STANDARD, path)

    return pictures()


def _in_order(shown: Iterable[tuple[Fraction, int]]) -> Iterator[tuple[int, Fraction]]:
    """Numbers of frames and their times, in the order in which they are shown."""
    waiting: list[tuple[Fraction, int]] = []
    for one in shown:
        heapq.heappush(waiting, one)
        if len(waiting) > FARTHEST:
            time, number = heapq.heappop(waiting)
            yield number, time
    for time, number in sorted(waiting):
        yield number, time


def reference(path: str, size: tuple[int, int]) -> Iterator[Yuv420]:
    """The frames of a video at (width, height), in BT.709, limited range.

    Raises:
        MediaError: it cannot be read, or is smaller than that.
    """
    with open_input(path) as container:
        stream = video_of(container, path)
        stream.thread_type = "AUTO"
        for frame in container.decode(stream):
            yield scaled(frame, size, STANDARD, path)


def scaled(frame: av.VideoFrame, size: tuple[int, int], colors: Colors, path: str) -> Yuv420:
    """A decoded frame of `path` as 8 bit 4:2:0 at (width, height), in a range and matrix.

    Raises:
        MediaError: it is smaller than that, or its colours cannot be converted.
    """
    if frame.width < size[0] or frame.height < size[1]:
        raise MediaError(f"{path}: the reference is {frame.width}x{frame.height}, smaller than {size[0]}x{size[1]}")
    own = STANDARD if frame.format.is_rgb else colors_of(frame).assumed
    require_convertible(own, path)
    if frame.format.name in ("yuv420p", "yuvj420p"):
        return convert(resize(from_frame(frame), size, "BICUBIC"), own, colors)
    matrix = 5 if own.matrix == 6 else own.matrix  # swscale knows one name of the two
    tags = {} if frame.format.is_rgb else {"src_colorspace": matrix, "src_color_range": own.range}
    planar = frame.reformat(
        *size, format="yuv420p", interpolation="BICUBIC", dst_colorspace=matrix, dst_color_range=own.range, **tags
    )
    return convert(from_frame(planar).packed(), own, colors)


def _face(path: str) -> _Face:
    """Raises MediaError where the file cannot be read."""
    if is_pipe(path):
        return _Face(path)
    with open_input(path) as container:
        stream = video_of(container, path)
        times = _first_times(container, stream)
        base = Fraction(stream.time_base or 1)
        context = stream.codec_context
        pixel = stream.sample_aspect_ratio
        return _Face(
            path,
            context.width,
            context.height,
            Fraction(pixel) if pixel else None,
            measured_rate(times, base),
            max(Fraction(0), times[0] * base) if times and container.format.name not in _BY_COUNT else None,
        )


def _first_times(container: InputContainer, stream: VideoStream) -> list[int]:
    """When the first frames are shown, in ticks and in order; none where some are not told."""
    times: list[int | None] = []
    with suppress(av.error.FFmpegError):  # who decodes it tells more
        for packet in islice(container.demux(stream), _SEEN_PACKETS):
            if packet.size and not packet.is_discard:
                times.append(packet.pts)
    known = sorted(time for time in times if time is not None)
    return known if len(known) == len(times) else []


def _differences(mine: _Face, lr: _Face, scale: int, despite: Despite) -> Iterator[str]:
    """What tells an original from the stream, and what to do about it."""
    size = f"{mine.width}x{mine.height}"
    if mine.width and lr.width:
        if mine.width < lr.width * scale or mine.height < lr.height * scale:
            times = f", which is {scale} times {lr.width}x{lr.height}" if scale > 1 else ""
            least = f"{lr.width * scale}x{lr.height * scale}{times}"
            yield f"it is {size}, smaller than {least}; name the HR video"
        if not despite.shape and not _alike(mine, lr):
            yield (
                f"it is {size}{_pixels(mine)}, another shape than {lr.width}x{lr.height}{_pixels(lr)}; name one that "
                "shows the same part of the picture, or have it stretched by --despite shape"
            )
    if mine.rate and lr.rate and not despite.rate and abs(mine.rate / lr.rate - 1) > _SAME_RATE:
        yield (
            f"it has {float(mine.rate):.3g} frames/s, not {float(lr.rate):.3g}; name one of the same frames, or "
            "compare those of the same time by --despite rate"
        )
    if mine.begin is not None and lr.begin is not None and despite.offset is None:
        apart = mine.begin - lr.begin
        if abs(apart) > 1 / (2 * max(mine.rate or ASSUMED, lr.rate or ASSUMED)):
            yield (
                f"it begins at {float(mine.begin):.3f} s, not at {float(lr.begin):.3f} s; say --offset "
                f"{float(apart):.3f} if both begin with the same frame, --offset 0 if their clocks are one"
            )


def _alike(one: _Face, other: _Face) -> bool:
    """Whether two videos are of one shape, by their samples or as they are shown."""
    shown = one.pixel or Fraction(1), other.pixel or Fraction(1)
    for a, b in ((Fraction(1), Fraction(1)), shown):
        rows = one.height * (other.width * b) / (one.width * a)
        if abs(rows - other.height) < _ROUNDED_SAMPLES:
            return True
    return False


def _pixels(face: _Face) -> str:
    one = face.pixel
    return "" if one is None or one == 1 else f" (samples {one.numerator}:{one.denominator})"
