"""Ways to enhance a stream: which frames are super-resolved, and what pictures go through before they are seen."""

from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from ns_ray.client.reconstruct import Mode
from ns_ray.errors import ConfigError
from ns_ray.evaluation.jpeg2000 import decode_j2k, encode_j2k, j2k_quality_for
from ns_ray.evaluation.reencode import Reencode
from ns_ray.hybrid.anchor_image import decode_anchor, encode_anchor, quality_for

Name = tuple[int, int]
"""A coded frame: its video_index and super_index."""
Codec = Literal["jpeg", "j2k"]


class ImageCodec(NamedTuple):
    """How anchors are compressed."""

    codec: Codec
    quality: int

    @classmethod
    def published(cls, codec: Codec, fraction: float) -> "ImageCodec":
        """With the quality that goes with a share of anchors.

        Raises:
            ConfigError: so many anchors are not carried as images.
        """
        return cls(codec, quality_for(fraction) if codec == "jpeg" else j2k_quality_for(fraction))

    @classmethod
    def parse(cls, text: str) -> "ImageCodec":
        """Of what `str` gives, such as `jpeg:90`.

        Raises:
            ConfigError: it is something else.
        """
        name, _, quality = text.partition(":")
        if name not in get_args(Codec) or not quality.isdecimal():
            raise ConfigError(f"{text}: write it as jpeg:90; codecs are {', '.join(get_args(Codec))}")
        return cls(name, int(quality))  # type: ignore[arg-type]

    def __str__(self) -> str:
        """Such as `jpeg:90`."""
        return f"{self.codec}:{self.quality}"

    def through(self, rgb: NDArray[np.uint8], name: Name) -> tuple[NDArray[np.uint8], int]:
        """A picture, RGB (height, width, 3), as it is decoded, and the bytes of its image.

        Raises:
            ConfigError: there is no such encoder, or no such quality of it.
        """
        if self.codec == "jpeg":
            image = encode_anchor(rgb, *name, self.quality)
            return decode_anchor(image), len(image)
        if self.codec == "j2k":
            data = encode_j2k(rgb, self.quality)
            return decode_j2k(data), len(data)
        raise ConfigError(f"anchors cannot be compressed by {self.codec}: choose jpeg or j2k")


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
