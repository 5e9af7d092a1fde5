"""EncoderActor: compresses HR pictures on the CPU, as anchors or as video."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from ns_ray.actors.messages import Anchors, EncodeJob, EncodeReply, Frame, Made, MadeReply
from ns_ray.actors.open_streams import OpenStreams
from ns_ray.actors.worker import Worker, call, measured
from ns_ray.client.rebuild import Rebuilder
from ns_ray.config.actors import EncoderPool
from ns_ray.errors import MediaError
from ns_ray.hybrid.anchor_image import AnchorImage, tag
from ns_ray.hybrid.anchor_picture import encode_image
from ns_ray.picture.coding import Coding
from ns_ray.picture.convert import convert
from ns_ray.picture.stacked import hr_size
from ns_ray.picture.yuv import Yuv420, resize
from ns_ray.video.block import PacketBlock
from ns_ray.video.encode import VideoEncoder, published_kbps, reencode_options
from ns_ray.video.packets import Packet


@dataclass(slots=True)
class _Video:
    """A stream that is encoded anew: its rebuilding, its encoder, and how many frames went through."""

    rebuilder: Rebuilder
    encoder: VideoEncoder
    encoded: int


class EncoderActor(Worker):
    """Compresses anchors for any stream, and keeps one video encoder a stream where all frames are encoded anew.

    A stream that is not encoded for a while (`IDLE_SECONDS`) counts as ended.
    """

    def __init__(self, affinity: list[int], config: EncoderPool) -> None:
        super().__init__(affinity)
        self._config = config
        self._videos: OpenStreams[_Video] = OpenStreams()

    @call
    def compress(self, frames: Sequence[Frame], coding: Coding) -> Anchors:
        """Compress what an enhancer's pictures were made into (RGB or stacked planes) as anchors.

        Raises:
            ConfigError: the codec has no encoder here.
            HybridError: the encoder does not take the pictures.
        """
        cpu = time.thread_time()
        with measured("encode") as clock:
            anchors = []
            for frame in frames:
                assert isinstance(frame.picture, np.ndarray)
                record = frame.record
                image = encode_image(frame.picture, coding)
                size = hr_size(frame.picture.shape, record.width, record.height)
                anchors.append(tag(image, record.video_index, record.super_index, coding.codec, size))
        made = tuple(Made(f.record, len(a)) for f, a in zip(frames, anchors, strict=True))
        return Anchors(tuple(anchors), MadeReply(made, (clock.span,), cpu_seconds=time.thread_time() - cpu))

    @call
    def encode(self, job: EncodeJob, *enhanced: Sequence[Frame]) -> tuple[PacketBlock, EncodeReply]:
        """Rebuild the next frames of a stream at HR and encode them, all at the size of the first.

        A job without history goes on where the stream's last one ended, and is lost if the encoder is not there. With
        history, it begins with an encoder of its own.

        Args:
            job: what to encode.
            enhanced: anchors of its packets, as YUV pictures in BT.709, limited range.

        Returns:
            The packets, one a frame, and the reply.

        Raises:
            MediaError: the video, or what is to be made of it, is not supported.
        """
        self._videos.forget()
        cpu = time.process_time()
        out: list[Packet] = []
        with measured("encode") as clock:
            video = self._videos.take(job.stream.name)
            if job.history is not None:
                video = self._begin(job, job.history)
            lost = video is None or video.encoded != job.first
            if video is not None and not lost:
                out = _encoded(video, job, chain(*enhanced))
                self._videos.put(job.stream.name, video)
        return PacketBlock.of(out), EncodeReply(len(out), clock.span, lost, time.process_time() - cpu)

    def _begin(self, job: EncodeJob, history: Sequence[PacketBlock]) -> _Video:
        info, format, threads = job.stream.info, job.format, self._config.threads
        rebuilder = Rebuilder(info, format.size[0] // info.width, "plain", threads)
        for packet in chain(*history):
            rebuilder.packet(packet, {})
        encoder = VideoEncoder(
            format.size,
            format.frame_rate,
            format.time_base,
            colors=info.colors.assumed,
            options=reencode_options(published_kbps(*format.size)),
            threads=threads,
            first_index=job.first,
        )
        return _Video(rebuilder, encoder, job.first)

    @call
    def forget(self, names: Sequence[str]) -> None:
        """Close the video encoders of streams that have ended."""
        self._videos.forget(names)


def _encoded(video: _Video, job: EncodeJob, enhanced: Iterable[Frame]) -> list[Packet]:
    """The packets of the next frames."""
    anchors: dict[int, dict[int, AnchorImage | Yuv420]] = {}
    for frame in enhanced:
        assert isinstance(frame.picture, Yuv420)
        anchors.setdefault(frame.record.video_index, {})[frame.record.super_index] = frame.picture
    out: list[Packet] = []
    for packet in job.packets:
        rebuilt = video.rebuilder.packet(packet, anchors.get(packet.video_index, {}))
        if rebuilt is not None:
            picture = convert(rebuilt.picture, rebuilt.colors, job.stream.info.colors)
            out += video.encoder.encode(resize(picture, job.format.size), rebuilt.pts)
            video.encoded += 1
    if video.encoded != job.first + len(out):
        raise MediaError(f"stream {job.stream.name}: {video.encoded - job.first} frames gave {len(out)} packets")
    return out
