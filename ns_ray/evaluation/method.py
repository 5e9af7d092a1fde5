"""Ways to enhance a stream: which frames are super-resolved, and what pictures go through before they are seen."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ns_ray.client.reconstruct import Mode
from ns_ray.errors import ConfigError
from ns_ray.evaluation.jpeg2000 import decode_j2k, encode_j2k, j2k_quality_for
from ns_ray.evaluation.reencode import Reencode
from ns_ray.hybrid.anchor_image import tag
from ns_ray.hybrid.anchor_picture import anchor_picture, encode_image
from ns_ray.picture.coding import CODECS, Codec, Coding
from ns_ray.picture.convert import from_rgb
from ns_ray.picture.yuv import Yuv420

Name = tuple[int, int]
"""A coded frame: its video_index and super_index."""
Compared = Codec | Literal["j2k"]
"""Codecs that can be compared; a hybrid stream carries no JPEG 2000."""
COMPARED: tuple[Compared, ...] = (*CODECS, "j2k")


class ImageCodec(NamedTuple):
    """How anchors are compressed."""

    codec: Compared
    quality: int

    @classmethod
    def published(cls, codec: Compared, fraction: float) -> "ImageCodec":
        """With the quality that goes with a share of anchors.

        Raises:
            ConfigError: so many anchors are not carried as images.
        """
        return cls(codec, j2k_quality_for(fraction) if codec == "j2k" else Coding.usual(codec, fraction).quality)

    @classmethod
    def parse(cls, text: str) -> "ImageCodec":
        """Of what `str` gives, such as `jpeg:90`.

        Raises:
            ConfigError: it is something else.
        """
        name, _, quality = text.partition(":")
        if name not in COMPARED or not quality.isdecimal():
            raise ConfigError(f"{text}: write it as jpeg:90; codecs are {', '.join(COMPARED)}")
        return cls(name, int(quality))

    def __str__(self) -> str:
        """Such as `jpeg:90`."""
        return f"{self.codec}:{self.quality}"

    def through(self, rgb: NDArray[np.uint8], lr: Yuv420, name: Name) -> tuple[Yuv420, int]:
        """A picture as it is seen behind its compression, in BT.709, limited range, and the bytes of its image.

        Args:
            rgb: the picture, (height, width, 3).
            lr: the LR picture that it was made from, in BT.709, limited range.
            name: its frame's.

        Raises:
            ConfigError: there is no such encoder here, or no such quality of it.
        """
        if self.codec == "j2k":
            data = encode_j2k(rgb, self.quality)
            return from_rgb(decode_j2k(data)), len(data)
        import torch  # takes seconds; few who name a codec need it

        from ns_ray.sr.compressible import compressible

        coding = Coding(self.codec, self.quality)
        picture = compressible(torch.from_numpy(rgb), lr.planes, coding)
        rows, columns, _ = rgb.shape
        image = tag(encode_image(picture.numpy(), coding), *name, self.codec, (columns, rows))
        return anchor_picture(image, lr, rows // lr.y.shape[0]), len(image)


@dataclass(frozen=True, slots=True)
class Method:
    """One way to enhance a stream.

    Attributes:
        anchors: the coded frames that are super-resolved; None for all shown ones, and nothing is rebuilt then.
        mode: how the other frames are rebuilt.
        image: how anchors are compressed; None for not at all.
        reencode: how all shown frames are encoded anew; None where they are not.
    """

    anchors: frozenset[Name] | None = None
    mode: Mode = "plain"
    image: ImageCodec | None = None
    reencode: Reencode | None = None

    def takes(self, name: Name, shown: bool) -> bool:
        """Whether it super-resolves a frame, which is shown or hidden."""
        return shown if self.anchors is None else name in self.anchors


PER_FRAME = Method()
"""Super-resolution of every shown frame, before any loss."""
