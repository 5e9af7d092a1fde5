"""SourceActor: reads the packets of its streams."""

from collections.abc import Iterator
from itertools import islice

from actors.messages import ReadReply, Stream
from actors.worker import Worker, measured
from ns_ray.errors import MediaError
from ns_ray.media.packets import Packet, read_packets
from ns_ray.media.probe import VideoInfo, probe, require_supported


class SourceActor(Worker):
    """Keeps one open reader a stream; a lost one is opened again where it was."""

    def __init__(self, affinity: list[int]) -> None:
        super().__init__(affinity)
        self._readers: dict[str, tuple[int, Iterator[Packet]]] = {}

    def probe(self, path: str) -> VideoInfo:
        """Look at a video; raises MediaError if it cannot be enhanced."""
        info = probe(path)
        require_supported(info)
        return info

    def read(self, stream: Stream, start: int, count: int) -> tuple[list[Packet], ReadReply]:
        """Read `count` packets from number `start` on; fewer at the end. The video is repeated without end."""
        error = ""
        with measured("read") as clock:
            at, reader = self._readers.pop(stream.name, (-1, iter(())))
            if at != start:
                reader = read_packets(stream.info, start=start, loop=True)
            packets: list[Packet] = []
            try:
                for packet in islice(reader, count):
                    packets.append(packet)
            except MediaError as problem:
                error = str(problem)
            self._readers[stream.name] = (start + len(packets), reader)
        size = sum(len(packet.data) for packet in packets)
        return packets, ReadReply(len(packets), size, len(packets) < count, error, clock.span)
