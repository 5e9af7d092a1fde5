"""Writing WebM files, or Matroska for what WebM does not take: the same frames give the same bytes."""

from collections.abc import Iterable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import av.error
from av.video.stream import VideoStream

from ns_ray.errors import MediaError
from ns_ray.video.probe import open_input, video_of

_SAME_BYTES = {"fflags": "bitexact"}  # no random track numbers


class WebmWriter:
    """Encodes frames of one size to a WebM file (H.264 to Matroska), tagged as BT.709, limited range."""

    def __init__(self, path: Path, codec: str, size: tuple[int, int], rate: Fraction, options: dict[str, str]) -> None:
        """Open the file.

        Args:
            path: where to write.
            codec: FFmpeg's name of the encoder.
            size: (width, height) in luma samples.
            rate: frames a second.
            options: of the encoder, by their FFmpeg names.

        Raises:
            MediaError: there is no such encoder, or the file cannot be written.
        """
        self._path = path
        self._rate = rate
        try:
            form = "matroska" if codec == "libx264" else "webm"
            self._container = av.open(str(path), "w", format=form, options=_SAME_BYTES)
            self._stream = cast(VideoStream, self._container.add_stream(codec, rate=rate, options=options))
        except (av.error.FFmpegError, ValueError, OSError) as error:
            raise MediaError(f"{path}: it cannot be written by {codec} ({error})") from error
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = "yuv420p"
        context = self._stream.codec_context
        context.color_range, context.colorspace, context.color_primaries, context.color_trc = 1, 1, 1, 1

    def write(self, frame: av.VideoFrame, index: int) -> None:
        """Encode a frame, shown at `index / rate` seconds; raises MediaError where that fails."""
        frame.pts, frame.time_base = index, 1 / self._rate
        frame.pict_type = 0  # the source's key frames are none of the encoder's business
        self._mux(frame)

    def close(self) -> None:
        """Write what the encoder still holds, and the file's end; raises MediaError where that fails."""
        self._mux(None)
        try:
            self._container.close()
        except (av.error.FFmpegError, OSError) as error:
            raise self._unwritten(error) from error

    def abandon(self) -> None:
        """Close the file as it is, where something else went wrong already."""
        with suppress(av.error.FFmpegError, OSError):
            self._container.close()

    def _mux(self, frame: av.VideoFrame | None) -> None:
        try:
            self._container.mux(self._stream.encode(frame))
        except (av.error.FFmpegError, OSError) as error:
            raise self._unwritten(error) from error

    def _unwritten(self, error: Exception) -> MediaError:
        return MediaError(f"{self._path}: it cannot be written ({error}); is the disk full?")


def copy_packets(path: Path, source: str, packets: Iterable["av.Packet[VideoStream]"], rate: Fraction) -> None:
    """Write coded packets to a WebM file as they are, shown at 0, 1, 2, ... / rate seconds.

    Args:
        path: where to write.
        source: the file they are from, whose codec settings are copied.
        packets: in order of showing, the first a key frame.
        rate: frames a second.

    Raises:
        MediaError: the file cannot be written, or WebM does not hold that codec.
    """
    try:
        with open_input(source) as origin, av.open(str(path), "w", format="webm", options=_SAME_BYTES) as container:
            stream = container.add_stream_from_template(video_of(origin, source), opaque=True)
            for index, packet in enumerate(packets):
                packet.pts = packet.dts = index
                packet.duration, packet.time_base = 1, 1 / rate
                packet.stream = stream
                container.mux_one(packet)
    except (av.error.FFmpegError, ValueError, OSError) as error:
        raise MediaError(f"{path}: it cannot be written ({error}); is the disk full?") from error
