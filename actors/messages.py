"""What actors and the pipeline say to each other: small, frozen, and nothing that does not pickle."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ns_ray.brief_pickle import briefly_pickled
from ns_ray.hybrid.anchor_image import AnchorImage
from ns_ray.picture.yuv import Yuv420
from ns_ray.results import Span
from ns_ray.video.block import PacketBlock
from ns_ray.video.decode import FrameName
from ns_ray.video.packets import Mark
from ns_ray.video.probe import VideoInfo
from ns_ray.vp9.records import FrameRecord

Form = Literal["jpeg", "rgb", "yuv"]
"""What an enhancer makes of a frame: a compressed anchor, or an HR picture to be compressed or encoded elsewhere."""


@briefly_pickled
@dataclass(frozen=True, slots=True)
class Stream:
    """One stream: its name, its video, its model and the file of its weights (None for the pretrained ones)."""

    name: str
    info: VideoInfo
    model: str
    weights: str | None = None


@dataclass(frozen=True, slots=True)
class ReadReply:
    """Packets read: their number, bytes and frame records, and what follows.

    `mark` is where the next read begins; `ended` after the last packet, `error` if it broke off; `notes` say what was
    done to times since the last reply. `end` is when the last of these packets has been shown, in seconds, and
    `following` the time of the packet after it where that is known; `sides` counts packets of the other tracks.
    """

    count: int
    bytes: int
    records: tuple[FrameRecord, ...]
    mark: Mark
    ended: bool
    error: str
    notes: tuple[str, ...]
    span: Span
    end: Fraction = Fraction(0)
    following: Fraction | None = None
    sides: int = 0


@dataclass(frozen=True, slots=True)
class DecodeReply:
    """An epoch's shown and hidden frames, those handed out, the packets that were damaged and why, and the work.

    `broken` says that nothing more can be decoded before the next key frame.
    """

    shown: int
    hidden: int
    handed_out: int
    damaged: tuple[tuple[int, str], ...]
    broken: bool
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class DecoderSpeed:
    """Where a decoder decodes, frames a second of one session, and why it is not where it should be."""

    device: str
    frames_per_second: float
    reason: str = ""


@briefly_pickled
@dataclass(frozen=True, slots=True)
class Frame:
    """A decoded or super-resolved frame on its way between actors; `picture` is RGB (height, width, 3) or YUV."""

    record: FrameRecord
    pts: int
    picture: Yuv420 | NDArray[np.uint8]


@briefly_pickled
@dataclass(frozen=True, slots=True)
class Made:
    """One frame that an enhancer or encoder made, and its compressed bytes (0 for a picture)."""

    record: FrameRecord
    bytes: int


@briefly_pickled
@dataclass(frozen=True, slots=True)
class MadeReply:
    """What came out of one call, in order, and the work it took: inference, encoding or both.

    `switch_seconds` is what switching to the stream's weights took, None where they were in place. `cpu_seconds` is CPU
    time of the threads that did this work (where the DNN runs on a CPU in several threads, of one of them). `error`
    says why the stream's model or weights cannot be used.
    """

    made: tuple[Made, ...]
    spans: tuple[Span, ...]
    switch_seconds: float | None = None
    cpu_seconds: float = 0.0
    error: str = ""


@briefly_pickled
@dataclass(frozen=True, slots=True)
class Anchors:
    """One stream's anchors out of a call, compressed, and what was made; `reply.error` says why there are none."""

    images: tuple[AnchorImage, ...]
    reply: MadeReply

    @property
    def error(self) -> str:
        """Why the stream's model or weights cannot be used; empty where they can."""
        return self.reply.error


@dataclass(frozen=True, slots=True)
class EncodeReply:
    """How many frames were encoded as video, and the encoder's work."""

    frames: int
    span: Span


@dataclass(frozen=True, slots=True)
class WriteReply:
    """Size of the output after the epoch, which the next write is to append at."""

    offset: int
    span: Span


@dataclass(frozen=True, slots=True)
class DecodeJob:
    """One epoch of one stream to be decoded, in a call with those of others.

    Attributes:
        stream: the stream.
        epoch: its number among the stream's decoded epochs; they come in order.
        packets: the epoch's packets.
        history: packets since the last key frame before these, epoch by epoch, from which a decoder that does not know
            the stream is brought to where it should be; None where it is thought to know it.
        wanted: groups of frames to hand out, each with the number of the part of the answer that it goes to.
    """

    stream: Stream
    epoch: int
    packets: PacketBlock
    history: Sequence[PacketBlock] | None
    wanted: Sequence[tuple[int, Sequence[FrameName]]] = ()


@briefly_pickled
@dataclass(frozen=True, slots=True)
class Ask:
    """Frames of one stream to be super-resolved, in a call with those of others.

    Attributes:
        stream: the stream.
        part: which of the objects that come with the call holds them.
        place: their place in it.
        quality: JPEG quality, where images are made.
        deadline: wall-clock time from which no further frame is begun; those left are not in the answer.
    """

    stream: Stream
    part: int
    place: int
    quality: int = 0
    deadline: float | None = None


@dataclass(frozen=True, slots=True)
class VideoFormat:
    """A video to be encoded: (width, height), frames a second, seconds a tick."""

    size: tuple[int, int]
    frame_rate: Fraction
    time_base: Fraction
