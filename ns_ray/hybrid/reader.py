"""Reading hybrid streams (docs/hybrid-format.md)."""

from collections.abc import Iterator
from dataclasses import dataclass

import av.error

from ns_ray.errors import HybridError
from ns_ray.hybrid.anchor_image import AnchorImage, read_tag
from ns_ray.media.packets import Packet
from ns_ray.media.probe import describe, open_input


@dataclass(frozen=True, slots=True)
class HybridPacket:
    """One packet of the LR video and the anchors that belong to it, in decode order."""

    packet: Packet
    anchors: tuple[AnchorImage, ...]


class HybridReader:
    """An open hybrid stream, read once from front to back: a file, a URL or a pipe.

    Attributes:
        info: the LR video.
        anchor_size: (width, height) that the anchor track claims.
    """

    def __init__(self, path: str) -> None:
        """Open it.

        Raises:
            HybridError: it is not a hybrid stream.
            MediaError: it cannot be opened.
        """
        self._path = path
        self._container = open_input(path)
        streams = self._container.streams.video
        if len(streams) < 2 or streams[0].codec_context.name != "vp9" or streams[1].codec_context.name != "mjpeg":
            self._container.close()
            raise HybridError(f"{path}: no hybrid stream: a VP9 track and a Motion JPEG track are needed")
        self.info = describe(self._container, path)
        self.anchor_size = (streams[1].width, streams[1].height)

    def __iter__(self) -> Iterator[HybridPacket]:
        """Yield the packets with their anchors: those with a packet's pts. A truncated file yields all that is whole.

        Raises:
            HybridError: an anchor is not marked, or the stream cannot be read on.
        """
        video, images = self._container.streams.video[:2]
        waiting: Packet | None = None
        anchors: list[AnchorImage] = []
        index = 0
        try:
            for packet in self._container.demux(video, images):
                if not packet.size or packet.pts is None:
                    continue
                if packet.stream.index == images.index:
                    if waiting is not None and packet.pts == waiting.pts:
                        anchors.append(read_tag(bytes(packet)))
                    continue
                if waiting is not None:
                    yield _with(waiting, anchors)
                waiting = Packet(index, bytes(packet), packet.pts, packet.duration or 0, packet.is_keyframe)
                anchors = []
                index += 1
        except av.error.FFmpegError as error:
            raise HybridError(f"{self._path}: it cannot be read beyond frame {index} ({error})") from error
        finally:
            self._container.close()
        if waiting is not None:
            yield _with(waiting, anchors)


def read_hybrid(path: str) -> Iterator[HybridPacket]:
    """Yield the packets of a hybrid stream with their anchors.

    Raises:
        HybridError: it is not a hybrid stream, or an anchor in it is not marked.
        MediaError: it cannot be opened.
    """
    yield from HybridReader(path)


def _with(packet: Packet, anchors: list[AnchorImage]) -> HybridPacket:
    return HybridPacket(packet, tuple(sorted(anchors, key=lambda a: a.super_index)))
