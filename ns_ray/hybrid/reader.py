"""Reading hybrid streams (docs/hybrid-format.md)."""

from collections.abc import Iterator
from dataclasses import dataclass

import av.error

from ns_ray.errors import HybridError
from ns_ray.hybrid.anchor_image import AnchorImage, read_tag
from ns_ray.media.packets import Packet
from ns_ray.media.probe import open_input


@dataclass(frozen=True, slots=True)
class HybridPacket:
    """One packet of the LR video and the anchors that belong to it, in decode order."""

    packet: Packet
    anchors: tuple[AnchorImage, ...]


def read_hybrid(path: str) -> Iterator[HybridPacket]:
    """Yield the packets of a hybrid stream with their anchors.

    An anchor belongs to the packet with its pts. A truncated file yields all that is whole.

    Raises:
        HybridError: the file is not a hybrid stream, or an anchor in it is not marked.
        MediaError: the file cannot be opened.
    """
    with open_input(path) as container:
        streams = container.streams.video
        if len(streams) < 2 or streams[0].codec_context.name != "vp9" or streams[1].codec_context.name != "mjpeg":
            raise HybridError(f"{path}: no hybrid stream: a VP9 track and a Motion JPEG track are needed")
        waiting: Packet | None = None
        anchors: list[AnchorImage] = []
        index = 0
        try:
            for packet in container.demux(streams[0], streams[1]):
                if not packet.size or packet.pts is None:
                    continue
                if packet.stream.index == streams[1].index:
                    if waiting is not None and packet.pts == waiting.pts:
                        anchors.append(read_tag(bytes(packet)))
                    continue
                if waiting is not None:
                    yield _with(waiting, anchors)
                waiting = Packet(index, bytes(packet), packet.pts, packet.duration or 0, packet.is_keyframe)
                anchors = []
                index += 1
        except av.error.FFmpegError as error:
            raise HybridError(f"{path}: it cannot be read beyond frame {index} ({error})") from error
        if waiting is not None:
            yield _with(waiting, anchors)


def _with(packet: Packet, anchors: list[AnchorImage]) -> HybridPacket:
    return HybridPacket(packet, tuple(sorted(anchors, key=lambda a: a.super_index)))
