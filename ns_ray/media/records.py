"""Frame records of a stream from the headers of its packets, without decoding."""

from ns_ray.errors import BitstreamError
from ns_ray.media.packets import Packet
from ns_ray.vp9.header import HeaderParser
from ns_ray.vp9.records import FrameRecord, record
from ns_ray.vp9.superframe import split


class RecordReader:
    """Reads the packets of one stream in order; after one that is damaged it waits for a key frame, as decoders do."""

    def __init__(self) -> None:
        self._headers = HeaderParser()
        self._waiting = True

    def read(self, packet: Packet) -> list[FrameRecord]:
        """The records of a packet's frames in decode order; none where it cannot be decoded."""
        if self._waiting and not packet.key:
            return []
        try:
            coded = [(self._headers.parse(data), len(data)) for data in split(packet.data)]
        except BitstreamError:
            self._waiting, self._headers = True, HeaderParser()
            return []
        self._waiting = False
        return [
            record(header, packet.video_index, super_index, size)
            for super_index, (header, size) in enumerate(coded)
            if header.show or header.refreshed  # a hidden frame that refreshes no slot is of no use to any other
        ]
