"""Reading the packets of many streams in one process."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from math import ceil
from typing import TypeVar

from ns_ray.actors.bundle import Bundler
from ns_ray.actors.messages import Stream
from ns_ray.actors.reading_trace import ReadingTrace
from ns_ray.actors.service.relayed import is_relayed, relayed_units
from ns_ray.actors.work import Read
from ns_ray.actors.worker import measured
from ns_ray.codecs.codec import RecordReader, codec_named
from ns_ray.codecs.records import FrameRecord
from ns_ray.errors import MediaError
from ns_ray.video.address import regular
from ns_ray.video.lookahead import Lookahead
from ns_ray.video.packets import Mark, Packet, SidePacket, Unit, read_units

T = TypeVar("T")
_Wish = tuple[Stream, Mark, Fraction, int]
_TOGETHER = 8
"""Files that are read before the first one's packets are handed on."""
_LIVE = 128
"""Live sources that may be waited for at a time; each takes a thread."""
AHEAD = 8
"""Packets read ahead where pictures come later than their packets: a mini-GOP of 6, and 2 that decoders hold."""
_NO_KEY = "no key frame yet: packets are passed on, anchors begin with the first key frame"


@dataclass(slots=True)
class _Reading:
    """One stream: its units, where the next begins, what headers told so far, and what went wrong beyond."""

    units: Lookahead[Unit]
    mark: Mark
    records: RecordReader
    late: bool = False
    decodable: bool = False
    waiting: bool = False
    problem: MediaError | None = None
    before: list[Packet] = field(default_factory=list)

    @classmethod
    def at(cls, stream: Stream, mark: Mark) -> "_Reading":
        """Open a stream so that it is read from a mark on; what comes since the last key frame is read again."""
        codec = codec_named(stream.info.codec, stream.info.record)
        reading = cls(Lookahead(_units(stream, mark)), mark, codec.records(), codec.late)
        while (unit := reading.peek()) is not None and unit.packet is not None and unit.packet.video_index < mark.index:
            reading.records.read(unit.packet.data, unit.packet.video_index)
            reading.before.append(unit.packet)
            next(reading.units)
        reading.decodable = mark.index > 0  # whatever was to be said of its beginning has been said
        return reading

    def peek(self) -> Unit | None:
        """The next unit; None after the last."""
        unit = next(self.units.ahead(), None)
        if unit is None and self.problem is not None:
            raise self.problem
        return unit

    def ahead(self) -> Sequence[Packet]:
        """Packets that follow, as many as it takes for the pictures of those before to be out."""
        packets: list[Packet] = []
        try:
            for unit in islice(self.units.ahead(), AHEAD if self.late else 0):
                packets += () if unit.packet is None else (unit.packet,)
        except MediaError as problem:  # those before it come first
            self.problem = problem
        return packets

    def take(self, packet: Packet) -> list[FrameRecord]:
        """The records of the next packet, which is then read."""
        records = self.records.read(packet.data, packet.video_index)
        self.decodable = self.decodable or packet.key or bool(records)
        return records


def _units(stream: Stream, mark: Mark) -> Iterator[Unit]:
    path = stream.info.path
    return relayed_units(path, mark) if is_relayed(path) else read_units(stream.info, mark, loop=True)


class Readers:
    """One open reader a stream.

    Files take turns in one thread, as several would only hinder one another; a source that is waited for keeps no
    other.
    """

    def __init__(self, trace: ReadingTrace | None = None) -> None:
        """Set up readers without streams; `trace` marks what is read, and refuses what killed the process before."""
        self._trace = trace or ReadingTrace()
        self._wanted: dict[str, bool] = {}  # whether each is a file
        self._readings: dict[str, _Reading] = {}
        self._files = ThreadPoolExecutor(1, thread_name_prefix="files")
        self._live = ThreadPoolExecutor(_LIVE, thread_name_prefix="live")
        self._together: Bundler[None, _Wish, Read] = Bundler(self._read_files, _TOGETHER)

    async def read(self, stream: Stream, mark: Mark, until: Fraction, limit: int) -> Read:
        """See `Work.read`: a file is repeated without end, a pipe or live source read until it ends.

        Packets of the tracks beside the video come with the packet of the video that follows them in the source. In a
        pause there may be no packet.
        """
        if self._is_file(stream):
            return await self._together.ask(None, (stream, mark, until, limit))
        return await self._in_thread(stream, self._read, stream, mark, until, limit)

    async def before(self, stream: Stream, mark: Mark) -> Sequence[Packet]:
        """See `Work.before`."""
        return await self._in_thread(stream, self._before, stream, mark)

    def again(self, stream: Stream) -> bool:
        """Whether another reader could go on with a stream without loss: a file, or what a relay keeps."""
        return self._is_file(stream) or is_relayed(stream.info.path)

    def forget(self, name: str) -> None:
        """Close the source of a stream that has ended."""
        self._wanted.pop(name, None)
        self._readings.pop(name, None)
        self._trace.forget(name)

    async def _in_thread(self, stream: Stream, do: Callable[..., T], *arguments: object) -> T:
        pool: Executor = self._files if self._is_file(stream) else self._live
        return await asyncio.get_running_loop().run_in_executor(pool, do, *arguments)

    def _is_file(self, stream: Stream) -> bool:
        if stream.name not in self._wanted:
            self._wanted[stream.name] = regular(stream.info.path) is not None
        return self._wanted[stream.name]

    async def _read_files(self, _: None, wishes: Sequence[_Wish]) -> Sequence[Read]:
        """Read of several files with one change of threads."""

        def read_all() -> list[Read]:
            return [self._read(*wish) for wish in wishes]

        return await asyncio.get_running_loop().run_in_executor(self._files, read_all)

    def _before(self, stream: Stream, mark: Mark) -> Sequence[Packet]:
        with self._trace.reading(stream, mark.index):
            reading = _Reading.at(stream, mark)
        before, reading.before = reading.before, []
        self._keep(stream.name, reading)
        return before

    def _keep(self, name: str, reading: _Reading) -> None:
        """Keep a source open, unless its stream has ended while it was waited for."""
        self._readings[name] = reading
        if name not in self._wanted:
            self._readings.pop(name, None)

    def _read(self, stream: Stream, mark: Mark, until: Fraction, limit: int) -> Read:
        packets: list[Packet] = []
        sides: list[SidePacket] = []
        records: list[FrameRecord] = []
        notes: list[str] = []
        ended, error = False, ""
        ahead: Sequence[Packet] = ()
        end = ceil(until / stream.info.time_base)
        with measured("read") as clock:
            reading = self._readings.pop(stream.name, None)
            try:
                with self._trace.reading(stream, mark.index):
                    if reading is None or reading.mark.index != mark.index:
                        reading = _Reading.at(stream, mark)
                        reading.before = []
                    while len(packets) < limit:
                        unit = reading.peek()
                        if unit is None:
                            ended = True
                            break
                        if unit.packet is not None and unit.packet.due >= end:
                            break
                        if unit.packet is not None:
                            packets.append(unit.packet)
                            records += reading.take(unit.packet)
                        sides += unit.sides
                        notes += unit.notes
                        reading.mark = unit.mark
                        next(reading.units)
                if packets and not reading.decodable:
                    notes += [] if reading.waiting else [_NO_KEY]
                    reading.waiting = True
                ahead = reading.ahead()
                self._keep(stream.name, reading)
            except MediaError as problem:
                ended, error = True, str(problem)
            mark = mark if reading is None else reading.mark
        tick = stream.info.time_base
        unit = None if reading is None or error else reading.units.known
        following = None if unit is None else unit.packet
        return Read(
            packets,
            sides,
            records,
            mark,
            ended,
            error,
            tuple(notes),
            clock.span,
            (packets[-1].due + packets[-1].duration) * tick if packets else Fraction(0),
            following.due * tick if following is not None else None,
            ahead,
        )
