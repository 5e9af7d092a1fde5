"""Films in Matroska and WebM, with exact times."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import av.error

from ns_ray.client.film_encoder import FilmEncoder, FilmFormat, kept_tracks, part_of, unwritten
from ns_ray.errors import HybridError, MediaError
from ns_ray.hybrid.header import HDR, SHAPE, HybridFormat, resized
from ns_ray.hybrid.writer import append_epoch, finish
from ns_ray.picture.yuv import Yuv420
from ns_ray.video import matroska as m
from ns_ray.video.packets import Packet, SidePacket
from ns_ray.video.tracks import Memory, entries_of, entry_of, header_with

DOC_TYPES = {".mkv": "matroska", ".webm": "webm"}
_TICKS_AS = Fraction(1, 1000)  # the one unit that FFmpeg's Matroska muxer knows
_BATCH = 40


class MatroskaFilm:
    """Matroska and WebM: the muxer makes the packets and the track's description, our own writer the file."""

    def __init__(self, path: Path, format: FilmFormat) -> None:
        self._path, self._part = path, part_of(path)
        self._format = format
        self._doc_type = DOC_TYPES[path.suffix.lower()]
        self._memory = Memory()
        options = {"fflags": "bitexact", "live": "1", "avoid_negative_ts": "disabled"}
        self._sink = av.open(self._memory, "w", format=self._doc_type, options=options)
        self._encoder = FilmEncoder(path, self._sink, format)
        self._kept, self.notes = kept_tracks(
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
        """Encode the next picture; raises MediaError where that fails."""
        if self._latest is not None:
            self._durations[self._latest] = pts - self._latest
        self._latest = pts
        self._mux(self._encoder.encode(picture, pts))
        if len(self._blocks) > _BATCH:
            known = [block.time in self._durations for block in self._blocks]
            self._append(known.index(False) if False in known else len(known))

    def copy(self, packets: Sequence[SidePacket]) -> None:
        """Take packets of the tracks beside the video; those that the container does not hold are left out."""
        self._sides += (replace(one, track=self._kept.index(one.track)) for one in packets if one.track in self._kept)

    def close(self) -> None:
        """End the file, which then has its name; raises MediaError where that fails."""
        self._mux(self._encoder.encode(None))
        try:
            self._sink.close()
        except (av.error.FFmpegError, OSError) as error:
            raise unwritten(self._path, error) from error
        self._parse()
        self._append(len(self._blocks), last=True)
        if self._hybrid is None:
            raise MediaError(f"{self._path}: the encoder gave no packet; try another")
        try:
            finish(self._part, self._path, self._hybrid)
        except HybridError as error:
            raise unwritten(self._path, error.__cause__ or error) from error

    def abandon(self) -> None:
        """Leave nothing of the file but what already has its name."""
        with suppress(av.error.FFmpegError, OSError, ValueError):
            self._sink.close()
        self._part.unlink(missing_ok=True)

    def _mux(self, packets: "list[av.Packet[av.VideoStream]]") -> None:
        try:
            for packet in packets:
                packet.time_base = _TICKS_AS
                self._sink.mux_one(packet)
        except (av.error.FFmpegError, OSError) as error:
            raise unwritten(self._path, error) from error
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
            Packet(self._index + at, bytes(one.data), one.time, self._durations.pop(one.time, usual), one.key)
            for at, one in enumerate(blocks)
        ]
        self._index += len(packets)
        until = None if last else max(one.time for one in blocks) * base
        due = [one for one in self._sides if until is None or self._start(one) < until]
        self._sides = [one for one in self._sides if until is not None and self._start(one) >= until]
        try:
            self._offset = append_epoch(self._part, self._hybrid, self._offset, packets, (), due)
        except HybridError as error:
            raise unwritten(self._path, error) from error

    def _start(self, packet: SidePacket) -> Fraction:
        """Seconds at which a packet beside the video begins."""
        return packet.pts * self._format.info.sides[self._kept[packet.track]].time_base


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
