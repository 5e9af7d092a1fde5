"""The client: plays a hybrid stream at high resolution."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from ns_ray.errors import HybridError
from ns_ray.hybrid.anchor_image import AnchorImage, anchor_size, decode_anchor
from ns_ray.hybrid.reader import read_hybrid
from ns_ray.hybrid.rebuild import HrFrame, Rebuilder
from ns_ray.hybrid.reconstruct import Mode
from ns_ray.media.probe import open_input, probe
from ns_ray.media.yuv import Yuv420, from_rgb

_ANCHORS_ASKED = 9


class HybridDecoder:
    """Iterates the shown frames of a hybrid file or stream at HR.

    Attributes:
        info: the LR video.
        scale: HR over LR.
        damaged: packets without a picture and anchors that could not be decoded, as (video_index, reason).
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
        self.path = path
        self.info = probe(path)
        self.scale = self._scale()
        self._rebuilder = Rebuilder(self.info, self.scale, mode, threads)
        self.damaged = self._rebuilder.damaged

    def __iter__(self) -> Iterator[HrFrame]:
        """The frames in order of display; a damaged anchor is passed over, and its frame rebuilt like any other.

        Raises:
            HybridError, MediaError: the file cannot be read on.
        """
        for one in read_hybrid(self.path):
            anchors = {}
            for image in one.anchors:
                try:
                    anchors[image.super_index] = self._picture(image)
                except HybridError as error:
                    self.damaged.append((one.packet.video_index, str(error)))
            frame = self._rebuilder.packet(one.packet, anchors)
            if frame is not None:
                yield frame

    def _scale(self) -> int:
        """What most of the first anchors say; a damaged one may claim any size, and so may the track it begins."""
        width, height = self.info.width, self.info.height
        scales = {(width * scale, height * scale): scale for scale in (1, 2, 3, 4)}
        claims: Counter[int] = Counter()
        images = (image for one in read_hybrid(self.path) for image in one.anchors)
        for image in islice(images, _ANCHORS_ASKED):
            with suppress(HybridError):
                claims.update([scales[size] for size in (anchor_size(image),) if size in scales])
        if claims:
            return claims.most_common(1)[0][0]
        with open_input(self.path) as container:
            track = container.streams.video[1]
            if (track.width, track.height) in scales:
                return scales[track.width, track.height]
        raise HybridError(f"{self.path}: no anchor is 1 to 4 times the size of the video, {width}x{height}")

    def _picture(self, image: AnchorImage) -> Yuv420:
        rgb = decode_anchor(image)
        expected = (self.info.height * self.scale, self.info.width * self.scale, 3)
        if rgb.shape != expected:
            raise HybridError(f"anchor {image.name} is {rgb.shape[1]}x{rgb.shape[0]}, not {expected[1]}x{expected[0]}")
        return from_rgb(rgb)
