"""Reading hybrid streams (docs/hybrid-format.md)."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil

import av
import av.error

from ns_ray.codecs.codec import VIDEO_CODECS
from ns_ray.errors import HybridError
from ns_ray.hybrid.anchor_image import AnchorImage, read_tag
from ns_ray.hybrid.clock import to_ticks
from ns_ray.hybrid.header import ANCHOR_CODEC, ANCHOR_DELAY, FRAME_RATE, SCALE, TIME_BASE, TITLES
from ns_ray.hybrid.held import HeldPairing
from ns_ray.hybrid.pairing import Pair, Pairing
from ns_ray.picture.coding import CODECS
from ns_ray.picture.colors import Colors
from ns_ray.video.address import locate, regular
from ns_ray.video.packets import Packet, SidePacket
from ns_ray.video.probe import SideTrack, VideoInfo, open_address, open_input
from ns_ray.video.rates import believable
from ns_ray.video.tracks import codec_of, header_of, record_of

_LARGEST_PACKET = 64 << 20  # bytes
_MOST_SIDE_BYTES = 64 << 20  # of side packets that wait for a packet of the video
_LONGEST_RATIO = 40  # characters of a tag
_LARGEST_INTEGER = 1 << 31
_LONGEST_DELAY = 60  # seconds that a stream may have its packets held back


@dataclass(frozen=True, slots=True)
class HybridPacket:
    """One packet of the LR video and the anchors that belong to it, in decode order.

    Attributes:
        packet: the packet; it is numbered from the file's first one.
        anchors: of its frames. Where the file is a part of a longer one, their tags keep its numbers.
        sides: packets of the tracks beside the video that came since the packet before.
        cut: whether an edit list cuts it off: it is decoded, as others refer to it, but not shown.
    """

    packet: Packet
    anchors: tuple[AnchorImage, ...]
    sides: tuple[SidePacket, ...] = ()
    cut: bool = False


class HybridReader:
    """An open hybrid stream, read once from front to back: a file, a URL or a pipe.

    Attributes:
        info: the LR video.
        sides: the tracks beside it.
        anchor_size: (width, height) that the anchor track claims.
        scale: HR over LR, where the file says so.
        damaged: anchors and packets that were lost while reading, as (number of the packet at hand, reason).
    """

    def __init__(self, path: str) -> None:
        """Open it.

        Raises:
            HybridError: it is not a hybrid stream.
            MediaError: it cannot be opened.
        """
        self._path = path
        self._container = _opened(path)
        try:
            self._video, self._images = _tracks(self._container, path)
            header, self.sides, self._beside, _ = header_of(self._container, self._video)
            self.sides = tuple(
                SideTrack(track.kind, track.codec, _time_base(stream))
                for track, stream in zip(self.sides, self._beside, strict=True)
            )
            self.info = _describe(path, self._video, header, self.sides)
        except BaseException:
            self._container.close()
            raise
        columns, rows = self._images.width, self._images.height
        # FFmpeg goes by the images themselves, which are of stacked planes here.
        stacked = self._images.metadata.get(ANCHOR_CODEC) == "jpeg-residual"
        self.anchor_size = (columns, 2 * rows // 3 if stacked else rows)
        said = _ratio(self._images, SCALE)
        self.scale = int(said) if said in (1, 2, 3, 4) else None
        delay = min(_ratio(self._images, ANCHOR_DELAY) or Fraction(0), Fraction(_LONGEST_DELAY))
        self._delay = ceil(delay / self.info.time_base)  # ticks that packets wait for their anchors
        self.damaged: list[tuple[int, str]] = []
        self._packets = 0
        self._cut: set[int] = set()  # packets that an edit list cuts off
        self._next = 0  # where the time of a packet without one would be
        self._pending: list[SidePacket] = []
        self._pending_bytes = 0

    def __iter__(self) -> Iterator[HybridPacket]:
        """Yield the packets, each with the anchors whose tags name it. A truncated file yields all that is whole.

        Raises:
            HybridError: the stream cannot be read on.
        """
        pairing = HeldPairing(self._damage, self._delay) if self._delay else Pairing(self._damage)
        try:
            try:
                for packet in self._container.demux(self._video, self._images, *self._beside):
                    yield from self._handed(self._take(packet, pairing))
            except av.error.FFmpegError as error:
                yield from self._handed(pairing.end())
                raise HybridError(f"{self._path}: it cannot be read beyond frame {self._packets} ({error})") from error
        finally:
            self._container.close()
        yield from self._handed(pairing.end())

    def _handed(self, pairs: Iterator[Pair]) -> Iterator[HybridPacket]:
        for packet, anchors in pairs:
            sides, self._pending, self._pending_bytes = tuple(self._pending), [], 0
            cut = packet.video_index in self._cut
            self._cut.discard(packet.video_index)
            yield HybridPacket(packet, anchors, sides, cut)

    def _take(self, packet: "av.Packet[av.stream.Stream]", pairing: Pairing | HeldPairing) -> Iterator[Pair]:
        """Sort in what was read; yields the packets that are complete with it."""
        if not packet.size:
            return
        if packet.size > _LARGEST_PACKET:
            self._damage(self._packets, f"a packet of {packet.size} bytes is passed over")
        elif packet.stream.index == self._video.index:
            yield from pairing.packet(self._coded(packet))
        elif packet.stream.index != self._images.index:
            self._beside_packet(packet)
        elif packet.pts is not None:
            try:
                image = read_tag(bytes(packet))
            except HybridError as error:
                self._damage(max(0, self._packets - 1), str(error))
                return
            yield from pairing.anchor(_ticks(packet, packet.pts, self.info.time_base), image)

    def _coded(self, packet: "av.Packet[av.stream.Stream]") -> Packet:
        base = self.info.time_base
        pts = self._next if packet.pts is None else _ticks(packet, packet.pts, base)
        made = Packet(self._packets, bytes(packet), pts, _ticks(packet, packet.duration or 0, base), packet.is_keyframe)
        if packet.is_discard:
            self._cut.add(self._packets)
        self._packets += 1
        self._next = pts + made.duration
        return made

    def _beside_packet(self, packet: "av.Packet[av.stream.Stream]") -> None:
        track = next(at for at, stream in enumerate(self._beside) if stream.index == packet.stream.index)
        base = self.sides[track].time_base
        if packet.pts is None or packet.is_discard:
            return
        if self._pending_bytes > _MOST_SIDE_BYTES:
            self._damage(self._packets, f"{len(self._pending)} packets beside the video are passed over")
            self._pending, self._pending_bytes = [], 0
        self._pending_bytes += packet.size
        self._pending.append(
            SidePacket(
                track,
                bytes(packet),
                _ticks(packet, packet.pts, base),
                _ticks(packet, packet.duration or 0, base),
                packet.is_keyframe,
            )
        )

    def _damage(self, index: int, why: str) -> None:
        self.damaged.append((index, why))


def read_hybrid(path: str) -> Iterator[HybridPacket]:
    """Yield the packets of a hybrid stream with their anchors.

    Raises:
        HybridError: it is not a hybrid stream.
        MediaError: it cannot be opened.
    """
    yield from HybridReader(path)


def _opened(path: str) -> av.container.InputContainer:
    """Open it; where the first frame cannot be decoded, so that FFmpeg believes only what the container says of it."""
    container = open_input(path)
    name = regular(path)
    videos = _videos(container)
    if not videos or videos[0].codec_context.pix_fmt or name is None:
        return container
    container.close()
    address = locate(path)
    return open_address(
        replace(address, options=dict(address.options) | {"codec_whitelist": "mjpeg,libdav1d,hevc"}), path
    )


def _tracks(container: av.container.InputContainer, path: str) -> tuple[av.VideoStream, av.VideoStream]:
    """The video and its anchors: its first track of a supported codec; that of images of that title, or the first."""
    videos = _videos(container)
    images = [one for one in container.streams.video if codec_of(one) in ("mjpeg", "av1", "hevc")]
    images.sort(key=lambda one: one.metadata.get("title") != TITLES[1])
    if not videos or not images:
        raise HybridError(
            f"{path}: no hybrid stream: a track of {TITLES} and one of Motion JPEG, AV1 or HEVC are needed"
        )
    codec = images[0].metadata.get(ANCHOR_CODEC, "jpeg")
    if codec not in CODECS:
        raise HybridError(f"{path}: its anchors are in {codec!r}; this reader knows {', '.join(CODECS)}")
    return videos[0], images[0]


def _videos(container: av.container.InputContainer) -> list[av.VideoStream]:
    return [one for one in container.streams.video if codec_of(one) in VIDEO_CODECS]


def _describe(path: str, video: av.VideoStream, header: bytes, sides: tuple[SideTrack, ...]) -> VideoInfo:
    context = video.codec_context
    base = _time_base(video)
    rate = believable(_ratio(video, FRAME_RATE), base) or video.average_rate or video.guessed_rate
    if not rate or not context.width or not context.height:
        raise HybridError(f"{path}: the video's size or frame rate cannot be told; is the file whole?")
    return VideoInfo(
        path=path,
        codec=codec_of(video),
        width=context.width,
        height=context.height,
        frame_rate=Fraction(rate),
        time_base=base,
        pixel_format=context.pix_fmt or "unknown",
        colors=Colors(
            int(context.color_range), int(context.colorspace), int(context.color_primaries), int(context.color_trc)
        ),
        sides=sides,
        header=header,
        record=record_of(header),
    )


def _time_base(stream: av.stream.Stream) -> Fraction:
    """Seconds a tick of a track's own times; files of version 1 have those of the file alone."""
    return _ratio(stream, TIME_BASE) or Fraction(stream.time_base or 1)


def _ratio(stream: av.stream.Stream, name: str) -> Fraction | None:
    """A positive number that a track is tagged with, if FFmpeg can count in it."""
    with suppress(ValueError, ZeroDivisionError):
        value = Fraction(stream.metadata.get(name, "")[:_LONGEST_RATIO])
        return value if value > 0 and max(value.as_integer_ratio()) < _LARGEST_INTEGER else None
    return None


def _ticks(packet: "av.Packet[av.stream.Stream]", time: int, time_base: Fraction) -> int:
    return to_ticks(time * packet.time_base, time_base)
