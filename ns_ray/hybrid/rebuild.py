"""Rebuilding: every frame of a stream at high resolution, from its packets and its anchors."""

from collections.abc import Mapping
from dataclasses import dataclass

from ns_ray.errors import BitstreamError, HybridError
from ns_ray.hybrid.reconstruct import Mode, Reconstructor
from ns_ray.media.decode import VideoDecoder
from ns_ray.media.packets import Packet
from ns_ray.media.probe import VideoInfo
from ns_ray.picture.yuv import Yuv420, resize
from ns_ray.vp9.blocks import BlockParser, FrameBlocks
from ns_ray.vp9.superframe import split


@dataclass(frozen=True, slots=True)
class HrFrame:
    """One shown frame at HR.

    Attributes:
        video_index: number of its packet.
        pts: in ticks of the video's time base.
        picture: the HR picture; read-only, as frames to come may refer to it.
        lr: the decoded LR picture.
        source: `anchor`, `rebuilt` (from anchors) or `upscaled` (nothing was known at HR).
    """

    video_index: int
    pts: int
    picture: Yuv420
    lr: Yuv420
    source: str


class Rebuilder:
    """Takes one stream packet by packet, with the anchors that belong to it."""

    def __init__(self, info: VideoInfo, scale: int, mode: Mode = "best", threads: int = 1) -> None:
        """Start before the first packet, or before any key frame.

        Args:
            info: the LR video.
            scale: HR samples for an LR sample, in each direction: 1 to 4.
            mode: see `Reconstructor`.
            threads: threads of the reconstruction; the result does not depend on it.

        Raises:
            MediaError: the video is not 8 bit 4:2:0 VP9.
            HybridError: the scale is not supported.
        """
        self.scale = scale
        self.damaged: list[tuple[int, str]] = []
        self._decoder = VideoDecoder(info)
        self._parser = BlockParser()
        self._reconstructor = Reconstructor(scale, mode, threads)
        self._known = False  # whether any anchor came since the last key frame without one

    def packet(self, packet: Packet, anchors: Mapping[int, Yuv420]) -> HrFrame | None:
        """Take the next packet.

        Args:
            packet: the packet.
            anchors: HR pictures of its frames, by super_index.

        Returns:
            The shown frame, or None where the packet is damaged or follows damage; `damaged` then says why.

        Raises:
            HybridError: an anchor is not `scale` times the size of its frame.
        """
        decoded = self._decoder.decode([packet])
        self.damaged += decoded.damaged
        pictures = {frame.record.super_index: frame.picture for frame in decoded.frames}
        shown: HrFrame | None = None
        if not pictures:
            return None
        for super_index, data in enumerate(split(packet.data)):
            lr = pictures.get(super_index)
            try:
                blocks = self._parser.parse(data)
            except BitstreamError as error:
                self.damaged.append((packet.video_index, f"frame {packet.video_index}.{super_index}: {error}"))
                return None
            if lr is None:  # hidden, and refreshes no slot: no frame refers to it
                continue
            anchor = anchors.get(super_index)
            hr, source = self._frame(blocks, lr, anchor)
            if blocks.show_frame or blocks.show_existing is not None:
                shown = HrFrame(packet.video_index, packet.pts, hr, lr, source)
        return shown

    def _frame(self, blocks: FrameBlocks, lr: Yuv420, anchor: Yuv420 | None) -> tuple[Yuv420, str]:
        if blocks.show_existing is not None:
            if anchor is not None:
                return anchor, "anchor"
            return Yuv420(*self._reconstructor.show(blocks.show_existing)), "rebuilt" if self._known else "upscaled"
        if anchor is not None:
            self._known = True
            return Yuv420(*self._reconstructor.frame(blocks, lr.planes, anchor.planes)), "anchor"
        self._known = self._known and not blocks.key
        try:
            hr = self._reconstructor.frame(blocks, lr.planes)
            return Yuv420(*hr), "rebuilt" if self._known else "upscaled"
        except HybridError:
            # Scaled references and the like: upscaled, it can still be referred to.
            rows, columns = lr.y.shape
            larger = resize(lr, (columns * self.scale, rows * self.scale))
            return Yuv420(*self._reconstructor.frame(blocks, lr.planes, larger.planes, teach=False)), "upscaled"
