"""Decoding through PyAV, hidden frames included, on the CPU or by NVDEC."""

import errno
import time
from collections.abc import Container, Iterable
from dataclasses import dataclass, field

import av
import av.error
from av.codec.hwaccel import HWAccel
from av.video.codeccontext import VideoCodecContext

from ns_ray.errors import BitstreamError, MediaError
from ns_ray.media.packets import Packet
from ns_ray.media.probe import VideoInfo, require_supported
from ns_ray.picture.yuv import Yuv420, from_frame
from ns_ray.vp9.header import FrameHeader, HeaderParser
from ns_ray.vp9.records import FrameRecord, record
from ns_ray.vp9.superframe import split

FrameName = tuple[int, int]
"""A coded frame's video_index and super_index."""


@dataclass(frozen=True, slots=True)
class DecodedFrame:
    """One coded frame: its record, its pts in ticks of the video's time base, its picture."""

    record: FrameRecord
    pts: int
    picture: Yuv420


@dataclass(slots=True)
class DecodedPackets:
    """What came of some packets.

    Attributes:
        frames: those that were wanted, in decode order.
        shown, hidden: how many were decoded, wanted or not.
        damaged: what was lost, as (video_index, reason).
    """

    frames: list[DecodedFrame] = field(default_factory=list)
    shown: int = 0
    hidden: int = 0
    damaged: list[tuple[int, str]] = field(default_factory=list)


def show_existing_packet(slot: int, profile: int) -> bytes:
    """A coded frame that only shows what reference slot `slot` holds (VP9 section 6.2, show_existing_frame)."""
    low, high = profile & 1, profile >> 1
    bits, length = 0b10 << 2 | low << 1 | high, 4
    if profile == 3:
        bits, length = bits << 1, length + 1  # reserved_zero
    bits, length = (bits << 1 | 1) << 3 | slot, length + 4
    padding = -length % 8
    return (bits << padding).to_bytes((length + padding) // 8, "big")


class VideoDecoder:
    """Decodes one VP9 stream, packet by packet, and gives the hidden frames too.

    FFmpeg gives out shown frames alone. After a hidden frame the decoder is therefore fed a made-up frame that shows
    one of the slots it refreshed; that changes nothing for the frames that follow.

    Attributes:
        info: the video.
        device: where it is decoded.
        waiting: whether nothing decodes before the next key frame.
        copy_seconds: time spent so far on bringing frames from the device to host memory.
    """

    def __init__(self, info: VideoInfo, *, device: str = "cpu", threads: int = 1) -> None:
        """Open a decoder.

        Args:
            info: the probed video.
            device: `cpu`, or `cuda` or `cuda:<index>` to decode by NVDEC, whose frames stay in the GPU's memory but
                for those that are wanted.
            threads: decoding threads on the CPU, which work on the tiles of one frame.

        Raises:
            MediaError: the video is not 8 bit 4:2:0 VP9, or the device cannot decode here.
        """
        require_supported(info)
        self.info = info
        self.device = device
        self.copy_seconds = 0.0
        self._threads = threads
        self.waiting = True
        self._restart()

    def _restart(self) -> None:
        self._headers = HeaderParser()
        try:
            self._codec = _codec(self.device)
            if self.device == "cpu":
                self._codec.thread_type = "SLICE"
                self._codec.thread_count = self._threads
            self._codec.open()
        except (av.error.FFmpegError, RuntimeError, ValueError) as error:
            raise MediaError(
                f"{self.info.path}: no VP9 decoder on device {self.device} ({error}); use device cpu"
            ) from error

    def decode(self, packets: Iterable[Packet], wanted: Container[FrameName] | None = None) -> DecodedPackets:
        """Decode the next packets.

        A packet that is damaged costs itself and what follows up to the next key frame; each such packet is listed in
        `damaged` and has no frames.

        Args:
            packets: in order.
            wanted: the frames to give out; None for all.
        """
        decoded = DecodedPackets()
        for packet in packets:
            if self.waiting and not packet.key:
                decoded.damaged.append((packet.video_index, "it follows a damaged frame and no key frame came since"))
                continue
            try:
                self._packet(packet, wanted, decoded)
                self.waiting = False
            except (BitstreamError, av.error.FFmpegError, MediaError) as error:
                decoded.damaged.append((packet.video_index, f"frame {packet.video_index} is damaged: {error}"))
                self.waiting = True
                self._restart()
        return decoded

    def _packet(self, packet: Packet, wanted: Container[FrameName] | None, decoded: DecodedPackets) -> None:
        """Decode a packet; `decoded` changes only if all of it is sound."""
        frames: list[DecodedFrame] = []
        shown = hidden = 0
        for super_index, data in enumerate(split(packet.data)):
            header = self._headers.parse(data)
            self._check(header)
            picture = self._decode(bytes(data), expected=header.show)
            shown += header.show
            hidden += not header.show and header.refreshed > 0  # one that refreshes no slot is of no use to any other
            if wanted is not None and (packet.video_index, super_index) not in wanted:
                continue
            if picture is None and header.refreshed:
                slot = (header.refreshed & -header.refreshed).bit_length() - 1
                picture = self._decode(show_existing_packet(slot, header.profile), expected=True)
            if picture is not None:
                frame = record(header, packet.video_index, super_index, len(data))
                frames.append(DecodedFrame(frame, packet.pts, self._in_host_memory(picture)))
        decoded.frames += frames
        decoded.shown += shown
        decoded.hidden += hidden

    def _check(self, header: FrameHeader) -> None:
        color = header.color
        if color.bit_depth != 8 or not (color.subsampling_x and color.subsampling_y):
            raise MediaError("only 8 bit 4:2:0 video is supported (VP9 profile 0)")

    def _decode(self, data: bytes, *, expected: bool) -> av.VideoFrame | None:
        frames = self._codec.decode(av.Packet(data))
        if len(frames) != expected:
            raise MediaError(f"the decoder gave {len(frames)} pictures for a frame where {int(expected)} was due")
        return frames[0] if frames else None

    def _in_host_memory(self, picture: av.VideoFrame) -> Yuv420:
        if picture.format.name == "cuda":
            start = time.perf_counter()
            picture = picture.reformat(format="nv12")
            self.copy_seconds += time.perf_counter() - start
        return from_frame(picture)


def _codec(device: str) -> VideoCodecContext:
    """A VP9 decoder; NVDEC in the process's CUDA context, which spares switching, or else in one of its own."""
    kind, _, index = device.partition(":")
    if kind == "cpu":
        return av.CodecContext.create("vp9", "r")

    def nvdec(**options: object) -> VideoCodecContext:
        acceleration = HWAccel(kind, index or None, allow_software_fallback=False, is_hw_owned=True, options=options)
        return av.CodecContext.create("vp9", "r", acceleration)

    try:
        return nvdec()
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
        # FFmpeg refuses a context that others made with flags of their own, as PyTorch does.
        return nvdec(primary_ctx="0")
