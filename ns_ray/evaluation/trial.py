"""Methods side by side on one stream: each frame is read, super-resolved and compressed once for all of them."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice, repeat
from typing import TypeVar

from ns_ray.client.rebuild import Rebuilder
from ns_ray.client.shown_order import ShownOrder
from ns_ray.codecs.codec import codec_named
from ns_ray.codecs.records import FrameRecord
from ns_ray.errors import MediaError
from ns_ray.evaluation.method import ImageCodec, Method, Name
from ns_ray.evaluation.reencode import Reencoder
from ns_ray.evaluation.upscaled import UPSCALED, upscaled
from ns_ray.metrics.psnr import PlaneErrors, plane_errors
from ns_ray.picture.colors import STANDARD
from ns_ray.picture.convert import convert, from_rgb
from ns_ray.picture.yuv import Yuv420
from ns_ray.sr.engine import Engine
from ns_ray.video.decode import DecodedFrame, DecodedPackets, VideoDecoder
from ns_ray.video.lookahead import Lookahead
from ns_ray.video.packets import Packet, read_packets
from ns_ray.video.probe import VideoInfo

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Seen:
    """What one method shows of a frame.

    Attributes:
        picture: in BT.709, limited range.
        errors: of the picture against the original.
        bytes: what had to be sent for it beside the LR packet: images of the packet's anchors, or, where all frames are
            encoded anew, the new packet in place of the LR one.
    """

    picture: Yuv420
    errors: PlaneErrors
    bytes: int


@dataclass(frozen=True, slots=True)
class Shown:
    """One shown frame.

    Attributes:
        packet: its LR packet.
        lr: the LR picture, in BT.709, limited range.
        original: at HR.
        upscaled: errors of what is merely upscaled, by name.
        methods: what the methods show, in their order.
    """

    packet: Packet
    lr: Yuv420
    original: Yuv420
    upscaled: dict[str, PlaneErrors]
    methods: tuple[Seen, ...]


@dataclass(frozen=True, slots=True)
class _Made:
    """A picture that was super-resolved or rebuilt, and the bytes that were sent for it."""

    picture: Yuv420
    bytes: int


_Anchors = Mapping[tuple[int, ImageCodec | None], _Made]
"""A packet's, by super_index and compression."""


@dataclass(frozen=True, slots=True)
class _Step:
    """One packet, and all that its frames need to be shown."""

    packet: Packet
    decoded: DecodedPackets
    lr: Yuv420
    last: int
    anchors: _Anchors
    original: Yuv420


def records_of(info: VideoInfo, frames: int | None = None) -> list[FrameRecord]:
    """The records of a video's coded frames in decode order, of its first packets or all, without decoding.

    Raises:
        MediaError: the file cannot be read.
    """
    reader = codec_named(info.codec, info.record).records()
    packets = islice(read_packets(info), frames)
    return [record for packet in packets for record in reader.read(packet.data, packet.video_index)]


def decoded_whole(
    info: VideoInfo, packets: Iterable[Packet], count: int | None = None
) -> Iterator[tuple[Packet, DecodedPackets]]:
    """Decode a video, hidden frames included; the last frame of each packet is the one that it shows.

    Args:
        info: the video.
        packets: all of its packets.
        count: how many of them to decode; None for all.

    Raises:
        MediaError: a packet is damaged, or shows no picture.
    """
    decoder = VideoDecoder(info)
    following = Lookahead(packets)
    for packet in islice(following, count):
        decoded = decoder.decode([packet], None, following.ahead(), ended=True)
        if decoded.damaged or decoded.lost or not decoded.shown:
            reason = decoded.damaged[0][1] if decoded.damaged else "it shows no picture"
            raise MediaError(f"{info.path}: packet {packet.video_index}: {reason}")
        yield packet, decoded


def beside(
    decoding: Iterable[tuple[Packet, DecodedPackets]], originals: Iterable[Yuv420]
) -> Iterator[tuple[Packet, DecodedPackets, Yuv420]]:
    """Packets with the originals of what they show, which come in the order of showing; it ends with either."""
    following, read = enumerate(originals), dict[int, Yuv420]()
    for packet, decoded in decoding:
        place = decoded.frames[-1].place
        while place not in read:
            number, original = next(following, (-1, None))
            if original is None:
                return
            read[number] = original
        yield packet, decoded, read.pop(place)


class Trial:
    """Runs methods over one stream, frame by frame, in memory.

    Frames are super-resolved as far as any method takes them. While methods show a frame the next one is made.
    """

    def __init__(
        self,
        info: VideoInfo,
        engine: Engine,
        methods: Sequence[Method],
        frames: int | None = None,
        upscalings: Sequence[str] = UPSCALED,
    ) -> None:
        """Set up the methods.

        Args:
            info: the LR video.
            engine: super-resolves; of the video's size, with weights.
            methods: what to compare.
            frames: how many shown frames; None for all.
            upscalings: what else to compare; see `upscaled`.

        Raises:
            MediaError: a method's re-encode is refused.
            HybridError: the engine's scale cannot be rebuilt.
        """
        self._info, self._engine, self._frames = info, engine, frames
        self._methods, self._upscalings = tuple(methods), tuple(upscalings)
        self._chosen: defaultdict[int, set[int]] = defaultdict(set)
        for method in methods:
            for video_index, super_index in method.anchors or ():
                self._chosen[video_index].add(super_index)
        self._viewers = [_Viewer(info, engine, method) for method in methods]

    def run(self, originals: Iterable[Yuv420], pool: Executor | None = None) -> Iterator[Shown]:
        """Take the originals of the shown frames, in BT.709, limited range, at HR; yields frame by frame, as shown.

        It ends with the stream, the originals or the frames that were asked for, whichever comes first.

        Args:
            originals: one a packet.
            pool: if there is one, it works on all methods and upscalings at a time; figures do not depend on it.

        Raises:
            MediaError: the stream is damaged.
            ModelError: a frame is of another size than the engine.
        """
        each = map if pool is None else pool.map
        try:
            steps = _ahead(self._steps(originals))
            made = ((step, tuple(each(_Viewer.picture, self._viewers, repeat(step)))) for step in steps)
            for step, pictures in _as_shown(made):
                methods = each(_Viewer.show, self._viewers, pictures, repeat(step.original))
                errors = each(_upscaled_errors, self._upscalings, repeat(step))
                seen = tuple(methods)
                upscalings = dict(zip(self._upscalings, errors, strict=True))
                yield Shown(step.packet, step.lr, step.original, upscalings, seen)
        finally:
            for viewer in self._viewers:
                viewer.close()

    def _steps(self, originals: Iterable[Yuv420]) -> Iterator[_Step]:
        decoding = decoded_whole(self._info, read_packets(self._info), self._frames)
        for packet, decoded, original in beside(decoding, originals):
            frames = {frame.record.super_index: frame for frame in decoded.frames}
            self._require_anchors(packet.video_index, frames.keys())
            last = decoded.frames[-1].record.super_index
            lr = standard(frames[last])
            anchors = {
                key: anchor
                for index, frame in frames.items()
                for key, anchor in self._super_resolve((packet.video_index, index), frame, index == last).items()
            }
            yield _Step(packet, decoded, lr, last, anchors, original)

    def _require_anchors(self, video_index: int, decoded: Collection[int]) -> None:
        missing = [index for index in self._chosen.get(video_index, ()) if index not in decoded]
        if missing:
            raise MediaError(f"{self._info.path}: frame {video_index}.{missing[0]} is an anchor, but has no picture")

    def _super_resolve(self, name: Name, frame: DecodedFrame, shown: bool) -> _Anchors:
        """A frame as the methods that take it send it."""
        images = {method.image for method in self._methods if method.takes(name, shown)}
        if not images:
            return {}
        lr = standard(frame)
        rgb = self._engine.infer(lr.planes)
        anchors = {}
        for image in images:
            picture, size = (from_rgb(rgb), 0) if image is None else image.through(rgb, lr, name)
            anchors[name[1], image] = _Made(picture, size)
        return anchors


class _Viewer:
    """One method at work on one stream."""

    def __init__(self, info: VideoInfo, engine: Engine, method: Method) -> None:
        self._info, self._method = info, method
        rows, columns = engine.hr_size
        self._rebuilder = None if method.anchors is None else Rebuilder(info, engine.spec.scale, method.mode)
        self._reencoder = (
            None if method.reencode is None else Reencoder((columns, rows), info.frame_rate, method.reencode)
        )

    def picture(self, step: _Step) -> _Made:
        """What it makes of the next packet, and the bytes of its anchors."""
        index = step.packet.video_index
        mine = {
            i: anchor
            for (i, image), anchor in step.anchors.items()
            if image == self._method.image and self._method.takes((index, i), i == step.last)
        }
        if self._rebuilder is None:
            picture = mine[step.last].picture
        else:
            picture = self._rebuilt(self._rebuilder, step, {i: anchor.picture for i, anchor in mine.items()})
        return _Made(picture, sum(anchor.bytes for anchor in mine.values()))

    def show(self, made: _Made, original: Yuv420) -> Seen:
        """What it shows of the next frame, in the order of showing."""
        picture, size = made.picture, made.bytes
        if self._reencoder is not None:
            picture, size = self._reencoder.through(picture)
        return Seen(picture, plane_errors(picture.planes, original.planes), size)

    def close(self) -> None:
        """End its encoder, if it has one."""
        if self._reencoder is not None:
            self._reencoder.close()

    def _rebuilt(self, rebuilder: Rebuilder, step: _Step, anchors: Mapping[int, Yuv420]) -> Yuv420:
        frame = rebuilder.rebuild(step.packet, step.decoded, anchors)
        if frame is None or rebuilder.damaged:
            reason = rebuilder.damaged[-1][1] if rebuilder.damaged else "nothing could be rebuilt"
            raise MediaError(f"{self._info.path}: packet {step.packet.video_index}: {reason}")
        return convert(frame.picture, frame.colors, STANDARD)


def _upscaled_errors(name: str, step: _Step) -> PlaneErrors:
    rows, columns = step.original.y.shape
    return plane_errors(upscaled(step.lr, (columns, rows), name).planes, step.original.planes)


def standard(frame: DecodedFrame) -> Yuv420:
    """A frame's picture in BT.709, limited range."""
    return convert(frame.picture, frame.colors, STANDARD)


def _as_shown(made: Iterable[tuple[_Step, T]]) -> Iterator[tuple[_Step, T]]:
    """Steps, which come in the order of their packets, in that of showing."""
    order = ShownOrder[tuple[_Step, T]]()
    for step, its in made:
        yield from order.put(step.decoded.frames[-1].place, (step, its))
    yield from order.rest()


def _ahead(steps: Iterator[_Step]) -> Iterator[_Step]:
    """The same, with the next one made while the caller is at work."""
    with ThreadPoolExecutor(1) as maker:
        due = maker.submit(next, steps, None)
        while (step := due.result()) is not None:
            due = maker.submit(next, steps, None)
            yield step
