"""Decoding through PyAV, hidden frames included, on the CPU or by NVDEC."""

import errno
import time
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, cast

import av
import av.error
from av.codec.hwaccel import HWAccel
from av.video.codeccontext import VideoCodecContext

from ns_ray.codecs.codec import Header, codec_named
from ns_ray.codecs.records import FrameRecord
from ns_ray.errors import BitstreamError, MediaError
from ns_ray.picture.colors import Colors, require_convertible
from ns_ray.picture.yuv import Yuv420, from_frame
from ns_ray.video.packets import Packet
from ns_ray.video.probe import MAX_PIXELS, VideoInfo, require_supported

FrameName = tuple[int, int]
"""A coded frame's video_index and super_index."""


@dataclass(frozen=True, slots=True)
class DecodedFrame:
    """One coded frame.

    Attributes:
        record: what selection knows of it.
        pts: in ticks of the video's time base.
        picture: its own size, which may change from frame to frame.
        colors: of the picture; range and matrix are never unspecified.
        sound: whether it is what the encoder meant, as far as can be told: damage goes on through references.
    """

    record: FrameRecord
    pts: int
    picture: Yuv420
    colors: Colors
    sound: bool


class CodedFrame(NamedTuple):
    """One coded frame as it came; `header` is None where it could not be decoded."""

    video_index: int
    super_index: int
    data: memoryview
    header: Header | None


@dataclass(slots=True)
class DecodedPackets:
    """What came of some packets.

    Attributes:
        frames: those that were wanted, in decode order.
        coded: all coded frames, in decode order.
        shown, hidden: how many were decoded, wanted or not; a packet shows one picture at most, its last.
        lost: numbers of packets that should have shown a picture and did not.
        damaged: packets of which not all was decoded, as (video_index, reason).
    """

    frames: list[DecodedFrame] = field(default_factory=list)
    coded: list[CodedFrame] = field(default_factory=list)
    shown: int = 0
    hidden: int = 0
    lost: list[int] = field(default_factory=list)
    damaged: list[tuple[int, str]] = field(default_factory=list)


_EDGES = 1 << 16  # FFmpeg counts what it adds around a picture; sizes are checked before it sees them


class VideoDecoder:
    """Decodes one stream, packet by packet, and gives the hidden frames too.

    FFmpeg gives out shown frames alone. After a hidden frame the decoder is therefore fed what reveals it
    (`Codec.reveal`), which changes nothing for the frames that follow.

    Decoding begins at any frame that refers to no other and goes on through damage: what refers to it is decoded from
    what the slots hold, and is not sound until frames come that depend on nothing damaged.

    Attributes:
        info: the video.
        device: where it is decoded.
        waiting: whether nothing sound is to be expected before the next key frame.
        copy_seconds: time spent so far on bringing frames from the device to host memory.
    """

    def __init__(
        self, info: VideoInfo, *, device: str = "cpu", threads: int = 1, max_samples: int = MAX_PIXELS
    ) -> None:
        """Open a decoder.

        Args:
            info: the probed video.
            device: `cpu`, or `cuda` or `cuda:<index>` to decode by NVDEC, whose frames stay in the GPU's memory but
                for those that are wanted.
            threads: decoding threads on the CPU, which work on the tiles of one frame.
            max_samples: frames of more luma samples are damaged, and no memory is spent on them.

        Raises:
            MediaError: the video is not supported (`require_supported`), its colours cannot be converted, or the
                device cannot decode.
        """
        require_supported(info)
        require_convertible(info.colors, info.path)
        self.info = info
        self.device = device
        self.copy_seconds = 0.0
        self._threads = threads
        self._max_samples = max_samples
        self._coded = codec_named(info.codec)
        self._reader = self._coded.frames(max_samples)
        self._colors: Colors | None = None
        self._codec = self._opened()
        self._sound = 0  # reference slots that hold what the encoder meant, bit i for slot i
        self._sound_contexts = True  # whether probabilities go on from what the encoder meant
        self.waiting = True

    def _opened(self) -> VideoCodecContext:
        try:
            codec = _codec(self.info.codec, self.device)
            codec.thread_type = "SLICE"
            codec.thread_count = self._threads if self.device == "cpu" else 1
            codec.options = {"max_pixels": str(2 * self._max_samples + _EDGES)}
            codec.open()
        except (av.error.FFmpegError, RuntimeError, ValueError) as error:
            raise MediaError(
                f"{self.info.path}: no {self._coded.title} decoder on device {self.device} ({error}); use device cpu"
            ) from error
        return codec

    def decode(self, packets: Iterable[Packet], wanted: Container[FrameName] | None = None) -> DecodedPackets:
        """Decode the next packets; what is damaged is listed and costs no frame that can still be decoded.

        Args:
            packets: in order.
            wanted: the frames to give out; None for all.
        """
        decoded = DecodedPackets()
        for packet in packets:
            self._packet(packet, wanted, decoded)
        return decoded

    def _packet(self, packet: Packet, wanted: Container[FrameName] | None, decoded: DecodedPackets) -> None:
        index = packet.video_index
        frames, headers, reason = self._parsed(packet)
        due = shown = False
        about: list[FrameRecord | None] = []
        for i, (data, header) in enumerate(zip(frames, headers, strict=True)):
            due = due or header is None or header.show
            picture, taken = None, header
            if header is not None:
                try:
                    picture = self._decode(bytes(data), expected=header.show)
                except (av.error.FFmpegError, MediaError) as error:
                    reason = reason or self._reason(f"{index}.{i}", error)
                    taken = None
            decoded.coded.append(CodedFrame(index, i, data, taken))
            if taken is None:
                self._lose(header)
                continue
            sound = self._keep(taken)
            if taken.show:
                shown = True
            elif taken.refreshed:  # of use to others
                decoded.hidden += 1
            if wanted is not None and (index, i) not in wanted:
                continue
            if picture is None and taken.refreshed:
                picture = self._revealed(taken)
            if picture is not None:
                about = about or self._reader.records(frames, headers, index)
                known = about[i]
                assert known is not None
                decoded.frames.append(
                    DecodedFrame(known, packet.pts, self._in_host_memory(picture), self._colors_now, sound)
                )
        decoded.shown += shown
        if reason:
            decoded.damaged.append((index, reason))
        if due and not shown:
            decoded.lost.append(index)

    def _parsed(self, packet: Packet) -> tuple[list[memoryview], list[Header | None], str]:
        """The frames of a packet, their headers, and why one or all of them cannot be decoded, if so."""
        index = packet.video_index
        try:
            frames = self._reader.split(packet.data)
        except BitstreamError as error:
            return [memoryview(packet.data)], [None], self._reason(str(index), error)
        headers: list[Header | None] = []
        reason = ""
        for data in frames:
            try:
                headers.append(self._reader.header(data))
            except BitstreamError as error:
                reason = reason or self._reason(f"{index}.{len(headers)}", error)
                headers.append(None)
        return frames, headers, reason

    def _reason(self, name: str, error: Exception) -> str:
        if self._colors is None:
            return f"frame {name} cannot be decoded, and no key frame came before it: {error}"
        return f"frame {name} is damaged: {error}"

    def _keep(self, header: Header) -> bool:
        """Note what a decoded frame leaves to others; whether it is sound itself."""
        needed = header.needed
        sound = self._sound & needed == needed
        if header.show_existing is None:
            self._sound_contexts = self._sound_contexts or header.independent
            sound = sound and self._sound_contexts
            self._sound = self._sound | header.refreshed if sound else self._sound & ~header.refreshed
            self.waiting = not sound
        if header.key or self._colors is None:
            # Of those decoding may begin at, intra-only frames of VP9's profile 0 say BT.601 for want of a field.
            self._colors = self._coded.colors(header, self.info.colors)
        return sound

    def _lose(self, header: Header | None) -> None:
        """Note that a frame was not decoded; before the first that is, nothing can be harmed."""
        if self._colors is None or (header is not None and header.show_existing is not None):
            return
        self._sound &= ~header.refreshed if header is not None else 0
        self._sound_contexts = False
        self.waiting = True

    @property
    def _colors_now(self) -> Colors:
        return self._colors or self.info.colors.assumed

    def _decode(self, data: bytes, *, expected: bool) -> av.VideoFrame | None:
        """Feed one coded frame; its picture where it is shown.

        Raises:
            MediaError: there is no picture although one is due.
            av.error.FFmpegError: the decoder refuses the frame.
        """
        try:
            frames = self._codec.decode(av.Packet(data))
        except av.error.BlockingIOError:  # it holds on to input it cannot decode, and takes no more
            self._codec = self._opened()
            self._reader = self._coded.frames(self._max_samples)
            self._sound = 0
            raise
        if expected and not frames:
            raise MediaError("the decoder gave no picture although one was due")
        return frames[-1] if expected else None

    def _revealed(self, header: Header) -> av.VideoFrame | None:
        """The picture of the hidden frame that was decoded last."""
        try:
            return self._decode(self._coded.reveal(header), expected=True)
        except (av.error.FFmpegError, MediaError):
            return None

    def _in_host_memory(self, picture: av.VideoFrame) -> Yuv420:
        if picture.format.name == "cuda":
            start = time.perf_counter()
            picture = picture.reformat(format="nv12")
            self.copy_seconds += time.perf_counter() - start
        return from_frame(picture)


def _codec(name: str, device: str) -> VideoCodecContext:
    """A decoder; NVDEC in the process's CUDA context, which spares switching, or else in one of its own."""
    kind, _, index = device.partition(":")
    if kind == "cpu":
        return cast(VideoCodecContext, av.CodecContext.create(name, "r"))

    def nvdec(**options: object) -> VideoCodecContext:
        acceleration = HWAccel(kind, index or None, allow_software_fallback=False, is_hw_owned=True, options=options)
        return cast(VideoCodecContext, av.CodecContext.create(name, "r", acceleration))

    try:
        return nvdec()
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
        # FFmpeg refuses a context that others made with flags of their own, as PyTorch does.
        return nvdec(primary_ctx="0")
