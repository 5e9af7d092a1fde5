"""What all that is done with coded video asks of a codec, and the codecs there are."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

from ns_ray.codecs.h264.codec import H264
from ns_ray.codecs.motion_field import MotionField, Prediction
from ns_ray.codecs.records import FrameRecord
from ns_ray.codecs.vp9.codec import Vp9
from ns_ray.errors import MediaError
from ns_ray.picture.colors import Colors


class Header(Protocol):
    """What decoding and rebuilding ask of a coded frame's header."""

    @property
    def show(self) -> bool:
        """Whether the frame is shown."""

    @property
    def show_existing(self) -> int | None:
        """The reference slot that the frame shows, where it does nothing else."""

    @property
    def key(self) -> bool:
        """Whether decoding can begin at the frame, and none after it refers to what came before."""

    @property
    def independent(self) -> bool:
        """Whether the frame goes on from no state but what reference slots hold."""

    @property
    def refreshed(self) -> int:
        """Reference slots that it replaces, bit i for slot i."""

    @property
    def needed(self) -> int:
        """Reference slots that it refers to, bit i for slot i."""

    @property
    def width(self) -> int:
        """Luma samples of a row."""

    @property
    def height(self) -> int:
        """Luma rows."""

    @property
    def crop(self) -> tuple[int, int]:
        """Samples that were coded left of the picture and above it, and are not meant to be seen; whole pairs."""


H = TypeVar("H", bound=Header)
H_contra = TypeVar("H_contra", bound=Header, contravariant=True)


class FrameReader(Protocol[H]):
    """Reads the packets of one stream, in decode order, frame by frame; after an error it goes on."""

    def split(self, packet: bytes) -> list[memoryview]:
        """A packet's coded frames, in decode order.

        Raises:
            BitstreamError: it is damaged as a whole.
        """

    def header(self, frame: memoryview) -> H:
        """The header of the next coded frame.

        Raises:
            BitstreamError: it is damaged, too large, or of a kind that is not supported.
            MissingReferenceError: it needs a frame that never came. It is not damaged itself.
        """

    def records(
        self, frames: Sequence[memoryview], headers: Sequence[H | None], video_index: int
    ) -> list[FrameRecord | None]:
        """The records of a packet's frames; None of those without a header."""


class RecordReader(Protocol):
    """Reads the packets of one stream, in decode order, for their frames' records alone."""

    def read(self, packet: bytes, video_index: int) -> list[FrameRecord]:
        """The records of a packet's frames in decode order; none where it cannot be decoded."""


class MotionReader(Protocol[H_contra]):
    """Tells how the frames of one stream moved, in decode order."""

    def read(self, frame: memoryview, header: H_contra | None) -> MotionField | None:
        """The motion field of the next coded frame.

        Args:
            frame: as `FrameReader.split` gave it.
            header: its header, None where it could not be decoded.

        Returns:
            None where it cannot be told, for the frame or one before it that it depends on.

        Raises:
            BitstreamError: the frame is damaged.
        """


class Codec(Protocol[H]):
    """A codec, for streams of one form, which a record may tell.

    Attributes:
        name: FFmpeg's.
        title: as people call it.
        matroska: its CodecID there.
        late: whether decoders give pictures out in the order in which they are shown, later than their packets.
        prediction: how its blocks are predicted.
    """

    name: str
    title: str
    matroska: str
    late: bool
    prediction: Prediction

    def __init__(self, record: bytes = b"") -> None: ...

    def shows(self, packet: bytes) -> bool:
        """Whether a packet shows a picture, by its first bits; one that is damaged does."""

    def begins(self, packet: bytes) -> bool:
        """Whether a packet begins with a key frame, by its first bits; one that is damaged does not."""

    def framed(self, packet: bytes, record: bytes) -> bytes:
        """A packet as Matroska has it, from one as a container with that record of its own has it."""

    def plausible(self, packet: bytes) -> bool:
        """Whether a packet begins as those of the codec do: what is encrypted does not."""

    def frames(self, max_samples: int) -> FrameReader[H]:
        """A reader of a stream's frames; those of more luma samples count as damaged."""

    def records(self) -> RecordReader:
        """A reader of a stream's records."""

    def motion(self, max_samples: int) -> MotionReader[H]:
        """A reader of a stream's motion."""

    def reveal(self, header: H) -> bytes:
        """What has a decoder give out the hidden frame that it decoded last, and changes nothing for those to come."""

    def colors(self, header: H, container: Colors) -> Colors:
        """Colours as a key frame's header has them; what it leaves open, by the container."""


VIDEO_CODECS: Final[Mapping[str, type[Codec[Any]]]] = {"vp9": Vp9, "h264": H264}
"""By FFmpeg's names."""

SUPPORTED: Final = " or ".join(codec.title for codec in VIDEO_CODECS.values())


def codec_named(name: str, record: bytes = b"") -> Codec[Any]:
    """The codec of that FFmpeg name.

    Args:
        name: FFmpeg's.
        record: what containers keep apart from the packets (CodecPrivate, extradata), where the codec has such.

    Raises:
        MediaError: it is not supported, or the record is damaged.
    """
    try:
        return VIDEO_CODECS[name](record)
    except KeyError:
        raise MediaError(f"codec {name} is not supported, only {SUPPORTED}; encode the video anew") from None
