"""Frame records of a stream from the headers of its packets, without decoding."""

from ns_ray.errors import BitstreamError
from ns_ray.video.packets import Packet
from ns_ray.vp9.header import HeaderParser, MissingReferenceError
from ns_ray.vp9.packet_splitter import PacketSplitter
from ns_ray.vp9.records import FrameRecord, packet_records


class RecordReader:
    """Reads the packets of one stream in order.

    It starts at a key frame or an intra-only frame; a packet with a frame that refers to others than came since has no
    records. After one that is damaged it starts again.
    """

    def __init__(self) -> None:
        self._splitter = PacketSplitter()
        self._headers = HeaderParser()

    def read(self, packet: Packet) -> list[FrameRecord]:
        """The records of a packet's frames in decode order; none where it cannot be decoded."""
        try:
            frames = self._splitter.split(packet.data)
            headers = [self._headers.parse(frame) for frame in frames]
        except MissingReferenceError:
            return []
        except BitstreamError:
            self._headers = HeaderParser()
            return []
        records = packet_records(headers, [len(frame) for frame in frames], packet.video_index)
        return [one for one in records if one.shown or one.refreshed]  # what is neither is of no use to any frame
