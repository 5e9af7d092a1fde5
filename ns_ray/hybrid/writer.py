"""Writing hybrid streams: Matroska, appended to epoch by epoch (docs/hybrid-format.md)."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.error
from av.stream import Disposition

from ns_ray.errors import HybridError
from ns_ray.hybrid.anchor_image import AnchorImage
from ns_ray.hybrid.matroska import first_cluster
from ns_ray.media.packets import Packet, SidePacket
from ns_ray.media.probe import SideTrack, open_input

# Without random identifiers and dates the same input gives the same bytes.
_OPTIONS = {"fflags": "bitexact"}
# Clusters then follow one another with no index behind them, so that bytes can be appended and cut off.
_LIVE_OPTIONS = _OPTIONS | {"live": "1"}
TITLES = ("video", "anchors")


@dataclass(frozen=True, slots=True)
class HybridFormat:
    """What is fixed for a whole stream: sizes as (width, height), frames a second, seconds a tick.

    With `anchor_size` None there is no anchor track: the file is an ordinary video. `sides` and `header` are those of
    the source (VideoInfo).
    """

    video_size: tuple[int, int]
    anchor_size: tuple[int, int] | None
    frame_rate: Fraction
    time_base: Fraction
    sides: tuple[SideTrack, ...] = ()
    header: bytes = b""


def append_epoch(
    path: Path,
    format: HybridFormat,
    offset: int,
    packets: Sequence[Packet],
    anchors: Iterable[AnchorImage],
    sides: Sequence[SidePacket] = (),
) -> int:
    """Write one epoch of a hybrid stream behind what is there.

    The file is a playable live Matroska stream after each call. Because the writer keeps nothing between calls but
    `offset`, a writer that died is replaced by calling again: what it left half-written is cut off.

    Args:
        path: the file; it is made anew where `offset` is 0.
        format: sizes and times.
        offset: what the previous call returned, 0 for the first epoch.
        packets: the epoch's packets, untouched, in order.
        anchors: the epoch's anchors, in any order; each belongs to one of the packets.
        sides: the epoch's packets of the tracks beside the video.

    Returns:
        The size of the file in bytes.

    Raises:
        HybridError: an anchor belongs to none of the packets, or the file cannot be written.
    """
    data = _mux(path, format, packets, anchors)
    if offset:
        data = data[first_cluster(data) :]
    try:
        with open(path, "r+b" if offset else "wb") as file:
            file.truncate(offset)
            file.seek(offset)
            file.write(data)
    except OSError as error:
        raise HybridError(f"{path}: epoch at frame {packets[0].video_index} cannot be written ({error})") from error
    return offset + len(data)


def finish(part: Path, path: Path, format: HybridFormat) -> None:
    """Turn a live stream written by `append_epoch` into a file with duration and index, then remove the former.

    Raises:
        HybridError: reading or writing failed; the live stream is then still there.
    """
    temporary = path.with_suffix(".tmp")
    try:
        with (
            open_input(str(part)) as source,
            av.open(str(temporary), "w", format="matroska", options=_OPTIONS) as sink,
        ):
            tracks = _tracks(sink, format)
            for packet in source.demux():
                if packet.size and packet.pts is not None:
                    _put(
                        sink,
                        tracks[packet.stream.index],
                        bytes(packet),
                        packet.pts,
                        packet.is_keyframe,
                        packet.duration,
                    )
        os.replace(temporary, path)
        part.unlink()
    except (av.error.FFmpegError, OSError) as error:
        raise HybridError(f"{path}: it cannot be finished ({error}); {part} holds the stream") from error


class _Memory:
    """A sink that cannot seek, so that the muxer writes as it would to a network."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> int:
        self.data += data
        return len(data)


def _mux(path: Path, format: HybridFormat, packets: Sequence[Packet], anchors: Iterable[AnchorImage]) -> bytes:
    by_packet: dict[int, list[AnchorImage]] = {packet.video_index: [] for packet in packets}
    for anchor in anchors:
        if anchor.video_index not in by_packet:
            raise HybridError(f"{path}: anchor {anchor.name} belongs to no packet of its epoch")
        by_packet[anchor.video_index].append(anchor)
    memory = _Memory()
    with av.open(memory, "w", format="matroska", options=_LIVE_OPTIONS) as sink:
        tracks = _tracks(sink, format)
        for packet in packets:
            _put(sink, tracks[0], packet.data, packet.pts, packet.key, packet.duration)
            for anchor in sorted(by_packet[packet.video_index], key=lambda a: a.super_index):
                _put(sink, tracks[1], anchor.data, packet.pts, True)
    return bytes(memory.data)


def _tracks(sink: av.container.OutputContainer, format: HybridFormat) -> list[av.VideoStream]:
    sizes = [("vp9", format.video_size)] + ([("mjpeg", format.anchor_size)] if format.anchor_size else [])
    tracks = []
    for (codec, (width, height)), title in zip(sizes, TITLES, strict=False):
        track = sink.add_mux_stream(codec, rate=format.frame_rate, width=width, height=height)
        track.time_base = format.time_base
        track.metadata["title"] = title
        assert isinstance(track, av.VideoStream)
        tracks.append(track)
    tracks[0].disposition = Disposition.default
    return tracks


def _put(
    sink: av.container.OutputContainer,
    stream: av.VideoStream,
    data: bytes,
    pts: int,
    key: bool,
    duration: int | None = None,
) -> None:
    packet = av.Packet(data)
    packet.stream = stream
    assert stream.time_base is not None
    packet.time_base = stream.time_base
    packet.pts = packet.dts = pts
    packet.duration = duration or 0
    packet.is_keyframe = key
    sink.mux_one(packet)
