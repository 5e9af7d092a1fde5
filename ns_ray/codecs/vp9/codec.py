"""VP9 as the interface of all codecs has it."""

from collections.abc import Sequence
from typing import Final

from ns_ray.codecs.motion_field import Prediction
from ns_ray.codecs.records import FrameRecord
from ns_ray.codecs.vp9.header import FrameHeader, HeaderParser
from ns_ray.codecs.vp9.motion import MotionReader
from ns_ray.codecs.vp9.packet_splitter import PacketSplitter
from ns_ray.codecs.vp9.record_reader import RecordReader
from ns_ray.codecs.vp9.records import packet_records, record
from ns_ray.codecs.vp9.shown import FRAME_MARKER, begins, shows
from ns_ray.errors import BitstreamError
from ns_ray.picture.colors import FULL, LIMITED, Colors

_8_BIT_420 = (8, 1, 1)
_MATRICES: Final = {1: 5, 2: 1, 3: 6, 4: 7, 5: 9}
"""color_space (section 7.2.2) as matrices of H.273."""


class Vp9:
    """VP9, profile 0; see `ns_ray.codecs.codec.Codec`."""

    name = "vp9"
    title = "VP9"
    matroska = "V_VP9"
    late = False
    prediction = Prediction.VP9

    def __init__(self, record: bytes = b"") -> None:
        """VP9 has no record that matters."""

    def shows(self, packet: bytes) -> bool:
        """Whether one of a packet's frames is shown."""
        return shows(packet)

    def begins(self, packet: bytes) -> bool:
        """Whether a packet's first frame is a key frame."""
        return begins(packet)

    def framed(self, packet: bytes, record: bytes) -> bytes:
        """It is the same everywhere."""
        return packet

    def plausible(self, packet: bytes) -> bool:
        """Whether it begins with the frame marker."""
        return packet[0] >> 6 == FRAME_MARKER

    def frames(self, max_samples: int) -> "FrameReader":
        """A reader of a stream's frames."""
        return FrameReader(max_samples)

    def records(self) -> RecordReader:
        """A reader of a stream's records."""
        return RecordReader()

    def motion(self, max_samples: int) -> MotionReader:
        """A reader of a stream's motion."""
        return MotionReader(max_samples)

    def reveal(self, header: FrameHeader) -> bytes:
        """A frame that only shows one of the slots that a hidden frame refreshed."""
        slot = (header.refreshed & -header.refreshed).bit_length() - 1
        return show_existing_frame(slot, header.profile)

    def colors(self, header: FrameHeader, container: Colors) -> Colors:
        """Range and matrix of the bitstream; a matrix that neither tells is BT.709's."""
        coded = header.color
        return Colors(
            FULL if coded.full_range else LIMITED,
            _MATRICES.get(coded.color_space, container.assumed.matrix),
            container.primaries,
            container.transfer,
        )


class FrameReader:
    """Splits packets and reads headers."""

    def __init__(self, max_samples: int) -> None:
        self._max_samples = max_samples
        self._splitter = PacketSplitter(max_samples)
        self._headers = HeaderParser(max_samples)

    def split(self, packet: bytes) -> list[memoryview]:
        """A packet's coded frames."""
        return self._splitter.split(packet)

    def header(self, frame: memoryview) -> FrameHeader:
        """The header of the next coded frame."""
        header = self._headers.parse(frame)
        if header.color.format != _8_BIT_420:
            raise BitstreamError("only 8 bit 4:2:0 video is supported (VP9 profile 0)")
        return header

    def records(
        self, frames: Sequence[memoryview], headers: Sequence[FrameHeader | None], video_index: int
    ) -> list[FrameRecord | None]:
        """The records of a packet's frames; layers are told apart where all headers are known."""
        sizes = [len(data) for data in frames]
        parsed = [header for header in headers if header is not None]
        if len(parsed) == len(headers):
            return [*packet_records(parsed, sizes, video_index)]
        return [
            None if header is None else record(header, video_index, i, size)
            for i, (header, size) in enumerate(zip(headers, sizes, strict=True))
        ]


def show_existing_frame(slot: int, profile: int) -> bytes:
    """A coded frame that only shows what reference slot `slot` holds (section 6.2, show_existing_frame)."""
    low, high = profile & 1, profile >> 1
    bits, length = 0b10 << 2 | low << 1 | high, 4
    if profile == 3:
        bits, length = bits << 1, length + 1  # reserved_zero
    bits, length = (bits << 1 | 1) << 3 | slot, length + 4
    padding = -length % 8
    return (bits << padding).to_bytes((length + padding) // 8, "big")
