"""Encoding pictures anew, as per-frame and selective enhancement have to, and what is seen of a picture behind it."""

from collections.abc import Mapping
from fractions import Fraction
from typing import NamedTuple, cast

import av
import av.error
from av.video.codeccontext import VideoCodecContext

from ns_ray.errors import MediaError
from ns_ray.picture.yuv import Yuv420, from_frame
from ns_ray.video.encode import VideoEncoder, av1_live_options, reencode_options

THREADS = 16


class Reencode(NamedTuple):
    """By which encoder, and its options by their FFmpeg names: without lag, as each picture has to come out at once."""

    encoder: str
    options: Mapping[str, str]

    @classmethod
    def published(cls, kbps: int) -> "Reencode":
        """The published one (step 5), at a bitrate."""
        return cls("libvpx-vp9", reencode_options(kbps))

    @classmethod
    def av1_live(cls, kbps: int) -> "Reencode":
        """AV1 as a live service would encode it, at a bitrate."""
        return cls("libsvtav1", av1_live_options(kbps))


_DECODERS = {"libvpx-vp9": "vp9", "libsvtav1": "libdav1d"}


class Reencoder:
    """Encodes the pictures of one stream and decodes them again, one by one, in memory."""

    def __init__(self, size: tuple[int, int], frame_rate: Fraction, reencode: Reencode, threads: int = THREADS) -> None:
        """Open both codecs.

        Args:
            size: (width, height) in luma samples.
            frame_rate: frames a second.
            reencode: how.
            threads: encoding threads.

        Raises:
            MediaError: the encoder refuses an option or the size.
        """
        encoder, options = reencode
        self._encoder = VideoEncoder(
            size, frame_rate, 1 / frame_rate, options=dict(options), threads=threads, encoder=encoder
        )
        self._decoder = cast(VideoCodecContext, av.CodecContext.create(_DECODERS[encoder], "r"))
        if encoder == "libsvtav1":
            self._decoder.options = {"max_frame_delay": "1"}
        self._decoder.thread_type = "SLICE"  # threads by frame would hold pictures back
        self._count = 0

    def through(self, picture: Yuv420) -> tuple[Yuv420, int]:
        """The next picture as it is decoded, and the bytes that it took.

        Raises:
            MediaError: the encoder dropped or held it back, or what came cannot be decoded; names the frame.
        """
        packets = self._encoder.encode(picture, self._count)
        try:
            frames = [frame for packet in packets for frame in self._decoder.decode(av.Packet(packet.data))]
        except av.error.FFmpegError as error:
            raise MediaError(f"frame {self._count} cannot be decoded after its re-encode ({error})") from error
        if len(frames) != 1:
            raise MediaError(f"frame {self._count} came out of its re-encode as {len(frames)} pictures, not one")
        self._count += 1
        return from_frame(frames[0]), sum(len(packet.data) for packet in packets)

    def close(self) -> None:
        """End the encoder, which libsvtav1 complains about where it is left out."""
        self._encoder.flush()
