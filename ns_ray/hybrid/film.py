"""Writing what is played: video encoded anew, with the times, tracks and tags of the stream it is made from."""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import av
import av.error

from ns_ray.errors import HybridError, MediaError
from ns_ray.hybrid.header import HDR, SHAPE, HybridFormat, resized
from ns_ray.hybrid.writer import append_epoch, finish
from ns_ray.media import matroska as m
from ns_ray.media.packets import Packet, SidePacket
from ns_ray.media.probe import VideoInfo
from ns_ray.media.tracks import Memory, entries_of, entry_of, header_with
from ns_ray.picture.yuv import Yuv420, to_frame

_MATROSKA = {".mkv": "matroska", ".webm": "webm"}
_TIMED = (".mp4", ".mov", ".m4v")
_UNTIMED = ".y4m"
_TICKS_AS = Fraction(1, 1000)  # the one unit that FFmpeg's Matroska muxer knows
_BATCH = 40
_RIGHT_ANGLE = 90.0


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


class Film(Protocol):
    """A video file being written.

    Attributes:
        notes: what of the stream the file cannot hold; a sentence each.
    """

    notes: list[str]

    def write(self, picture: Yuv420, pts: int) -> None:
        """Encode the next picture, shown at `pts` ticks of the stream's time base."""

    def copy(self, packets: Sequence[SidePacket]) -> None:
        """Take packets of the tracks beside the video."""

    def close(self) -> None:
        """Write what is held, and the file's end; the file then has its name."""

    def abandon(self) -> None:
        """Leave nothing of the file."""


def open_film(path: Path, format: FilmFormat) -> Film:
    """Begin a video file, whose container goes by its name; where it is Matroska or MP4, its times are exact.

    Raises:
        MediaError: the encoder or container is unknown, or does not take the pictures.
    """
    return _MatroskaFilm(path, format) if path.suffix.lower() in _MATROSKA else _OtherFilm(path, format)


def part_of(path: Path) -> Path:
    """Where a film is written before it has its name; FFmpeg tells the container by the suffix."""
    return path.with_name(f"{path.stem}.part{path.suffix}")


class _Encoder:
    """Encodes pictures in a container's terms, tagged as the stream is."""

    def __init__(self, path: Path, sink: av.container.OutputContainer, format: FilmFormat) -> None:
        self._path = path
        self._sink = sink
        info = format.info
        codec = "rawvideo" if path.suffix.lower() == _UNTIMED else format.encoder
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
        # It has no times, but a rate, which it would take from the time base.
        self._counted = codec == "rawvideo"
        context.time_base = 1 / info.frame_rate if self._counted else info.time_base
        colors = info.colors
        context.color_range, context.colorspace = colors.range, colors.matrix
        context.color_primaries, context.color_trc = colors.primaries, colors.transfer
        if info.header:
            with _opened(info) as container:
                shape = container.streams.video[0].sample_aspect_ratio
            if shape:
                context.sample_aspect_ratio = shape
        self.stream = stream
        self._count = 0

    def encode(self, picture: Yuv420 | None, pts: int = 0) -> list["av.Packet[av.VideoStream]"]:
        """Encode the next picture; with None, what is still held. Raises MediaError where that fails."""
        frame = None
        if picture is not None:
            frame = to_frame(picture)
            context = self.stream.codec_context
            frame.pts, frame.time_base = self._count if self._counted else pts, context.time_base
            frame.color_range, frame.colorspace = context.color_range, context.colorspace
            self._count += 1
        try:
            return list(self.stream.encode(frame))
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise _unwritten(self._path, error) from error


class _MatroskaFilm:
    """Matroska and WebM: the muxer makes the packets and the track's description, our own writer the file."""

    def __init__(self, path: Path, format: FilmFormat) -> None:
        self._path, self._part = path, part_of(path)
        self._format = format
        self._doc_type = _MATROSKA[path.suffix.lower()]
        self._memory = Memory()
        options = {"fflags": "bitexact", "live": "1", "avoid_negative_ts": "disabled"}
        self._sink = av.open(self._memory, "w", format=self._doc_type, options=options)
        self._encoder = _Encoder(path, self._sink, format)
        self._kept, self.notes = _kept(
            format.info, lambda stream: entry_of(stream, self._doc_type) is not None, path.suffix
        )
        self._hybrid: HybridFormat | None = None
        self._begun = False
        self._offset = self._index = 0
        self._latest: int | None = None
        self._durations: dict[int, int] = {}
        self._blocks: list[m.Block] = []
        self._sides: list[SidePacket] = []

    def write(self, picture: Yuv420, pts: int) -> None:
        if self._latest is not None:
            self._durations[self._latest] = pts - self._latest
        self._latest = pts
        self._mux(self._encoder.encode(picture, pts))
        if len(self._blocks) > _BATCH:
            known = [block.time in self._durations for block in self._blocks]
            self._append(known.index(False) if False in known else len(known))

    def copy(self, packets: Sequence[SidePacket]) -> None:
        self._sides += (replace(one, track=self._kept.index(one.track)) for one in packets if one.track in self._kept)

    def close(self) -> None:
        self._mux(self._encoder.encode(None))
        try:
            self._sink.close()
        except (av.error.FFmpegError, OSError) as error:
            raise _unwritten(self._path, error) from error
        self._parse()
        self._append(len(self._blocks), last=True)
        if self._hybrid is None:
            raise MediaError(f"{self._path}: the encoder gave no packet; try another")
        finish(self._part, self._path, self._hybrid)

    def abandon(self) -> None:
        with suppress(av.error.FFmpegError, OSError, ValueError):
            self._sink.close()
        self._part.unlink(missing_ok=True)

    def _mux(self, packets: "list[av.Packet[av.VideoStream]]") -> None:
        try:
            for packet in packets:
                packet.time_base = _TICKS_AS
                self._sink.mux_one(packet)
        except (av.error.FFmpegError, OSError) as error:
            raise _unwritten(self._path, error) from error
        self._parse()

    def _parse(self) -> None:
        """Take what the muxer has written whole: the track's description, then clusters."""
        data = bytes(self._memory.data)
        at = 0
        with suppress(MediaError):
            if not self._begun:
                at = next((one.body for one in m.elements(data) if one.name == m.SEGMENT), 0)
                self._begun = at > 0
            for one in m.elements(data, at) if self._begun else ():
                if one.name == m.TRACKS:
                    self._hybrid = self._described(m.child(data[one.body : one.end], m.TRACK_ENTRY) or b"")
                elif one.name == m.CLUSTER:
                    self._blocks += _blocks(data[one.body : one.end])
                at = one.end
        del self._memory.data[:at]

    def _described(self, entry: bytes) -> HybridFormat:
        """The file's format, of the encoder's track as the muxer describes it and what the source says of its own."""
        info = self._format.info
        source = entries_of(info.header) if info.header else []
        if source:
            entry = _as_source(entry, source[0], self._format)
        sides = [source[1 + track] for track in self._kept]
        return HybridFormat(
            self._format.size,
            None,
            info.frame_rate,
            info.time_base,
            tuple(info.sides[track] for track in self._kept),
            header_with([entry, *sides], self._doc_type),
        )

    def _append(self, count: int, *, last: bool = False) -> None:
        blocks, self._blocks = self._blocks[:count], self._blocks[count:]
        if self._hybrid is None or not blocks:
            return
        base = self._hybrid.time_base
        usual = round(1 / (self._hybrid.frame_rate * base))
        packets = [
            Packet(self._index + at, one.data, one.time, self._durations.pop(one.time, usual), one.key)
            for at, one in enumerate(blocks)
        ]
        self._index += len(packets)
        until = max(one.time for one in blocks) * base
        due = [one for one in self._sides if last or one.pts * self._hybrid.sides[one.track].time_base < until]
        self._sides = [one for one in self._sides if one not in due] if not last else []
        try:
            self._offset = append_epoch(self._part, self._hybrid, self._offset, packets, (), due)
        except HybridError as error:
            raise MediaError(str(error)) from error


class _OtherFilm:
    """Any other container, by FFmpeg's muxer."""

    def __init__(self, path: Path, format: FilmFormat) -> None:
        self._path, self._part = path, part_of(path)
        suffix = path.suffix.lower()
        info = format.info
        options = {"fflags": "bitexact"}
        if suffix in _TIMED:
            options["video_track_timescale"] = str(info.time_base.denominator)
        try:
            self._sink = av.open(
                str(self._part), "w", format="yuv4mpegpipe" if suffix == _UNTIMED else None, options=options
            )
        except (av.error.FFmpegError, ValueError, OSError) as error:
            raise MediaError(
                f"{path}: it cannot be written ({error}); is {suffix or 'no suffix'} a video's?"
            ) from error
        try:
            self._encoder = _Encoder(path, self._sink, format)
            container = self._sink.format.name
            kept, self.notes = _kept(info, lambda stream: _holds(container, stream), suffix)
            self._copied = dict(zip(kept, self._templates(info, kept), strict=True))
        except BaseException:
            self.abandon()
            raise
        self.notes += _lost(info, self._encoder.stream, turns=suffix in _TIMED, suffix=suffix)
        self._uneven = _Uneven(info) if suffix == _UNTIMED else None
        self._info = info

    def write(self, picture: Yuv420, pts: int) -> None:
        if self._uneven:
            self._uneven.take(pts)
        self._mux(self._encoder.encode(picture, pts))

    def copy(self, packets: Sequence[SidePacket]) -> None:
        made = []
        for one in packets:
            if one.track not in self._copied:
                continue
            packet = av.Packet(one.data)
            packet.stream = self._copied[one.track]
            packet.time_base = self._info.sides[one.track].time_base
            packet.pts = packet.dts = one.pts
            packet.duration, packet.is_keyframe = one.duration, one.key
            made.append(packet)
        self._mux(made)

    def close(self) -> None:
        self._mux(self._encoder.encode(None))
        try:
            self._sink.close()
            self._part.replace(self._path)
        except (av.error.FFmpegError, OSError) as error:
            raise _unwritten(self._path, error) from error
        if self._uneven and self._uneven.found:
            self.notes.append(f"{_UNTIMED} holds no times: its frames do not keep a constant rate, as it pretends")

    def abandon(self) -> None:
        with suppress(av.error.FFmpegError, OSError, ValueError):
            self._sink.close()
        self._part.unlink(missing_ok=True)

    def _templates(self, info: VideoInfo, kept: Sequence[int]) -> list[av.stream.Stream]:
        if not kept:
            return []
        with _opened(info) as container:
            return [self._sink.add_stream_from_template(container.streams[1 + track], opaque=True) for track in kept]

    def _mux(self, packets: "Sequence[av.Packet[Any]]") -> None:
        try:
            for packet in packets:
                self._sink.mux_one(packet)
        except (av.error.FFmpegError, OSError) as error:
            raise _unwritten(self._path, error) from error


class _Uneven:
    """Notices whether pictures keep the stream's rate: whether any step is off by more than rounding."""

    def __init__(self, info: VideoInfo) -> None:
        self._step = 1 / (info.frame_rate * info.time_base)
        self._before: int | None = None
        self.found = False

    def take(self, pts: int) -> None:
        """The next picture."""
        if self._before is not None:
            self.found = self.found or abs(pts - self._before - self._step) > 1 + self._step / 50
        self._before = pts


def _as_source(entry: bytes, source: bytes, format: FilmFormat) -> bytes:
    """An encoder's TrackEntry content with the source's language, title, shape of pixels, rotation and HDR tags."""
    picture, origin = m.child(entry, m.VIDEO) or b"", m.child(source, m.VIDEO) or b""
    shape = []
    for name, body in m.children(origin):
        if name == m.STEREO_MODE and format.across > 1:
            continue
        if name in (m.PIXEL_WIDTH, m.DISPLAY_WIDTH):
            shape.append(m.unsigned(name, m.number(body) * format.across))
        elif name == m.PIXEL_HEIGHT or name in SHAPE:
            shape.append(m.element(name, body))
    shape_of = m.child(resized(m.element(m.VIDEO, *shape), format.size), m.VIDEO) or b""
    hdr = [m.element(name, body) for name, body in m.children(m.child(origin, m.COLOUR) or b"") if name in HDR]
    colours = m.without(m.child(picture, m.COLOUR) or b"", *HDR) + b"".join(hdr)
    made = m.without(picture, m.PIXEL_WIDTH, m.PIXEL_HEIGHT, m.COLOUR, *SHAPE) + shape_of
    if colours:
        made += m.element(m.COLOUR, colours)
    said = [m.element(name, body) for name, body in m.children(source) if name in (m.NAME, m.LANGUAGE)]
    return m.without(entry, m.VIDEO, m.NAME, m.LANGUAGE) + m.element(m.VIDEO, made) + b"".join(said)


def _blocks(cluster: bytes) -> Iterator[m.Block]:
    start = 0
    for one in m.elements(cluster):
        if one.name == m.TIMESTAMP:
            start = m.number(cluster[one.body : one.end])
        block = m.read_block(cluster, one, start)
        if block is not None:
            yield block


def _kept(info: VideoInfo, holds: Callable[[av.stream.Stream], bool], suffix: str) -> tuple[list[int], list[str]]:
    """Which of a stream's tracks beside the video a container holds, and a note on each other one."""
    if not info.sides:
        return [], []
    with _opened(info) as container:
        kept = [track for track in range(len(info.sides)) if holds(container.streams[1 + track])]
    lost = [one for track, one in enumerate(info.sides) if track not in kept]
    return kept, [f"{suffix} does not hold its {one.kind} track ({one.codec}), which is left out" for one in lost]


def _holds(container: str, stream: av.stream.Stream) -> bool:
    try:
        with av.open(io.BytesIO(), "w", format=container) as sink:
            sink.add_stream_from_template(stream, opaque=True)
            sink.start_encoding()
    except (av.error.FFmpegError, ValueError):
        return False
    return True


def _lost(info: VideoInfo, stream: av.VideoStream, *, turns: bool, suffix: str) -> list[str]:
    """Turn the stream as the source says, where the container can; notes on what it cannot hold."""
    picture = m.child(entries_of(info.header)[0], m.VIDEO) or b"" if info.header else b""
    notes = []
    roll, yaw = (m.real(m.child(picture, m.PROJECTION, name) or b"") for name in (m.PROJECTION_ROLL, m.PROJECTION_YAW))
    if (roll or yaw) and turns:
        stream.set_display_rotation(roll, vflip=abs(yaw) > _RIGHT_ANGLE)
    elif roll or yaw:
        notes.append(f"{suffix} does not tell that it is to be turned by {roll:g} degrees")
    if m.child(picture, m.STEREO_MODE) is not None:
        notes.append("that it is stereo is not told: name the output .mkv")
    if any(m.child(picture, m.COLOUR, name) is not None for name in HDR):
        notes.append("the brightness that it was mastered for (HDR) is not told: name the output .mkv")
    return notes


def _opened(info: VideoInfo) -> av.container.InputContainer:
    return av.open(io.BytesIO(info.header), "r")


def _unwritten(path: Path, error: Exception) -> MediaError:
    return MediaError(f"{path}: it cannot be written ({error}); is the disk full?")
