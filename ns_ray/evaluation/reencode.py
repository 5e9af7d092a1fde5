"""The published re-encode of per-frame and selective enhancement, and what is seen of a picture behind it."""

from collections.abc import Mapping
from fractions import Fraction

import av
import av.error

from ns_ray.errors import MediaError
from ns_ray.picture.yuv import Yuv420, from_frame
from ns_ray.video.encode import VideoEncoder

THREADS = 16


class Reencoder:
    """Encodes the pictures of one stream and decodes them again, one by one, in memory."""

    def __init__(
        self, size: tuple[int, int], frame_rate: Fraction, options: Mapping[str, str], threads: int = THREADS
    ) -> None:
        """Open both codecs.

        Args:
            size: (width, height) in luma samples.
            frame_rate: frames a second.
            options: of libvpx-vp9, without lag: each picture has to come out at once.
            threads: encoding threads.

        Raises:
            MediaError: the encoder refuses an option or the size.
        """
        self._encoder = VideoEncoder(size, frame_rate, 1 / frame_rate, options=dict(options), threads=threads)
        self._decoder = av.CodecContext.create("vp9", "r")
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
