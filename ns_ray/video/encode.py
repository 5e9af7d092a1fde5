"""Encoding video through PyAV: the re-encode that per-frame and selective enhancement need, and AV1 to compare with."""

from fractions import Fraction
from typing import cast

import av
import av.error
from av.video.codeccontext import VideoCodecContext

from ns_ray.errors import MediaError
from ns_ray.picture.colors import STANDARD, Colors
from ns_ray.picture.yuv import Yuv420, to_frame
from ns_ray.video.packets import Packet

_PUBLISHED_KBPS = {2160: 35_500, 1080: 6750}


def published_kbps(width: int, height: int) -> int:
    """The published bitrate at 2160p and 1080p; at other sizes that of 2160p, by the number of samples."""
    return _PUBLISHED_KBPS.get(height, round(_PUBLISHED_KBPS[2160] * width * height / (3840 * 2160)))


def reencode_options(kbps: int) -> dict[str, str]:
    """libvpx-vp9 options by their FFmpeg names, of the published re-encode (step 5): a constant bitrate, no lag."""
    return {
        "b": f"{kbps}k",
        "minrate": f"{kbps}k",
        "maxrate": f"{kbps}k",
        "deadline": "realtime",
        "cpu-used": "8",
        "row-mt": "1",
        "tile-columns": "4",
        "frame-parallel": "1",
        "static-thresh": "0",
        "max-intra-rate": "300",
        "lag-in-frames": "0",
        "qmin": "4",
        "qmax": "48",
        "keyint_min": "120",
        "g": "120",
        "error-resilient": "1",
    }


def av1_live_options(kbps: int) -> dict[str, str]:
    """libsvtav1 options by their FFmpeg names, of a live encode: a constant bitrate, no lag, a key frame every 120."""
    return {"b": f"{kbps}k", "g": "120", "preset": "10", "svtav1-params": "rc=2:pred-struct=1:rtc=1"}


class VideoEncoder:
    """Encodes pictures of one size, to VP9 if not told otherwise, packet by packet."""

    def __init__(
        self,
        size: tuple[int, int],
        frame_rate: Fraction,
        time_base: Fraction,
        *,
        options: dict[str, str],
        colors: Colors = STANDARD,
        threads: int = 1,
        first_index: int = 0,
        encoder: str = "libvpx-vp9",
    ) -> None:
        """Open an encoder.

        Args:
            size: (width, height) in luma samples.
            frame_rate: frames a second.
            time_base: seconds a tick of the pictures' pts.
            options: the encoder's, by their FFmpeg names.
            colors: what the pictures are in, for their tags.
            threads: encoding threads.
            first_index: video_index of the first packet.
            encoder: FFmpeg's name of it.

        Raises:
            MediaError: the encoder refuses an option or the size.
        """
        self._next = first_index
        self._rate = frame_rate
        try:
            self._codec = cast(VideoCodecContext, av.CodecContext.create(encoder, "w"))
            self._codec.width, self._codec.height = size
            self._codec.pix_fmt = "yuv420p"
            self._codec.framerate = frame_rate
            self._codec.time_base = time_base
            self._codec.thread_count = threads
            self._codec.color_range, self._codec.colorspace = colors.range, colors.matrix
            self._codec.color_primaries, self._codec.color_trc = colors.primaries, colors.transfer
            self._codec.options = options
            self._codec.open()
        except (av.error.FFmpegError, ValueError) as error:
            raise MediaError(f"{encoder} cannot encode {size[0]}x{size[1]} with {options} ({error})") from error

    def encode(self, picture: Yuv420, pts: int) -> list[Packet]:
        """Encode the next picture; packets come out as the encoder's lag allows."""
        frame = to_frame(picture)
        frame.pts = pts
        frame.time_base = self._codec.time_base
        return self._packets(frame)

    def flush(self) -> list[Packet]:
        """Get what the encoder still holds; it takes no more pictures then."""
        return self._packets(None)

    def _packets(self, frame: av.VideoFrame | None) -> list[Packet]:
        tick = round(1 / (self._rate * Fraction(self._codec.time_base)))
        packets = []
        for packet in self._codec.encode(frame):
            packets.append(
                Packet(self._next, bytes(packet), packet.pts or 0, packet.duration or tick, packet.is_keyframe)
            )
            self._next += 1
        return packets
