"""Coded packets of a video in file order, on one clock, again and again where a longer stream is wanted."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain, islice

import av.error
from av.container import InputContainer
from av.packet import Packet as CodedPacket
from av.stream import Stream

from ns_ray.brief_pickle import briefly_pickled
from ns_ray.codecs.codec import VIDEO_CODECS, codec_named
from ns_ray.errors import MediaError
from ns_ray.video.address import local
from ns_ray.video.adts import without_header
from ns_ray.video.clock import Clock, SideClock
from ns_ray.video.first_time import with_first_time
from ns_ray.video.place import Place, enter, place_of
from ns_ray.video.probe import VideoInfo, is_live, video_of, why
from ns_ray.video.recordings import WHOLE, Span, begins_ivf, open_known, recordings
from ns_ray.video.timed_text import CODEC, plain_text
from ns_ray.video.tracks import codec_of, has_adts, header_of
from ns_ray.video.whole import Reading

_SEARCHED = 4096  # packets in which that of a place has to come after the source was entered there
_MOST_HELD = 4096  # packets cut off by an edit list that wait for one which needs them
_MOST_SIDE_BYTES = 64 * 1024 * 1024  # of other tracks that wait for a packet of the video


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet: its number in the stream, its bytes, and its times in ticks of the video's time base.

    Packets come in the order in which they are decoded. Times begin at 0; two are equal only where the first of both
    shows no picture, and they go back only where frames are shown in another order. The duration is the usual one, by
    the frame rate.

    Attributes:
        pts: when its picture is shown.
        dts: when it comes, as the first does at its pts: that never goes back. None where that is `pts`.
    """

    video_index: int
    data: bytes
    pts: int
    duration: int
    key: bool
    dts: int | None = None

    @property
    def due(self) -> int:
        """When it comes."""
        return self.pts if self.dts is None else self.dts


@dataclass(frozen=True, slots=True)
class SidePacket:
    """One packet of a track beside the video, audio or subtitles, which is copied as it is.

    Attributes:
        track: index into the video's `sides`.
        data: its bytes.
        pts: on the video's clock, in ticks of that track's time base; below 0 where it begins before the video and
            lasts into it.
        duration: in the same.
        key: whether it can be decoded by itself.
    """

    track: int
    data: bytes
    pts: int
    duration: int
    key: bool


@briefly_pickled
@dataclass(frozen=True, slots=True)
class Entry:
    """Where a reader can enter a stream, and how its clocks stood there.

    Attributes:
        index: number of the packet there.
        place: the key frame's place in the source; None for the source's beginning.
        clock: the stream's clock before that packet.
        sides: clocks of the tracks beside it, after the packets that came before that one.
    """

    index: int
    place: Place | None
    clock: Clock
    sides: tuple[SideClock, ...]


@briefly_pickled
@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a stream from which a reader that was lost goes on; `Mark()` is its beginning.

    It is small, whatever the hour, and tells nothing to anybody but the reader.

    Attributes:
        index: number of the first packet to be read from here.
        entry: where to enter the source for that: at the last key frame before it.
        clock: of a source that cannot be entered, the clock as it stands here.
    """

    index: int = 0
    entry: Entry | None = None
    clock: Clock | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """A packet and what came with it.

    Attributes:
        packet: None where the source ended and only packets of other tracks were left.
        sides: packets of the tracks beside the video that came before it in the source.
        notes: what was done to times, and other things to be said.
        mark: where the next unit begins.
    """

    packet: Packet | None
    sides: tuple[SidePacket, ...]
    notes: tuple[str, ...]
    mark: Mark


@dataclass(slots=True)
class _Coded:
    """A packet as it lies in the source; `place` of key frames alone."""

    data: bytes
    pts: int | None
    dts: int | None
    key: bool
    place: Place | None


def read_packets(info: VideoInfo, *, start: int = 0, loop: bool = False) -> Iterator[Packet]:
    """Yield the packets of a video from number `start` on.

    Args:
        info: the probed video.
        start: number of the first packet to yield; those before it are read over.
        loop: begin again at the end of the file, with pts and numbers going on.

    Raises:
        MediaError: the file cannot be read on, or has no packet at all; a truncated file yields what is whole first.
    """
    packets = (unit.packet for unit in read_units(info, loop=loop) if unit.packet is not None)
    yield from islice(packets, start, None)


def read_units(info: VideoInfo, mark: Mark | None = None, *, loop: bool = False) -> Iterator[Unit]:
    """Yield a stream's packets and those of the tracks beside it, with times on one clock (`Clock`).

    Packets that an MP4's edit list cuts off are kept where shown ones refer to them: those from the last key frame on
    that come before a shown one. A player cannot leave them out, as frames say themselves that they are shown; so
    they come one tick after the other, at once before the first that is meant to be seen. The others are left out.

    Args:
        info: the probed video.
        mark: where to begin, as an earlier reader's unit told. What follows is what that reader would have read, but
            it begins earlier: at the last key frame before the mark. A pipe or live source goes on with what comes.
        loop: begin again at the end of a file, with times and numbers going on.

    Raises:
        MediaError: the source cannot be read on, or has no packet at all; a truncated file yields what is whole first.
    """
    yield from _Reader(info, mark or Mark()).units(loop)


def read_open(container: InputContainer, info: VideoInfo, read: "Sequence[CodedPacket[Stream]]") -> Iterator[Unit]:
    """As `read_units`, of what is open already and can be opened only once; it is closed at the end.

    Args:
        container: what is open.
        info: what it is (`probe_open`).
        read: its first packets, which were read for that, of all tracks.
    """
    source = _Source(container, info)
    wanted = {source.video.index, *source.tracks}
    source.packets = chain((one for one in read if one.size and one.stream_index in wanted), source.packets)
    yield from _Reader(info, Mark()).rest_of(source)


class _Source:
    """An open recording on its way to its end.

    Attributes:
        container: what is open.
        span: which of its file's recordings it is.
        moved: where positions are counted from, as in `Entered`.
        number: of the next packet of the video, from the recording's beginning.
        video: the video's track.
        codec: its name.
        scale: ticks of the video, as it was probed, to a tick of this track; None where they are the same.
        interval: ticks of this track from picture to picture, on average.
        tracks: which of the sides other tracks are, by their numbers in the container.
        changes: of those of the sides that Matroska holds otherwise, what makes that of a packet.
        left_out: whether it has tracks beside the video that the probed one had not.
    """

    def __init__(self, container: InputContainer, info: VideoInfo, span: Span = WHOLE, moved: int = 0) -> None:
        self.container = container
        self.span = span
        self.moved = moved
        self.number = 0
        self.video = video_of(container, info.path)
        self.codec = codec_of(self.video)
        self.record = self.video.codec_context.extradata or b""
        scale = Fraction(self.video.time_base or info.time_base) / info.time_base
        self.scale = None if scale == 1 else scale
        self.interval = 1 / (info.frame_rate * info.time_base * scale)
        size = (info.width, info.height)
        wanted = self.codec in VIDEO_CODECS and (info.sides or span[0])
        _, sides, streams, _ = header_of(container, self.video, size) if wanted else (b"", (), [], ())
        known = list(zip(sides, streams, strict=True))
        self.tracks: dict[int, int] = {}
        self.changes: dict[int, Callable[[bytes], bytes]] = {}
        read: list[Stream] = []
        for number, side in enumerate(info.sides):
            found = next((one for one in known if one[0] == side and one[1].index not in self.tracks), None)
            if found is not None:
                self.tracks[found[1].index] = number
                if codec_of(found[1]) == CODEC:
                    self.changes[number] = plain_text
                elif has_adts(found[1]):
                    self.changes[number] = without_header
                read.append(found[1])
        self.left_out = len(read) < len(known)
        self.reading = Reading(container, self.video, 1 + len(read))
        demuxed = container.demux(self.video, *read)
        self.packets: Iterator[CodedPacket[Stream]] = (packet for packet in demuxed if packet.size)

    def reach(self, place: Place) -> bool:
        """Read up to a place, so that its packet comes next; whether it came."""
        with suppress(av.error.FFmpegError):
            for packet in islice(self.packets, _SEARCHED):
                if packet.stream_index == self.video.index and place.holds(packet, self.moved):
                    self.packets = chain((packet,), self.packets)
                    self.number = place.number
                    self.reading.ends |= place.ends
                    return True
        return False

    def skip(self, count: int) -> None:
        """Read over packets of the video."""
        while self.number < count and (packet := next(self.packets, None)) is not None:
            self.reading.add(packet)
            self.number += packet.stream_index == self.video.index


class _Reader:
    """A stream that is read from a mark on: sources opened one after the other, one clock."""

    def __init__(self, info: VideoInfo, mark: Mark) -> None:
        self._info = info
        self._codec = codec_named(info.codec, info.record) if info.codec in VIDEO_CODECS else None
        self._late = self._codec is not None and self._codec.late
        self._mark = mark
        self._entry = mark.entry
        self._index = 0
        self._clock = Clock(info.time_base, 1 / (info.frame_rate * info.time_base))
        self._sides = [SideClock(track.time_base, f"{track.kind} {i + 1}") for i, track in enumerate(info.sides)]
        if mark.entry is not None:
            self._index = mark.entry.index
            self._clock = mark.entry.clock.copy()
            self._sides = [side.copy() for side in mark.entry.sides]
        # A packet's duration: containers may leave it out, and FFmpeg then makes one up.
        self._usual = max(1, round(self._clock.interval))
        self._live = False
        self._spans = [WHOLE]
        self._pending: list[SidePacket] = []  # of other tracks, with the source's times
        self._pending_bytes = 0
        self._tail: tuple[SidePacket, ...] = ()  # of other tracks, from before the source began again
        self._held: deque[_Coded] = deque(maxlen=_MOST_HELD)  # cut off, but perhaps needed
        self._notes: list[str] = []

    def units(self, loop: bool) -> Iterator[Unit]:
        source = self._enter()
        while True:
            with closing(source.container):
                yield from self._read(source)
            further = self._spans[self._spans.index(source.span) + 1 :]
            if further:
                source = self._further(further[0])
                continue
            if self._live or not loop:
                break
            self._again()
            source = self._open()
        if self._pending:
            yield self._unit(None, self._place_sides(self._clock.offset))

    def rest_of(self, source: _Source) -> Iterator[Unit]:
        """What an open source still gives, which cannot be opened again."""
        self._live = True
        with closing(source.container):
            yield from self._read(source)
        if self._pending:
            yield self._unit(None, self._place_sides(self._clock.offset))

    def _again(self) -> None:
        """Prepare for the source to begin again: what other tracks have beyond the video is left out."""
        base, due = self._info.time_base, self._clock.due
        self._pending = [
            side
            for side in self._pending
            if side.pts * self._info.sides[side.track].time_base + self._clock.offset * base < due * base
        ]
        self._tail = self._place_sides(self._clock.offset)
        for side in self._sides:
            side.restart()
        self._clock.restart()
        self._held.clear()

    def _enter(self) -> _Source:
        """Open the source where the mark says."""
        place = None if self._entry is None else self._entry.place
        again = self._mark.clock is not None  # a live source, which cannot be entered
        if place is not None and not again and (entered := enter(self._info.path, self._info.unsafe, place)):
            self._spans = self._around(place.span)
            with suppress(MediaError):  # of a damaged file that tells of no video any more
                source = _Source(entered.container, self._info, place.span, entered.moved)
                if source.reach(place):
                    return source
            entered.container.close()
        source = self._open(WHOLE if place is None else place.span)
        if place is not None and not self._live:
            try:
                source.skip(place.number)
            except av.error.FFmpegError as error:
                raise MediaError(
                    f"{self._info.path}: it cannot be read up to packet {self._index} ({error})"
                ) from error
        return source

    def _further(self, span: Span) -> _Source:
        """Open the recording that follows in the file."""
        path = self._info.path
        source = _Source(open_known(self._info, span), self._info, span)
        if source.codec != self._info.codec:
            source.container.close()
            raise MediaError(
                f"{path}: the recording that follows at byte {span[0]} is of {source.codec}; take them apart"
            )
        if source.left_out:
            self._notes.append(f"the recording that follows at byte {span[0]} has other tracks: they are left out")
        return source

    def _open(self, span: Span = WHOLE) -> _Source:
        """Open the source at its beginning, or where one of its recordings begins."""
        self._spans = self._around(span)
        span = self._spans[0] if span == WHOLE else span
        container = open_known(self._info, span)
        self._live = is_live(self._info.path, container)
        if self._live and self._mark.clock is not None:  # what it sent so far does not come again
            self._index, self._clock = self._mark.index, self._mark.clock.copy()
            self._clock.restart()
            self._notes.append(f"the source was opened again at packet {self._index}: what it sent meanwhile is lost")
        elif self._entry is None or self._entry.place is None:
            self._entry = Entry(self._index, None, self._clock.copy(), self._side_clocks())
        return _Source(container, self._info, span)

    def _around(self, span: Span) -> list[Span]:
        """All recordings, or those that are known from one on."""
        known = recordings(self._info.path, self._info.unsafe)
        return known if span == WHOLE or span in known else [span]

    def _read(self, source: _Source) -> Iterator[Unit]:
        path = self._info.path
        begin, first = source.number, self._index
        packets = source.packets
        if self._late and self._live:
            packets = with_first_time(packets, source.video.index, source.interval)
        try:
            for packet in packets:
                source.reading.add(packet)
                if packet.stream_index != source.video.index:
                    track = source.tracks[packet.stream_index]
                    change = source.changes.get(track, bytes)
                    self._wait(packet, track, change(bytes(packet)))
                    continue
                if packet.is_corrupt and self._begins_another(source, packet):
                    break
                if packet.is_corrupt and source.reading.cut_means_end:
                    raise MediaError(f"{path}: it is cut off inside frame {self._index}; get the whole file")
                coded = self._coded(source, packet)
                if packet.is_discard:
                    self._held.append(coded)
                else:
                    while self._held:
                        yield self._place(self._held.popleft(), hurried=True)
                    yield self._place(coded)
                source.number += 1
        except av.error.FFmpegError as error:
            if self._live and local(path) is None:
                raise MediaError(f"{path}: it broke off after {self._index} packets ({why(error)})") from error
            raise MediaError(
                f"{path}: it cannot be read beyond frame {self._index} ({why(error)}): what follows is damaged or does "
                "not come; get the whole file"
            ) from error
        only = begin == 0 and len(self._spans) == 1
        if only and source.number == 0:
            raise MediaError(f"{path}: it holds no frame")
        if only and self._index == first:
            raise MediaError(f"{path}: its edit list cuts off all of its frames; remux it with -ignore_editlist 1")
        missing = "" if self._live else source.reading.missing(self._info.frame_rate)
        if missing:
            where = f"after frame {self._index - 1}" if self._index else "before its first frame"
            raise MediaError(f"{path}: it ends {where}, {missing}; the file is truncated, get the whole one")

    def _begins_another(self, source: _Source, packet: "CodedPacket[Stream]") -> bool:
        """Whether what was read for a packet is the header of another recording; it then comes next.

        Where those of an IVF file begin is only found by reading up to there.
        """
        if packet.pos is None or source.container.format.name != "ivf":
            return False
        start = source.span[0] + packet.pos + source.moved
        if not begins_ivf(self._info.path, self._info.unsafe, start):
            return False
        at = self._spans.index(source.span)
        source.span = (source.span[0], start)
        self._spans[at : at + 1] = [source.span, (start, None)]
        return True

    def _coded(self, source: _Source, packet: "CodedPacket[Stream]") -> _Coded:
        data = bytes(packet)
        if self._codec is not None:
            data = self._codec.framed(data, source.record)
        # Containers take frames for key frames that are none, an MP4 without a list of them all.
        key = bool(packet.is_keyframe) if self._codec is None else self._codec.begins(data)
        place = None
        if key:
            self._held.clear()  # nothing from here on refers to what came before
            reached = source.reading.ends
            place = place_of(packet, source.container, source.video, source.number, source.moved, reached, source.span)
        times = packet.pts, packet.dts if self._late else None
        pts, dts = (time if time is None or source.scale is None else round(time * source.scale) for time in times)
        return _Coded(data, pts, dts, key, place)

    def _place(self, coded: _Coded, *, hurried: bool = False) -> Unit:
        before = self._clock.copy() if coded.key else self._clock
        offset = self._clock.offset
        first = self._clock.count == 0
        duration, dts = self._usual, None
        shows = self._codec is None or self._codec.shows(coded.data)
        if hurried:
            (pts, note), duration = self._clock.hurry(), 1
        elif self._late and coded.pts is not None:
            pts, dts, note = self._clock.arrive(coded.pts, coded.dts, shows)
        elif self._late:
            raise MediaError(
                f"{self._info.path}: packet {self._index} does not tell when it is shown, and frames may be shown in "
                "another order than they come; remux it to Matroska"
            )
        else:
            pts, note = self._clock.place(coded.pts, shows)
        if note:
            self._notes.append(note)
        sides = self._place_sides(self._clock.offset if first else offset) if self._pending_bytes else ()
        if coded.key and coded.place is not None:
            self._entry = Entry(self._index, coded.place, before, self._side_clocks())
        packet = Packet(self._index, coded.data, pts, duration, coded.key, dts)
        self._index += 1
        return self._unit(packet, sides)

    def _unit(self, packet: Packet | None, sides: tuple[SidePacket, ...]) -> Unit:
        notes, sides = tuple(self._notes), self._tail + sides
        self._notes.clear()
        self._tail = ()
        return Unit(packet, sides, notes, Mark(self._index, self._entry, self._clock.copy() if self._live else None))

    def _wait(self, packet: "CodedPacket[Stream]", track: int, data: bytes) -> None:
        """Keep a packet of another track until one of the video comes, whose time tells its own."""
        self._pending_bytes += packet.size
        if not data or packet.pts is None or packet.is_discard or self._pending_bytes > _MOST_SIDE_BYTES:
            return
        self._pending.append(SidePacket(track, data, packet.pts, packet.duration or 0, bool(packet.is_keyframe)))

    def _place_sides(self, before: int) -> tuple[SidePacket, ...]:
        placed = []
        for side in self._pending:
            pts, note = self._sides[side.track].place(side.pts, side.duration, before, self._clock)
            self._notes += [note] if note else []
            if pts is not None:
                placed.append(replace(side, pts=pts))
        if self._pending_bytes > _MOST_SIDE_BYTES:
            self._notes.append(f"packets of other tracks before packet {self._index} are left out: there are too many")
        self._pending, self._pending_bytes = [], 0
        return tuple(placed)

    def _side_clocks(self) -> tuple[SideClock, ...]:
        return tuple(side.copy() for side in self._sides)
