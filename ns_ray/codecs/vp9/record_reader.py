"""Frame records of a VP9 stream from the headers of its packets, without decoding."""

from ns_ray.codecs.records import FrameRecord, FrameType
from ns_ray.codecs.vp9 import _vp9
from ns_ray.codecs.vp9.header import MAX_PIXELS
from ns_ray.codecs.vp9.packet_splitter import PacketSplitter
from ns_ray.errors import BitstreamError

_TYPES = tuple(FrameType)


class RecordReader:
    """Reads the packets of one stream in order.

    It starts at a key frame or an intra-only frame; a packet with a frame that refers to others than came since has no
    records. After one that is damaged it starts again.

    All is done in C++ (`native/codecs/vp9/record_reader.hpp`), as `HeaderParser` and `packet_records` do it.
    """

    def __init__(self) -> None:
        self._splitter = PacketSplitter()
        self._headers = _vp9.RecordReader(MAX_PIXELS)

    def read(self, packet: bytes, video_index: int) -> list[FrameRecord]:
        """The records of a packet's frames in decode order; none where it cannot be decoded."""
        try:
            frames = self._splitter.split(packet)
        except BitstreamError:
            self._headers.restart()
            return []
        return [
            FrameRecord(video_index, i, _TYPES[kind], size, shown, refreshed, existing, width, height, lower)
            for i, kind, size, shown, refreshed, existing, width, height, lower in self._headers.read(frames)
        ]
