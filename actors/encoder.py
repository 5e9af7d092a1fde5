"""EncoderActor: compresses HR pictures on the CPU, as anchors or as video."""

from collections.abc import Sequence

import numpy as np

from actors.messages import Frame, Made, MadeReply, VideoFormat
from actors.worker import Worker, measured
from ns_ray.config import EncoderPool
from ns_ray.errors import MediaError
from ns_ray.hybrid.anchor_image import AnchorImage, encode_anchor
from ns_ray.media.encode import VideoEncoder, reencode_options
from ns_ray.media.packets import Packet
from ns_ray.media.yuv import Yuv420, resize


class EncoderActor(Worker):
    """Compresses anchors for any stream, and keeps one video encoder a stream where all frames are encoded anew."""

    def __init__(self, affinity: list[int], config: EncoderPool) -> None:
        super().__init__(affinity)
        self._config = config
        self._encoders: dict[str, tuple[int, VideoEncoder]] = {}

    def compress(self, frames: Sequence[Frame], quality: int) -> tuple[list[AnchorImage], MadeReply]:
        """Compress HR pictures (RGB) as anchors of a JPEG quality."""
        with measured("encode") as clock:
            anchors = []
            for frame in frames:
                assert isinstance(frame.picture, np.ndarray)
                record = frame.record
                anchors.append(encode_anchor(frame.picture, record.video_index, record.super_index, quality))
        made = tuple(Made(f.record, len(a.data)) for f, a in zip(frames, anchors, strict=True))
        return anchors, MadeReply(made, (clock.span,))

    def encode(
        self, name: str, format: VideoFormat, first: int, frames: Sequence[Frame], enhanced: Sequence[Frame]
    ) -> tuple[list[Packet], MadeReply]:
        """Encode the next frames of a stream; a lost encoder begins anew, with a key frame.

        Args:
            name: the stream.
            format: the video to make.
            first: how many frames of the stream were encoded before these.
            frames: YUV pictures at LR, in decode order.
            enhanced: those of them that were super-resolved; the others are upscaled (bilinear).
        """
        with measured("encode") as clock:
            at, encoder = self._encoders.pop(name, (-1, None))
            if encoder is None or at != first:
                encoder = VideoEncoder(
                    format.size,
                    format.frame_rate,
                    format.time_base,
                    options=reencode_options(*format.size),
                    threads=self._config.threads,
                    first_index=first,
                )
            packets = []
            at_hr = {frame.record.name: frame.picture for frame in enhanced}
            for frame in frames:
                picture = at_hr.get(frame.record.name, frame.picture)
                assert isinstance(picture, Yuv420)
                packets += encoder.encode(resize(picture, format.size), frame.pts)
            if len(packets) != len(frames):
                raise MediaError(f"stream {name}: {len(frames)} frames gave {len(packets)} packets; encode without lag")
            self._encoders[name] = first + len(packets), encoder
        made = tuple(Made(f.record, len(p.data)) for f, p in zip(frames, packets, strict=True))
        return packets, MadeReply(made, (clock.span,))

    def forget(self, name: str) -> None:
        """Close the video encoder of a stream that has ended."""
        self._encoders.pop(name, None)
