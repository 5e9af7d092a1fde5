"""EncoderActor: compresses HR pictures on the CPU, as anchors or as video."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import ray

from actors.messages import EncodeReply, Frame, Made, MadeReply, Stream, VideoFormat
from actors.worker import Worker, measured
from ns_ray.client.rebuild import Rebuilder
from ns_ray.config import EncoderPool
from ns_ray.errors import MediaError
from ns_ray.hybrid.anchor_image import AnchorImage, encode_anchor
from ns_ray.picture.convert import convert
from ns_ray.picture.yuv import Yuv420, resize
from ns_ray.video.encode import VideoEncoder, reencode_options
from ns_ray.video.packets import Packet


@dataclass(slots=True)
class _Video:
    """A stream that is encoded anew: its rebuilding, its encoder, and how many frames went through."""

    rebuilder: Rebuilder
    encoder: VideoEncoder
    encoded: int


class EncoderActor(Worker):
    """Compresses anchors for any stream, and keeps one video encoder a stream where all frames are encoded anew."""

    def __init__(self, affinity: list[int], config: EncoderPool) -> None:
        super().__init__(affinity)
        self._config = config
        self._video: dict[str, _Video] = {}

    def compress(self, frames: Sequence[Frame], quality: int) -> tuple[list[AnchorImage], MadeReply]:
        """Compress HR pictures (RGB) as anchors of a JPEG quality."""
        with measured("encode") as clock:
            anchors = []
            for frame in frames:
                assert isinstance(frame.picture, np.ndarray)
                record = frame.record
                anchors.append(encode_anchor(frame.picture, record.video_index, record.super_index, quality))
        made = tuple(Made(f.record, len(a)) for f, a in zip(frames, anchors, strict=True))
        return anchors, MadeReply(made, (clock.span,))

    def encode(
        self,
        stream: Stream,
        format: VideoFormat,
        first: int,
        history: Sequence["ray.ObjectRef[Iterable[Packet]]"],
        packets: Sequence[Packet],
        *enhanced: Sequence[Frame],
    ) -> tuple[list[Packet], EncodeReply]:
        """Rebuild the next frames of a stream at HR and encode them, all at the size of the first.

        Args:
            stream: the stream.
            format: the video to make.
            first: how many frames of the stream were encoded before these.
            history: packets since the last key frame before these. An encoder that was lost goes on from there, without
                the anchors of that time, and with a key frame.
            packets: the packets to rebuild.
            enhanced: their anchors, as YUV pictures in BT.709, limited range.
        """
        with measured("encode") as clock:
            state = self._video.pop(stream.name, None)
            if state is None or state.encoded != first:
                state = self._restart(stream, format, first, history)
            anchors: dict[int, dict[int, AnchorImage | Yuv420]] = {}
            for frame in chain(*enhanced):
                assert isinstance(frame.picture, Yuv420)
                anchors.setdefault(frame.record.video_index, {})[frame.record.super_index] = frame.picture
            out: list[Packet] = []
            for packet in packets:
                rebuilt = state.rebuilder.packet(packet, anchors.get(packet.video_index, {}))
                if rebuilt is not None:
                    picture = convert(rebuilt.picture, rebuilt.colors, stream.info.colors)
                    out += state.encoder.encode(resize(picture, format.size), rebuilt.pts)
                    state.encoded += 1
            if state.encoded != first + len(out):
                raise MediaError(f"stream {stream.name}: {state.encoded - first} frames gave {len(out)} packets")
            self._video[stream.name] = state
        return out, EncodeReply(len(out), clock.span)

    def _restart(
        self, stream: Stream, format: VideoFormat, first: int, history: Sequence["ray.ObjectRef[Iterable[Packet]]"]
    ) -> "_Video":
        threads = self._config.threads
        rebuilder = Rebuilder(stream.info, format.size[0] // stream.info.width, "plain", threads)
        for packets in history:
            for packet in ray.get(packets):
                rebuilder.packet(packet, {})
        encoder = VideoEncoder(
            format.size,
            format.frame_rate,
            format.time_base,
            colors=stream.info.colors.assumed,
            options=reencode_options(*format.size),
            threads=threads,
            first_index=first,
        )
        return _Video(rebuilder, encoder, first)

    def forget(self, name: str) -> None:
        """Close the video encoder of a stream that has ended."""
        self._video.pop(name, None)
