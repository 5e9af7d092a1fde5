"""Rebuilding: every frame of a stream at high resolution, from its packets and its anchors."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from ns_ray.client.reconstruct import Mode, Planes, Reconstructor
from ns_ray.codecs.codec import Header, codec_named
from ns_ray.codecs.motion_field import BLOCK, MotionField
from ns_ray.errors import BitstreamError, HybridError
from ns_ray.hybrid.anchor_image import MAX_HR_SAMPLES, AnchorImage
from ns_ray.hybrid.anchor_picture import anchor_picture
from ns_ray.picture.colors import STANDARD, Colors
from ns_ray.picture.convert import convert
from ns_ray.picture.yuv import Yuv420, resize
from ns_ray.video.decode import CodedFrame, DecodedFrame, DecodedPackets, VideoDecoder
from ns_ray.video.packets import Packet
from ns_ray.video.probe import VideoInfo


@dataclass(frozen=True, slots=True)
class HrFrame:
    """One shown frame at HR.

    Attributes:
        video_index: number of its packet.
        pts: in ticks of the video's time base.
        picture: the HR picture, `scale` times the size of `lr`; read-only, as frames to come may refer to it.
        lr: the decoded LR picture.
        source: `anchor`, `rebuilt` (from anchors), `upscaled` (nothing was known at HR) or `repeated` (nothing was
            decoded: the picture before it).
        colors: of both pictures; range and matrix are never unspecified.
        place: how many are shown before it, since decoding began; of codecs whose frames may be shown in another order
            than they come.
    """

    video_index: int
    pts: int
    picture: Yuv420
    lr: Yuv420
    source: str
    colors: Colors = STANDARD
    place: int = 0


_MAX_LR_SAMPLES = 3840 * 2160  # of which decoders hold ten, beside what the reconstruction may hold at HR
_NO_BLOCKS = np.zeros(0, BLOCK)


def max_lr_samples(scale: int) -> int:
    """Luma samples of the largest LR frame that is rebuilt at a scale; what is larger counts as damaged."""
    return min(MAX_HR_SAMPLES // scale**2, _MAX_LR_SAMPLES)


class Rebuilder:
    """Takes one stream packet by packet, with the anchors that belong to it.

    Every packet that shows a picture gives one from the first that can be decoded on, in the order of the packets; one
    that is lost, the picture before it, unless frames may be shown in another order than they come.

    Attributes:
        scale: HR samples for an LR sample.
        damaged: frames and anchors that could not be read, as (video_index, reason).
    """

    def __init__(self, info: VideoInfo, scale: int, mode: Mode = "best", threads: int = 1) -> None:
        """Start before the first packet, or before any key frame.

        Args:
            info: the LR video.
            scale: HR samples for an LR sample, in each direction: 1 to 4.
            mode: see `Reconstructor`.
            threads: threads of the reconstruction; the result does not depend on it.

        Raises:
            MediaError: the video is not supported (`require_supported`).
            HybridError: the scale is not supported.
        """
        self._reconstructor = Reconstructor(scale, mode, threads)
        self.scale = scale
        self.damaged: list[tuple[int, str]] = []
        samples = max_lr_samples(scale)
        self._decoder = VideoDecoder(info, max_samples=samples)
        self._codec = codec_named(info.codec, info.record)
        self._motion = self._codec.motion(samples)
        self._known = False  # whether any anchor came since the last key frame without one
        self._shown: HrFrame | None = None

    def packet(
        self,
        packet: Packet,
        anchors: Mapping[int, AnchorImage | Yuv420],
        ahead: Iterable[Packet] = (),
        *,
        ended: bool = False,
    ) -> HrFrame | None:
        """Take the next packet.

        Args:
            packet: the packet.
            anchors: of its frames, by super_index: images, or HR pictures in BT.709, limited range. One that is
                damaged or not `scale` times the size of its frame is passed over, and `damaged` says so.
            ahead: packets that follow; see `VideoDecoder.decode`.
            ended: whether nothing follows them.

        Returns:
            The shown frame; None where the packet shows none, or none could be decoded yet.
        """
        return self.rebuild(packet, self._decoder.decode([packet], None, ahead, ended=ended), anchors)

    def rebuild(
        self, packet: Packet, decoded: DecodedPackets, anchors: Mapping[int, AnchorImage | Yuv420]
    ) -> HrFrame | None:
        """As `packet`, where another has decoded it, with all of its frames."""
        self.damaged += decoded.damaged
        frames = {frame.record.super_index: frame for frame in decoded.frames}
        for index in sorted(anchors.keys() - frames.keys()):
            name = f"{packet.video_index}.{index}"
            self.damaged.append((packet.video_index, f"anchor {name} is of no frame that could be decoded"))
        shown: HrFrame | None = None
        for coded in decoded.coded:
            field = self._field(coded)
            frame = frames.get(coded.super_index)
            if frame is None:  # damaged, or hidden and of no use to others
                continue
            anchor = self._anchor(frame, anchors.get(coded.super_index))
            hr, source = self._frame(coded, frame, field, anchor)
            if coded.header is not None and coded.header.show:
                shown = HrFrame(packet.video_index, packet.pts, hr, frame.picture, source, frame.colors, frame.place)
        if shown is None and decoded.lost and self._shown is not None and not self._codec.late:
            shown = replace(self._shown, video_index=packet.video_index, pts=packet.pts, source="repeated")
        self._shown = shown or self._shown
        return shown

    def _field(self, coded: CodedFrame) -> MotionField | None:
        """How a frame moved; None where that cannot be told."""
        try:
            return self._motion.read(coded.data, coded.header)
        except BitstreamError as error:
            self.damaged.append((coded.video_index, f"frame {coded.video_index}.{coded.super_index}: {error}"))
            return None

    def _anchor(self, frame: DecodedFrame, anchor: AnchorImage | Yuv420 | None) -> Yuv420 | None:
        """The anchor in the colours of its frame."""
        if anchor is None:
            return None
        width, height = self._hr_size(frame)
        try:
            if isinstance(anchor, AnchorImage):
                anchor = anchor_picture(anchor, convert(frame.picture, frame.colors, STANDARD), self.scale)
            if anchor.y.shape != (height, width):
                rows, columns = anchor.y.shape
                raise HybridError(f"anchor {frame.record.name} is {columns}x{rows}, not {width}x{height}")
        except HybridError as error:
            self.damaged.append((frame.record.video_index, str(error)))
            return None
        return convert(anchor, STANDARD, frame.colors)

    def _frame(
        self, coded: CodedFrame, frame: DecodedFrame, field: MotionField | None, anchor: Yuv420 | None
    ) -> tuple[Yuv420, str]:
        assert coded.header is not None
        if coded.header.show_existing is not None:
            return self._existing(coded.header.show_existing, frame, anchor)
        key = coded.header.key
        self._known = anchor is not None or (self._known and not key)
        lr = frame.whole
        own = None if anchor is None else self._whole(anchor, coded.header, frame).planes
        if field is not None:
            try:
                hr = self._reconstructor.frame(field, lr.planes, own)
                return self._seen(hr, coded.header, frame), (
                    "anchor" if anchor else "rebuilt" if self._known else "upscaled"
                )
            except HybridError as error:
                self.damaged.append((frame.record.video_index, f"frame {frame.record.name}: {error}"))
        self._known = anchor is not None
        rows, columns = lr.y.shape
        # Where its blocks are not known a frame is upscaled, and can be referred to.
        unread = MotionField(_NO_BLOCKS, columns, rows, frame.record.refreshed, self._codec.prediction)
        try:
            made = self._seen(self._reconstructor.frame(unread, lr.planes, own), coded.header, frame)
        except HybridError as error:  # with its references it would take more memory than is allowed
            self.damaged.append((frame.record.video_index, f"frame {frame.record.name}: {error}"))
            made = anchor or resize(frame.picture, self._hr_size(frame))
        return made, "anchor" if anchor else "upscaled"

    def _existing(self, slot: int, frame: DecodedFrame, anchor: Yuv420 | None) -> tuple[Yuv420, str]:
        if anchor is not None:
            return anchor, "anchor"
        width, height = self._hr_size(frame)
        try:
            hr = Yuv420(*self._reconstructor.show(slot))
            if hr.y.shape == (height, width):
                return hr, "rebuilt" if self._known else "upscaled"
        except HybridError:
            pass  # it was never seen
        return resize(frame.picture, (width, height)), "upscaled"

    def _whole(self, anchor: Yuv420, header: Header, frame: DecodedFrame) -> Yuv420:
        """An anchor as large as what was coded of its frame: it goes on beyond its edges with its outermost samples."""
        if frame.whole is frame.picture:
            return anchor
        left, top = header.crop
        planes = []
        for plane, whole, half in zip(anchor.planes, frame.whole.planes, (1, 2, 2), strict=True):
            before = np.array((top, left)) * self.scale // half
            after = np.array(whole.shape) * self.scale - before - plane.shape
            planes.append(np.pad(plane, np.stack((before, after), 1), "edge"))
        return Yuv420(*planes)

    def _seen(self, hr: Planes, header: Header, frame: DecodedFrame) -> Yuv420:
        """The part of an HR picture that is meant to be seen."""
        made = Yuv420(*hr)
        if frame.whole is frame.picture:
            return made
        left, top = header.crop
        rows, columns = frame.picture.y.shape
        box = (
            slice(self.scale * top, self.scale * (top + rows)),
            slice(self.scale * left, self.scale * (left + columns)),
        )
        half = tuple(slice(one.start // 2, (one.stop + 1) // 2) for one in box)
        return Yuv420(made.y[box], made.u[half], made.v[half])

    def _hr_size(self, frame: DecodedFrame) -> tuple[int, int]:
        rows, columns = frame.picture.y.shape
        return columns * self.scale, rows * self.scale
