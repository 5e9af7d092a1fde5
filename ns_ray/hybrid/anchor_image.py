"""Anchors as JPEG images that name their frame in an application marker (docs/hybrid-format.md)."""

import struct
from dataclasses import dataclass
from io import BytesIO
from pickle import PickleBuffer
from typing import Any

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from ns_ray.errors import ConfigError, HybridError

MARKER = 0xE9  # APP9
IDENTIFIER = b"NSRAY\0"
VERSION = 1
_BODY = struct.Struct(">6sBIB")  # identifier, version, video_index, super_index
_SOI = b"\xff\xd8"
LARGEST_FRACTION = 0.15
MAX_HR_SAMPLES = 7680 * 4320
"""Largest HR picture, in luma samples: what is larger has no anchors and is not rebuilt."""


@dataclass(frozen=True, slots=True, eq=False)
class AnchorImage:
    """One compressed anchor: the frame it is of, and a whole JPEG image that names that frame.

    The image is kept as it came from its compressor, which takes megabytes: pickling leaves `body` out of band, and
    a file takes `pieces` as they are.

    Attributes:
        video_index: number of the packet the frame came in.
        super_index: the frame's number inside that packet.
        body: the image, or what follows `head` of it; its memory is not written to any more.
        head: its first bytes where they lie apart: those before the tag, and the tag.
    """

    video_index: int
    super_index: int
    body: bytes | memoryview
    head: bytes = b""

    @property
    def name(self) -> str:
        """`video_index.super_index`."""
        return f"{self.video_index}.{self.super_index}"

    @property
    def pieces(self) -> tuple[bytes, bytes | memoryview]:
        """The image's bytes, in order."""
        return self.head, self.body

    @property
    def data(self) -> bytes:
        """The whole image, copied where it lies in pieces."""
        return self.body if isinstance(self.body, bytes) and not self.head else b"".join(self.pieces)

    def __len__(self) -> int:
        return len(self.head) + len(self.body)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AnchorImage):
            return NotImplemented
        return (self.name, self.data) == (other.name, other.data)

    __hash__ = None  # type: ignore[assignment]

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        body = PickleBuffer(self.body) if protocol >= 5 else bytes(self.body)
        return _unpickled, (self.video_index, self.super_index, body, self.head)


def _unpickled(video_index: int, super_index: int, body: Any, head: bytes) -> AnchorImage:
    return AnchorImage(video_index, super_index, body if isinstance(body, bytes) else memoryview(body), head)


def quality_for(fraction: float) -> int:
    """JPEG quality for a fraction of anchors: fewer anchors may each take more bytes (NeuroScaler, SIGCOMM 2022).

    The published settings end at 10 %; from there to 15 % the quality is 85, the one published for JPEG 2000.

    Raises:
        ConfigError: the fraction is outside 0..0.15.
    """
    if not 0 <= fraction <= LARGEST_FRACTION:
        raise ConfigError(
            f"a fraction of {fraction:g} is outside 0..{LARGEST_FRACTION}: more JPEG anchors than that cost more bits "
            "than they save; choose a smaller fraction"
        )
    for largest, quality in ((0.05, 95), (0.075, 90), (0.1, 88)):
        if fraction <= largest:
            return quality
    return 85


def encode_anchor(rgb: NDArray[np.uint8], video_index: int, super_index: int, quality: int) -> AnchorImage:
    """Compress an HR picture.

    Args:
        rgb: (height, width, 3).
        video_index: number of the packet the frame came in.
        super_index: the frame's number inside that packet.
        quality: JPEG quality, 1 to 100; chroma is 4:2:0.
    """
    return tag(encode_jpeg(rgb, quality), video_index, super_index)


def encode_jpeg(rgb: NDArray[np.uint8], quality: int) -> bytes:
    """A plain JPEG image of a picture, RGB (height, width, 3); see `encode_anchor`.

    By Pillow, as simplejpeg takes libjpeg-turbo's fast DCT below quality 96 whatever it is told: 0.3 dB less at 90.
    """
    written = BytesIO()
    Image.fromarray(rgb).save(written, "JPEG", quality=quality, subsampling="4:2:0")
    return written.getvalue()


def tag(jpeg: bytes | memoryview, video_index: int, super_index: int) -> AnchorImage:
    """Name the frame in a plain JPEG image, wherever it was compressed; the image is not copied.

    Raises:
        HybridError: it is no JPEG; names the frame.
    """
    if jpeg[:2] != _SOI:
        raise HybridError(f"frame {video_index}.{super_index}: the image to be tagged is no JPEG")
    body = _BODY.pack(IDENTIFIER, VERSION, video_index, super_index)
    at = 2
    if jpeg[2:4] == b"\xff\xe0":  # JFIF wants its own marker first
        at += 2 + int.from_bytes(jpeg[4:6], "big")
    marker = bytes((0xFF, MARKER)) + (len(body) + 2).to_bytes(2, "big") + body
    return AnchorImage(video_index, super_index, memoryview(jpeg)[at:], bytes(jpeg[:at]) + marker)


def read_tag(jpeg: bytes) -> AnchorImage:
    """Find which frame an image is of.

    Raises:
        HybridError: it is no JPEG, or no marker before its picture data names a frame.
    """
    if jpeg[:2] != _SOI:
        raise HybridError("an anchor is no JPEG image; is this a hybrid stream?")
    at = 2
    while at + 4 <= len(jpeg) and jpeg[at] == 0xFF and jpeg[at + 1] != 0xDA:
        length = int.from_bytes(jpeg[at + 2 : at + 4], "big")
        body = jpeg[at + 4 : at + 2 + length]
        if jpeg[at + 1] == MARKER and len(body) >= _BODY.size and body.startswith(IDENTIFIER):
            _, version, video_index, super_index = _BODY.unpack_from(body)
            if version != VERSION:
                raise HybridError(f"an anchor is marked in version {version}; this reader knows version {VERSION}")
            return AnchorImage(video_index, super_index, jpeg)
        at += 2 + length
    raise HybridError("an anchor does not name its frame; is this a hybrid stream?")


def anchor_size(image: AnchorImage) -> tuple[int, int]:
    """Width and height that an anchor claims to have; raises HybridError naming the frame where it is damaged."""
    try:
        height, width, _, _ = simplejpeg.decode_jpeg_header(image.data)
    except ValueError as error:
        raise HybridError(f"anchor {image.name} is damaged ({error})") from error
    return width, height


def decode_anchor(image: AnchorImage, size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """The HR picture of an anchor, RGB (height, width, 3).

    By simplejpeg, which gives the same picture as Pillow in half the time, and refuses images with holes, which Pillow
    shows as if they were whole.

    Args:
        image: the anchor.
        size: the (width, height) it must have; what claims another one is not decoded, so that it takes no memory.

    Raises:
        HybridError: it is damaged, of another size, or of more than MAX_HR_SAMPLES; names the frame.
    """
    width, height = anchor_size(image)
    if size is not None and (width, height) != size:
        raise HybridError(f"anchor {image.name} is {width}x{height}, not {size[0]}x{size[1]}")
    if width * height > MAX_HR_SAMPLES:
        raise HybridError(f"anchor {image.name} claims to be {width}x{height}, larger than any HR picture")
    try:
        rgb: NDArray[np.uint8] = simplejpeg.decode_jpeg(image.data, colorspace="RGB")
    except ValueError as error:
        raise HybridError(f"anchor {image.name} is damaged ({error})") from error
    return rgb
