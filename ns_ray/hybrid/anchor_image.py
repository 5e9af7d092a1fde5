"""Anchors as images that name their frame: JPEG in an application marker, AV1 in metadata, HEVC in SEI.

The bytes: docs/hybrid-format.md.
"""

import struct
from dataclasses import dataclass
from io import BytesIO
from pickle import PickleBuffer
from typing import Any

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from ns_ray.errors import HybridError
from ns_ray.hybrid.av1_image import METADATA, SEQUENCE_HEADER, metadata, obus
from ns_ray.hybrid.nal import LENGTH, PICTURES, SEI, VPS, read_user_data, units, user_data
from ns_ray.picture.coding import CODECS, Codec, image_format

MARKER = 0xE9  # APP9
METADATA_TYPE = 9  # of those that are anyone's to use
IDENTIFIER = b"NSRAY\0"
_BODY = struct.Struct(">6sBIB")  # identifier, version, video_index, super_index
_FURTHER = struct.Struct(">BHH")  # from version 2 on: codec, columns, rows
_PICTURE, _CODED = 1, 2  # versions: of JPEG pictures, of all codecs
_SOI = b"\xff\xd8"
MAX_HR_SAMPLES = 7680 * 4320
"""Largest HR picture, in luma samples: what is larger has no anchors and is not rebuilt."""
Size = tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class AnchorImage:
    """One compressed anchor: the frame it is of, and a whole image that names that frame.

    The image is kept as it came from its compressor, which takes megabytes: pickling leaves `body` out of band, and
    a file takes `pieces` as they are.

    Attributes:
        video_index: number of the packet the frame came in.
        super_index: the frame's number inside that packet.
        body: the image, or what follows `head` of it; its memory is not written to any more.
        head: its first bytes where they lie apart: those before the tag, and the tag.
        codec: how it is compressed.
        size: (width, height) of the HR picture, as the tag says; None where a JPEG picture itself says it.
    """

    video_index: int
    super_index: int
    body: bytes | memoryview
    head: bytes = b""
    codec: Codec = "jpeg"
    size: Size | None = None

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
        return _unpickled, (self.video_index, self.super_index, body, self.head, self.codec, self.size)


def _unpickled(video_index: int, super_index: int, body: Any, *others: Any) -> AnchorImage:
    return AnchorImage(video_index, super_index, body if isinstance(body, bytes) else memoryview(body), *others)


def encode_jpeg(rgb: NDArray[np.uint8], quality: int) -> bytes:
    """A plain JPEG image of a picture, chroma 4:2:0.

    By Pillow, as simplejpeg takes libjpeg-turbo's fast DCT below quality 96 whatever it is told: 0.3 dB less at 90.
    """
    written = BytesIO()
    Image.fromarray(rgb).save(written, "JPEG", quality=quality, subsampling="4:2:0")
    return written.getvalue()


def tag(
    image: bytes | memoryview, video_index: int, super_index: int, codec: Codec = "jpeg", size: Size | None = None
) -> AnchorImage:
    """Name the frame in a plain image, wherever it was compressed; the image is not copied.

    Args:
        image: as its codec has it.
        video_index: number of the packet the frame came in.
        super_index: the frame's number inside that packet.
        codec: how it is compressed.
        size: (width, height) of the HR picture; a JPEG picture says its own.

    Raises:
        HybridError: it is not of that format; names the frame.
    """
    version = _PICTURE if codec == "jpeg" else _CODED
    body = _BODY.pack(IDENTIFIER, version, video_index, super_index)
    if version == _CODED:
        assert size is not None
        body += _FURTHER.pack(CODECS.index(codec), *size)
    form = image_format(codec)
    at, marker = {"jpeg": _in_jpeg, "av1": _in_av1, "hevc": _in_hevc}[form](image, body)
    if not at:
        raise HybridError(f"frame {video_index}.{super_index}: the image to be tagged is no {form.upper()}")
    head = bytes(image[:at]) + marker
    return AnchorImage(
        video_index, super_index, memoryview(image)[at:], head, codec, size if version == _CODED else None
    )


def _in_jpeg(image: bytes | memoryview, body: bytes) -> tuple[int, bytes]:
    """Where the tag goes, and the tag; 0 where it is no JPEG."""
    at = 2 if image[:2] == _SOI else 0
    if at and image[2:4] == b"\xff\xe0":  # JFIF wants its own marker first
        at += 2 + int.from_bytes(image[4:6], "big")
    return at, bytes((0xFF, MARKER)) + (len(body) + 2).to_bytes(2, "big") + body


def _in_av1(image: bytes | memoryview, body: bytes) -> tuple[int, bytes]:
    first = next(obus(image), None)
    at = first[3] if first and first[0] == SEQUENCE_HEADER else 0
    return at, metadata(METADATA_TYPE, body)


def _in_hevc(image: bytes | memoryview, body: bytes) -> tuple[int, bytes]:
    """Before the picture, behind its parameter sets."""
    at = next((begin - LENGTH for kind, begin, _ in units(image) if kind in PICTURES), 0)
    return at, user_data(body)


def read_tag(image: bytes) -> AnchorImage:
    """Find which frame an image is of.

    Raises:
        HybridError: it is of no format that is known, or nothing before its picture data names a frame.
    """
    if image[:2] == _SOI:
        bodies, kind = _jpeg_segments(image), "jpeg"
    elif next(units(image), (0,))[0] == VPS:
        bodies, kind = _hevc_user_data(image), "hevc"
    else:
        bodies, kind = [image[body + 1 : end] for kind, _, body, end in obus(image) if kind == METADATA], "av1"
        if not bodies:
            raise HybridError("an anchor is neither a JPEG image nor an AV1 or HEVC picture; is this a hybrid stream?")
    for body in bodies:
        if len(body) >= _BODY.size and body.startswith(IDENTIFIER):
            return _tagged(image, body, kind)
    raise HybridError("an anchor does not name its frame; is this a hybrid stream?")


def _jpeg_segments(image: bytes) -> list[bytes]:
    """What the markers hold that may name a frame."""
    found, at = [], 2
    while at + 4 <= len(image) and image[at] == 0xFF and image[at + 1] != 0xDA:
        length = int.from_bytes(image[at + 2 : at + 4], "big")
        if image[at + 1] == MARKER:
            found.append(image[at + 4 : at + 2 + length])
        at += 2 + length
    return found


def _hevc_user_data(image: bytes) -> list[bytes]:
    """What our SEI units hold."""
    found = (read_user_data(image[begin:end]) for kind, begin, end in units(image) if kind == SEI)
    return [body for body in found if body is not None]


def _tagged(image: bytes, body: bytes, kind: str) -> AnchorImage:
    _, version, video_index, super_index = _BODY.unpack_from(body)
    if version == _PICTURE and kind == "jpeg":
        return AnchorImage(video_index, super_index, image)
    if version != _CODED or len(body) < _BODY.size + _FURTHER.size:
        raise HybridError(f"an anchor is marked in version {version}; this reader knows versions 1 and 2")
    number, *size = _FURTHER.unpack_from(body, _BODY.size)
    if number >= len(CODECS) or image_format(CODECS[number]) != kind:
        raise HybridError(f"anchor {video_index}.{super_index} is of codec {number}, which this reader does not know")
    return AnchorImage(video_index, super_index, image, codec=CODECS[number], size=(size[0], size[1]))


def anchor_size(image: AnchorImage) -> Size:
    """Width and height that an anchor claims to have; raises HybridError naming the frame where it is damaged."""
    if image.size is not None:
        return image.size
    try:
        height, width, _, _ = simplejpeg.decode_jpeg_header(image.data)
    except ValueError as error:
        raise HybridError(f"anchor {image.name} is damaged ({error})") from error
    return width, height


def require_size(image: AnchorImage, size: Size | None) -> Size:
    """The size that an anchor claims to have; one that has to be decoded nowhere, so that it takes no memory.

    Args:
        image: the anchor.
        size: the (width, height) it must have, if that is known.

    Raises:
        HybridError: it is damaged, of another size, or of more than MAX_HR_SAMPLES; names the frame.
    """
    width, height = anchor_size(image)
    if size is not None and (width, height) != size:
        raise HybridError(f"anchor {image.name} is {width}x{height}, not {size[0]}x{size[1]}")
    if width * height > MAX_HR_SAMPLES:
        raise HybridError(f"anchor {image.name} claims to be {width}x{height}, larger than any HR picture")
    return width, height


def decode_anchor(image: AnchorImage, size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """The HR picture of an anchor that is a JPEG picture, RGB (height, width, 3).

    By simplejpeg, which gives the same picture as Pillow in half the time, and refuses images with holes, which Pillow
    shows as if they were whole.

    Args:
        image: the anchor.
        size: the (width, height) it must have; what claims another one is not decoded, so that it takes no memory.

    Raises:
        HybridError: it is damaged, of another size, or of more than MAX_HR_SAMPLES; names the frame.
    """
    require_size(image, size)
    try:
        rgb: NDArray[np.uint8] = simplejpeg.decode_jpeg(image.data, colorspace="RGB")
    except ValueError as error:
        raise HybridError(f"anchor {image.name} is damaged ({error})") from error
    return rgb
