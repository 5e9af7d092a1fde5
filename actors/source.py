"""SourceActor: reads the packets of its streams."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice

from actors.messages import ReadReply, Stream
from actors.worker import Worker, measured
from ns_ray.errors import MediaError
from ns_ray.media.packets import Mark, Packet, SidePacket, read_packets
from ns_ray.media.probe import VideoInfo, probe, require_supported
from ns_ray.media.records import RecordReader
from ns_ray.vp9.records import FrameRecord


@dataclass(slots=True)
class _Reading:
    """One stream's packets, the number of the next, and what its headers told so far."""

    packets: Iterator[Packet]
    at: int = 0
    records: RecordReader = field(default_factory=RecordReader)


class SourceActor(Worker):
    """Keeps one open reader a stream; a lost one is opened again and read up to where it was."""

    def __init__(self, affinity: list[int]) -> None:
        super().__init__(affinity)
        self._readings: dict[str, _Reading] = {}

    def probe(self, path: str) -> VideoInfo:
        """Look at a video; raises MediaError if it cannot be enhanced."""
        info = probe(path)
        require_supported(info)
        return info

    def read(
        self, stream: Stream, mark: Mark, until: Fraction, limit: int
    ) -> tuple[list[Packet], list[SidePacket], ReadReply]:
        """Read the packets from `mark` on whose times come before `until`, in seconds; `limit` packets at most.

        The video is repeated without end. Packets of the tracks beside it come with those they belong to in time.
        """
        error = ""
        start, count = mark.index, min(limit, max(0, round(until * stream.info.frame_rate) - mark.index))
        packets: list[Packet] = []
        records: list[FrameRecord] = []
        with measured("read") as clock:
            reading = self._readings.pop(stream.name, None)
            if reading is None or reading.at != start:
                reading = _Reading(read_packets(stream.info, loop=True))
            try:
                while reading.at < start:
                    reading.records.read(next(reading.packets))
                    reading.at += 1
                for packet in islice(reading.packets, count):
                    packets.append(packet)
                    records += reading.records.read(packet)
            except MediaError as problem:
                error = str(problem)
            reading.at = start + len(packets)
            self._readings[stream.name] = reading
        size = sum(len(packet.data) for packet in packets)
        mark = Mark(reading.at)
        ended = len(packets) < count
        end = (packets[-1].pts + packets[-1].duration) * stream.info.time_base if packets else Fraction(0)
        reply = ReadReply(len(packets), size, tuple(records), mark, ended, error, (), clock.span, end)
        return packets, [], reply

    def forget(self, name: str) -> None:
        """Close the file of a stream that has ended."""
        self._readings.pop(name, None)
