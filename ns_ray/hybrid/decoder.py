"""The client: plays a hybrid stream at high resolution."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, islice

from ns_ray.errors import HybridError
from ns_ray.hybrid.anchor_image import AnchorImage, anchor_size, decode_anchor
from ns_ray.hybrid.reader import HybridPacket, HybridReader
from ns_ray.hybrid.rebuild import HrFrame, Rebuilder
from ns_ray.hybrid.reconstruct import Mode
from ns_ray.media.packets import SidePacket
from ns_ray.picture.yuv import Yuv420, from_rgb

_PACKETS_ASKED = 600


class HybridDecoder:
    """Iterates the shown frames of a hybrid file or stream at HR, once: it is read from front to back, as it comes.

    Attributes:
        info: the LR video.
        scale: HR over LR.
        damaged: packets without a picture and anchors that could not be decoded, as (video_index, reason).
        sides: packets of the tracks beside the video (`info.sides`) that came so far; the caller takes them out.
    """

    def __init__(self, path: str, mode: Mode = "best", threads: int = 1) -> None:
        """Look at the file.

        Args:
            path: the hybrid file or stream.
            mode: `best`, or `plain` reuse as published.
            threads: threads of the reconstruction.

        Raises:
            MediaError: it cannot be opened, or its video is not supported.
            HybridError: it is no hybrid stream, or its anchors are not 1 to 4 times the size of the video.
        """
        self._reader = HybridReader(path)
        self.info = self._reader.info
        packets = iter(self._reader)
        first: list[HybridPacket] = []
        self.scale = self._scale(packets, first)
        self._packets = chain(first, packets)
        self._rebuilder = Rebuilder(self.info, self.scale, mode, threads)
        self.damaged = self._rebuilder.damaged
        self.damaged += self._reader.damaged
        self._reader.damaged = self.damaged
        self.sides: list[SidePacket] = []

    def __iter__(self) -> Iterator[HrFrame]:
        """The frames in order of display; a damaged anchor is passed over, and its frame rebuilt like any other.

        Raises:
            HybridError, MediaError: the file cannot be read on.
        """
        for one in self._packets:
            self.sides += one.sides
            anchors = {}
            for image in one.anchors:
                try:
                    anchors[image.super_index] = self._picture(image)
                except HybridError as error:
                    self.damaged.append((one.packet.video_index, str(error)))
            frame = self._rebuilder.packet(one.packet, anchors)
            if frame is not None:
                yield frame

    def _scale(self, packets: Iterator[HybridPacket], seen: list[HybridPacket]) -> int:
        """What two of the first anchors agree on: a damaged one may claim any size, and so may the track it begins.

        Packets that had to be read for it are added to `seen`.
        """
        width, height = self.info.width, self.info.height
        scales = {(width * scale, height * scale): scale for scale in (1, 2, 3, 4)}
        claims: Counter[int] = Counter()
        for one in islice(packets, _PACKETS_ASKED):
            seen.append(one)
            for image in one.anchors:
                with suppress(HybridError):
                    claims.update([scales[size] for size in (anchor_size(image),) if size in scales])
            if claims and claims.most_common(1)[0][1] > 1:
                break
        if claims:
            return claims.most_common(1)[0][0]
        if self._reader.anchor_size in scales:
            return scales[self._reader.anchor_size]
        raise HybridError(f"{self.info.path}: no anchor is 1 to 4 times the size of the video, {width}x{height}")

    def _picture(self, image: AnchorImage) -> Yuv420:
        rgb = decode_anchor(image)
        expected = (self.info.height * self.scale, self.info.width * self.scale, 3)
        if rgb.shape != expected:
            raise HybridError(f"anchor {image.name} is {rgb.shape[1]}x{rgb.shape[0]}, not {expected[1]}x{expected[0]}")
        return from_rgb(rgb)
