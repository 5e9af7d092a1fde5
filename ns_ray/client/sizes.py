"""Which sizes a hybrid stream's video has, from frame headers."""

from collections import Counter
from contextlib import suppress
from typing import Any

from ns_ray.codecs.codec import Codec, Header, codec_named
from ns_ray.errors import BitstreamError, MissingReferenceError, NsRayError
from ns_ray.hybrid.reader import HybridReader
from ns_ray.video.address import regular

_FEWEST = 2  # shown frames that make a size count: the header of a single one may be damaged

Size = tuple[int, int]


def largest_size(path: str, max_samples: int) -> Size | None:
    """Width and height of the largest LR frames that a hybrid file shows; of equally large ones those that come first.

    The file is read through, but not decoded.

    Args:
        path: the hybrid file.
        max_samples: frames of more luma samples count as damaged.

    Returns:
        None where that is not known: a pipe or a URL, which is not read twice, or a video without a frame that can be
        told.
    """
    if regular(path) is None:
        return None
    sizes: Counter[Size] = Counter()
    with suppress(NsRayError):  # what cannot be read on counts up to there
        reader = HybridReader(path)
        headers = _Headers(codec_named(reader.info.codec), max_samples)
        for one in reader:
            shown = headers.shown(one.packet.data)
            sizes.update(() if one.cut else shown)
    fewest = min(_FEWEST, max(sizes.values(), default=0))
    known = [size for size, count in sizes.items() if count >= fewest]
    return max(known, key=lambda size: size[0] * size[1], default=None)


class _Headers:
    """Reads the headers of a stream. What follows damage counts for nothing, up to where decoding can begin anew."""

    def __init__(self, codec: Codec[Any], max_samples: int) -> None:
        self._codec = codec
        self._max_samples = max_samples
        self._reader = codec.frames(max_samples)
        self._sound: set[Size] = set()  # of key frames that were read whole

    def shown(self, packet: bytes) -> list[Size]:
        """The size of what the next packet shows, if anything."""
        try:
            frames = self._reader.split(packet)
            headers = [self._header(frame) for frame in frames]
        except MissingReferenceError:
            return []
        except BitstreamError:
            self._reader = self._codec.frames(self._max_samples)
            return []
        records = self._reader.records(frames, headers, 0)
        return [(record.width, record.height) for record in records if record is not None and record.shown]

    def _header(self, frame: memoryview) -> Header:
        """A frame's header; all of a key frame is read if its size is new, as all that follow have that size."""
        header: Header = self._reader.header(frame)
        size = header.width, header.height
        if header.key and size not in self._sound:
            self._codec.motion(self._max_samples).read(frame, header)
            self._sound.add(size)
        return header
