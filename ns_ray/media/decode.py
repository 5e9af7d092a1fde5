"""Decoding through PyAV, hidden frames included, on the CPU or by NVDEC."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import av
import av.error
from av.codec.hwaccel import HWAccel

from ns_ray.errors import BitstreamError, MediaError
from ns_ray.media.packets import Packet
from ns_ray.media.probe import VideoInfo, require_supported
from ns_ray.media.yuv import Yuv420, from_frame
from ns_ray.vp9.header import FrameHeader, HeaderParser
from ns_ray.vp9.records import FrameRecord, record
from ns_ray.vp9.superframe import split

Device = Literal["cpu", "cuda"]


@dataclass(frozen=True, slots=True)
class DecodedFrame:
    """One coded frame: its record, its pts in ticks of the video's time base, its picture."""

    record: FrameRecord
    pts: int
    picture: Yuv420


@dataclass(slots=True)
class DecodedPackets:
    """What came of some packets: the frames in decode order, and what was lost, as (video_index, reason)."""

    frames: list[DecodedFrame] = field(default_factory=list)
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
    """

    def __init__(self, info: VideoInfo, *, device: Device = "cpu", threads: int = 1) -> None:
        """Open a decoder.

        Args:
            info: the probed video.
            device: `cuda` decodes by NVDEC; frames are brought to host memory.
            threads: decoding threads on the CPU, which work on the tiles of one frame.

        Raises:
            MediaError: the video is not 8 bit 4:2:0 VP9, or the device cannot decode here.
        """
        require_supported(info)
        self.info = info
        self._device: Device = device
        self._threads = threads
        self._waiting = True  # nothing decodes before a key frame
        self._restart()

    def _restart(self) -> None:
        self._headers = HeaderParser()
        try:
            hwaccel = HWAccel(self._device, allow_software_fallback=False) if self._device != "cpu" else None
            self._codec = av.CodecContext.create("vp9", "r", hwaccel)
            if self._device == "cpu":
                self._codec.thread_type = "SLICE"
                self._codec.thread_count = self._threads
            self._codec.open()
        except (av.error.FFmpegError, RuntimeError, ValueError) as error:
            raise MediaError(
                f"{self.info.path}: no VP9 decoder on device {self._device} ({error}); use device cpu"
            ) from error

    def decode(self, packets: Iterable[Packet]) -> DecodedPackets:
        """Decode the next packets.

        A packet that is damaged costs itself and what follows up to the next key frame; each such packet is listed in
        `damaged` and has no frames.
        """
        decoded = DecodedPackets()
        for packet in packets:
            if self._waiting and not packet.key:
                decoded.damaged.append((packet.video_index, "it follows a damaged frame and no key frame came since"))
                continue
            try:
                decoded.frames += self._packet(packet)
                self._waiting = False
            except (BitstreamError, av.error.FFmpegError, MediaError) as error:
                decoded.damaged.append((packet.video_index, f"frame {packet.video_index} is damaged: {error}"))
                self._waiting = True
                self._restart()
        return decoded

    def _packet(self, packet: Packet) -> list[DecodedFrame]:
        frames: list[DecodedFrame] = []
        for super_index, data in enumerate(split(packet.data)):
            header = self._headers.parse(data)
            self._check(header)
            picture = self._picture(bytes(data), expected=header.show)
            if picture is None and header.refreshed:
                slot = (header.refreshed & -header.refreshed).bit_length() - 1
                picture = self._picture(show_existing_packet(slot, header.profile), expected=True)
            if picture is not None:  # a hidden frame that refreshes no slot is of no use to any other
                frame = record(header, packet.video_index, super_index, len(data))
                frames.append(DecodedFrame(frame, packet.pts, picture))
        return frames

    def _check(self, header: FrameHeader) -> None:
        color = header.color
        if color.bit_depth != 8 or not (color.subsampling_x and color.subsampling_y):
            raise MediaError("only 8 bit 4:2:0 video is supported (VP9 profile 0)")

    def _picture(self, data: bytes, *, expected: bool) -> Yuv420 | None:
        frames = self._codec.decode(av.Packet(data))
        if len(frames) != expected:
            raise MediaError(f"the decoder gave {len(frames)} pictures for a frame where {int(expected)} was due")
        return from_frame(frames[0]) if frames else None
