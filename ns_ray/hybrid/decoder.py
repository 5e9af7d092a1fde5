"""The client: plays a hybrid stream at high resolution."""

from collections.abc import Iterator

from ns_ray.errors import HybridError
from ns_ray.hybrid.anchor_image import AnchorImage, decode_anchor
from ns_ray.hybrid.reader import read_hybrid
from ns_ray.hybrid.rebuild import HrFrame, Rebuilder
from ns_ray.hybrid.reconstruct import Mode
from ns_ray.media.probe import open_input, probe
from ns_ray.media.yuv import Yuv420, from_rgb


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
        with open_input(path) as container:
            sizes = [(stream.width, stream.height) for stream in container.streams.video]
        if len(sizes) < 2:
            raise HybridError(f"{path}: no hybrid stream: it has no track of anchors")
        self.scale = sizes[1][0] // sizes[0][0]
        if sizes[1] != (sizes[0][0] * self.scale, sizes[0][1] * self.scale):
            raise HybridError(f"{path}: anchors of {sizes[1]} are no whole multiple of a video of {sizes[0]}")
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

    def _picture(self, image: AnchorImage) -> Yuv420:
        rgb = decode_anchor(image)
        expected = (self.info.height * self.scale, self.info.width * self.scale, 3)
        if rgb.shape != expected:
            raise HybridError(f"anchor {image.name} is {rgb.shape[1]}x{rgb.shape[0]}, not {expected[1]}x{expected[0]}")
        return from_rgb(rgb)
