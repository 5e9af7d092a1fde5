"""What actors and the pipeline say to each other: small, frozen, and nothing that does not pickle."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ns_ray.brief_pickle import briefly_pickled
from ns_ray.codecs.records import FrameRecord
from ns_ray.hybrid.anchor_image import AnchorImage
from ns_ray.picture.coding import PUBLISHED, Coding
from ns_ray.picture.yuv import Yuv420
from ns_ray.report.results import Span
from ns_ray.video.block import PacketBlock
from ns_ray.video.decode import FrameName
from ns_ray.video.probe import VideoInfo

Form = Literal["image", "rgb", "stacked", "yuv"]
"""What an enhancer makes of a frame: a compressed anchor, or an HR picture to be compressed or encoded elsewhere."""


@briefly_pickled
@dataclass(frozen=True, slots=True)
class Stream:
    """One stream: its name, its video, its model and the file of its weights (None for the pretrained ones)."""

    name: str
    info: VideoInfo
    model: str
    weights: str | None = None


@briefly_pickled
@dataclass(frozen=True, slots=True)
class DecodeReply:
    """What came of a DecodeJob.

    Attributes:
        shown, hidden: frames decoded.
        handed_out: frames of them.
        damaged: packets that were damaged, and why.
        broken: whether nothing more can be decoded before the next key frame.
        spans: the work.
        lost: whether the decoder does not know where the stream is and needs its history; nothing was decoded then.
        error: why nothing could be decoded, empty if something was; it concerns this stream alone.
        cpu_seconds: CPU time, without that of FFmpeg's own threads where a frame is decoded by several.
    """

    shown: int = 0
    hidden: int = 0
    handed_out: int = 0
    damaged: tuple[tuple[int, str], ...] = ()
    broken: bool = False
    spans: tuple[Span, ...] = ()
    lost: bool = False
    error: str = ""
    cpu_seconds: float = 0.0


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

    def __reduce__(self) -> tuple[Any, ...]:  # a dataclass's own way of being pickled takes three times as long
        return Frame, (self.record, self.pts, self.picture)


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
    """What came of an EncodeJob.

    Attributes:
        frames: how many were encoded.
        span: the work.
        lost: whether the encoder does not know the stream where the job begins and needs its history; nothing was
            encoded then.
        cpu_seconds: CPU time, of all of the encoder's threads.
    """

    frames: int
    span: Span
    lost: bool = False
    cpu_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class WriteReply:
    """Size of the output after the epoch, which the next write is to append at; what its user should know of that."""

    offset: int
    span: Span
    cpu_seconds: float = 0.0
    note: str = ""


@dataclass(frozen=True, slots=True)
class FinishReply:
    """Where a finished file is: path or URL, bytes, the node whose disk it is on (empty where everybody sees it)."""

    output: str
    bytes: int
    node: str
    cpu_seconds: float = 0.0


@briefly_pickled
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
        ahead: packets that follow, which come again; None where there is no need of them.
        ended: whether nothing follows those.
    """

    stream: Stream
    epoch: int
    packets: PacketBlock
    history: Sequence[PacketBlock] | None
    wanted: Sequence[tuple[int, Sequence[FrameName]]] = ()
    ahead: PacketBlock | None = None
    ended: bool = False


@briefly_pickled
@dataclass(frozen=True, slots=True)
class Ask:
    """Frames of one stream to be super-resolved, in a call with those of others.

    Attributes:
        stream: the stream.
        part: which of the objects that come with the call holds them.
        place: their place in it.
        coding: how images are compressed, where they are made or what they are made of.
        deadline: wall-clock time from which no further frame is begun; those left are not in the answer.
    """

    stream: Stream
    part: int
    place: int
    coding: Coding = PUBLISHED
    deadline: float | None = None


@dataclass(frozen=True, slots=True)
class VideoFormat:
    """A video to be encoded: (width, height), frames a second, seconds a tick."""

    size: tuple[int, int]
    frame_rate: Fraction
    time_base: Fraction


@dataclass(frozen=True, slots=True)
class EncodeJob:
    """Packets of one stream to be rebuilt at HR and encoded anew.

    Attributes:
        stream: the stream.
        format: the video to make.
        first: how many of the stream's frames were encoded before these.
        history: packets since the last key frame before these, epoch by epoch, from which an encoder that does not know
            the stream goes on, without the anchors of that time, and with a key frame; None where it is thought to
            know it.
        packets: the packets.
    """

    stream: Stream
    format: VideoFormat
    first: int
    history: Sequence[PacketBlock] | None
    packets: PacketBlock
