"""SourceActor: reads the packets of its streams."""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil
from threading import Lock

from actors.messages import ReadReply, Stream
from actors.worker import Worker, measured
from ns_ray.errors import MediaError
from ns_ray.video.address import regular
from ns_ray.video.packets import Mark, Packet, SidePacket, Unit, read_units
from ns_ray.video.probe import VideoInfo, probe, require_supported
from ns_ray.video.records import RecordReader
from ns_ray.vp9.records import FrameRecord

SOURCE_CALLS = 32
"""Streams that may wait for their live sources at a time, in one actor, and hold up no other."""
_NO_KEY = "no key frame yet: packets are passed on, anchors begin with the first key frame"


@dataclass(slots=True)
class _Reading:
    """One stream: its units, where the next begins, that one if it has been read, and what headers told so far."""

    units: Iterator[Unit]
    mark: Mark
    ahead: Unit | None = None
    records: RecordReader = field(default_factory=RecordReader)
    decodable: bool = False
    waiting: bool = False

    @classmethod
    def at(cls, stream: Stream, mark: Mark) -> "_Reading":
        """Open a stream so that it is read from a mark on; headers since the last key frame are read again."""
        reading = cls(read_units(stream.info, mark, loop=True), mark)
        while (unit := reading.peek()) is not None and unit.packet is not None and unit.packet.video_index < mark.index:
            reading.records.read(unit.packet)
            reading.ahead = None
        reading.decodable = mark.index > 0  # whatever was to be said of its beginning has been said
        return reading

    def peek(self) -> Unit | None:
        """The next unit; None after the last."""
        if self.ahead is None:
            self.ahead = next(self.units, None)
        return self.ahead

    def take(self, packet: Packet) -> list[FrameRecord]:
        """The records of the next packet, which is then read."""
        records = self.records.read(packet)
        self.decodable = self.decodable or packet.key or bool(records)
        return records


class SourceActor(Worker):
    """Keeps one open reader a stream; one that was lost is opened again where the mark says, at the last key frame.

    Several threads may call it at once, each for another stream.
    """

    def __init__(self, affinity: list[int]) -> None:
        super().__init__(affinity)
        self._readings: dict[str, _Reading] = {}
        self._turn = Lock()

    def probe(self, path: str, unsafe: bool = False) -> VideoInfo:
        """Look at a video, `unsafe` as in `open_input`; raises MediaError if it cannot be enhanced."""
        info = probe(path, unsafe)
        require_supported(info)
        return info

    def read(
        self, stream: Stream, mark: Mark, until: Fraction, limit: int
    ) -> tuple[list[Packet], list[SidePacket], ReadReply]:
        """Read the packets from `mark` on whose times come before `until`, in seconds; `limit` packets at most.

        A file is repeated without end, a pipe or live source read until it ends. Packets of the tracks beside the
        video come with the packet of the video that follows them in the source. In a pause there may be no packet.

        Files take turns, as threads would only hinder one another; a source that is waited for keeps no other.
        """
        with self._turn if regular(stream.info.path) else nullcontext():
            return self._read(stream, mark, until, limit)

    def _read(
        self, stream: Stream, mark: Mark, until: Fraction, limit: int
    ) -> tuple[list[Packet], list[SidePacket], ReadReply]:
        packets: list[Packet] = []
        sides: list[SidePacket] = []
        records: list[FrameRecord] = []
        notes: list[str] = []
        ended, error = False, ""
        end = ceil(until / stream.info.time_base)
        with measured("read") as clock:
            reading = self._readings.pop(stream.name, None)
            try:
                if reading is None or reading.mark.index != mark.index:
                    reading = _Reading.at(stream, mark)
                while len(packets) < limit:
                    unit = reading.peek()
                    if unit is None:
                        ended = True
                        break
                    if unit.packet is not None and unit.packet.pts >= end:
                        break
                    if unit.packet is not None:
                        packets.append(unit.packet)
                        records += reading.take(unit.packet)
                    sides += unit.sides
                    notes += unit.notes
                    reading.mark, reading.ahead = unit.mark, None
                if packets and not reading.decodable:
                    notes += [] if reading.waiting else [_NO_KEY]
                    reading.waiting = True
                self._readings[stream.name] = reading
            except MediaError as problem:
                ended, error = True, str(problem)
            mark = mark if reading is None else reading.mark
        size = sum(len(packet.data) for packet in packets)
        tick = stream.info.time_base
        ended_at = (packets[-1].pts + packets[-1].duration) * tick if packets else Fraction(0)
        ahead = reading.ahead.packet if reading is not None and reading.ahead is not None else None
        reply = ReadReply(
            len(packets),
            size,
            tuple(records),
            mark,
            ended,
            error,
            tuple(notes),
            clock.span,
            ended_at,
            ahead.pts * tick if ahead is not None else None,
            len(sides),
        )
        return packets, sides, reply

    def forget(self, name: str) -> None:
        """Close the file of a stream that has ended."""
        self._readings.pop(name, None)
