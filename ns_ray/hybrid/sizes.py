"""Which sizes a hybrid stream's video has, from frame headers alone."""

import os
from collections import Counter
from contextlib import suppress

from ns_ray.errors import NsRayError
from ns_ray.hybrid.reader import HybridReader
from ns_ray.media.address import local
from ns_ray.media.records import RecordReader

_FEWEST = 2  # shown frames that make a size count: the header of a single one may be damaged


def largest_size(path: str, max_samples: int) -> tuple[int, int] | None:
    """Width and height of the largest LR frames that a hybrid file shows; of equally large ones those that come first.

    The file is read through, but not decoded.

    Args:
        path: the hybrid file.
        max_samples: frames of more luma samples are passed over.

    Returns:
        None where that is not known: a pipe or a URL, which is not read twice, or a video without a frame that can be
        told.
    """
    name = local(path)
    if name is None or not os.path.isfile(name):
        return None
    sizes: Counter[tuple[int, int]] = Counter()
    records = RecordReader()
    with suppress(NsRayError):  # what cannot be read on counts up to there
        for one in HybridReader(path):
            shown = [record for record in records.read(one.packet) if record.shown and not one.cut]
            sizes.update((record.width, record.height) for record in shown)
    fewest = min(_FEWEST, max(sizes.values(), default=0))
    known = [size for size, count in sizes.items() if count >= fewest and size[0] * size[1] <= max_samples]
    return max(known, key=lambda size: size[0] * size[1], default=None)
