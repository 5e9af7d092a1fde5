"""H.264 as the interface of all codecs has it. Streams are AVCC where they have a record, as Matroska has them."""

import re
from collections.abc import Sequence
from typing import Final

from ns_ray.codecs.h264 import _h264
from ns_ray.codecs.h264.parser import MAX_PIXELS, Frame, FrameParser, FrameType
from ns_ray.codecs.motion_field import MotionField, Prediction
from ns_ray.codecs.records import FrameRecord
from ns_ray.codecs.records import FrameType as Kind
from ns_ray.errors import BitstreamError, MediaError
from ns_ray.picture.colors import FULL, LIMITED, UNSPECIFIED, Colors

_AVCC: Final = 1  # the first byte of a record; Annex B begins with a start code
_SHORTEST: Final = 7
_START_CODE: Final = re.compile(rb"\x00{2,}\x01")


class H264:
    """H.264, progressive 4:2:0 with 8 bit; see `ns_ray.codecs.codec.Codec`."""

    name = "h264"
    title = "H.264"
    matroska = "V_MPEG4/ISO/AVC"
    late = True
    prediction = Prediction.H264

    def __init__(self, record: bytes = b"") -> None:
        """Streams of that AVCDecoderConfigurationRecord; without one they are Annex B."""
        self._record = record if _is_avcc(record) else b""
        if self._record and (len(record) < _SHORTEST or record[4] & 3 == 2):  # lengths of 3 bytes
            raise MediaError("the H.264 configuration record (AVCC) is damaged; remux the video")
        self._length_size = (record[4] & 3) + 1 if self._record else 0

    def shows(self, packet: bytes) -> bool:
        """Whether it holds a slice."""
        shows: bool = _h264.look(packet, self._length_size)[0]
        return shows

    def begins(self, packet: bytes) -> bool:
        """Whether it holds an IDR picture, or one of I slices behind a recovery point."""
        begins: bool = _h264.look(packet, self._length_size)[1]
        return begins

    def framed(self, packet: bytes, record: bytes) -> bytes:
        """Start codes are replaced by lengths of 4 bytes; what is AVCC stays as it is."""
        if not self._record or _is_avcc(record):
            return packet
        units = (unit.rstrip(b"\0") for unit in _START_CODE.split(packet))
        return b"".join(len(unit).to_bytes(self._length_size, "big") + unit for unit in units if unit)

    def plausible(self, packet: bytes) -> bool:
        """Whether its NAL units are whole."""
        plausible: bool = _h264.look(packet, self._length_size)[2]
        return plausible

    def frames(self, max_samples: int) -> "FrameReader":
        """A reader of a stream's frames."""
        return FrameReader(self._record, max_samples)

    def records(self) -> "RecordReader":
        """A reader of a stream's records."""
        return RecordReader(self._record)

    def motion(self, max_samples: int) -> "MotionReader":
        """A reader of a stream's motion."""
        return MotionReader()

    def reveal(self, header: Frame) -> bytes:
        """Nothing: no frame is hidden."""
        return b""

    def colors(self, header: Frame, container: Colors) -> Colors:
        """Range and matrix of the sequence parameter set."""
        return Colors(
            FULL if header.full_range else LIMITED,
            container.assumed.matrix if header.matrix == UNSPECIFIED else header.matrix,
            container.primaries,
            container.transfer,
        )


class FrameReader:
    """Parses packets, each of one frame at most; a frame's header is all that is known of it."""

    def __init__(self, record: bytes, max_samples: int) -> None:
        self._parser = FrameParser(record or None, max_samples)
        self._frames: list[Frame] = []

    def split(self, packet: bytes) -> list[memoryview]:
        """The packet, unless it holds parameter sets alone; it is parsed."""
        self._frames = self._parser.parse(packet)
        if len(self._frames) > 1:
            raise BitstreamError(f"its packet holds {len(self._frames)} frames, and only packets of one are supported")
        return [memoryview(packet) for _ in self._frames]

    def header(self, frame: memoryview) -> Frame:
        """The next frame."""
        return self._frames.pop()

    def records(
        self, frames: Sequence[memoryview], headers: Sequence[Frame | None], video_index: int
    ) -> list[FrameRecord | None]:
        """The record of a packet's frame."""
        return [None if header is None else _record(header, video_index, i) for i, header in enumerate(headers)]


class RecordReader:
    """Parses the packets of one stream for their records."""

    def __init__(self, record: bytes) -> None:
        self._parser = FrameParser(record or None, MAX_PIXELS)

    def read(self, packet: bytes, video_index: int) -> list[FrameRecord]:
        """The record of a packet's frame; none where it cannot be decoded."""
        try:
            frames = self._parser.parse(packet)
        except BitstreamError:
            return []
        return [_record(frame, video_index, i) for i, frame in enumerate(frames)]


class MotionReader:
    """Frames have been parsed already."""

    def read(self, frame: memoryview, header: Frame | None) -> MotionField | None:
        """The motion field of a frame; None where it could not be parsed."""
        return None if header is None else header.motion_field


def _record(frame: Frame, video_index: int, super_index: int) -> FrameRecord:
    return FrameRecord(
        video_index,
        super_index,
        Kind.KEY if frame.type is FrameType.KEY else Kind.NORMAL,
        frame.size,
        refreshed=frame.refreshed,
        width=frame.width,
        height=frame.height,
        leaf=frame.slot < 0,
    )


def _is_avcc(record: bytes) -> bool:
    return record[:1] == bytes([_AVCC])
