"""Images that keep to a number of bytes, by their quality."""

from collections.abc import Callable
from math import log2
from typing import TypeVar

from ns_ray.picture.coding import Coding

Image = TypeVar("Image", bound=bytes | memoryview)
AIM, ENOUGH = 0.96, 0.92
"""Of a limit: what is aimed at, and what is so near that no more is tried."""
_FIRST = 40  # quality of the first try
_DOUBLING = 22  # points of quality for twice the bytes: 16 to 27, by the codec
_TRIES = 5

_Tried = tuple[int, int]
"""A quality, and the bytes that it took."""


def fitted(encode: Callable[[Coding], Image], coding: Coding) -> Image:
    """An image at its quality, or where that takes more than its limit at a lower one, whose bytes come near to that.

    The same picture gives the same image: nothing is remembered from one to the next. Within five tries the best that
    keeps to the limit is taken, or the smallest where none does.

    Args:
        encode: compresses the picture; more quality takes more bytes, about.
        coding: the codec, the highest quality, and the limit.
    """
    if not coding.limit:
        return encode(coding)
    fits: _Tried | None = None
    beyond: _Tried | None = None
    quality: int | None = min(coding.quality, _FIRST)
    best: Image | None = None
    for _ in range(_TRIES):
        if quality is None:
            break
        image = encode(coding._replace(quality=quality))
        if len(image) > coding.limit:
            beyond = quality, len(image)
            best = best if fits else image
        else:
            fits, best = (quality, len(image)), image
            if len(image) >= ENOUGH * coding.limit:
                break
        quality = _between(fits, beyond, coding)
    assert best is not None
    return best


def _between(fits: _Tried | None, beyond: _Tried | None, coding: Coding) -> int | None:
    """The quality to try next; None where there is none left."""
    aim = log2(AIM * coding.limit)
    if fits and beyond:
        if beyond[0] - fits[0] < 2:
            return None
        low, high = log2(fits[1]), log2(beyond[1])
        quality = fits[0] + round((aim - low) / (high - low) * (beyond[0] - fits[0]))
        return min(max(quality, fits[0] + 1), beyond[0] - 1)
    if beyond:
        quality = max(1, beyond[0] - max(1, round(_DOUBLING * (log2(beyond[1]) - aim))))
        return quality if quality < beyond[0] else None
    assert fits is not None
    quality = min(coding.quality, fits[0] + max(1, round(_DOUBLING * (aim - log2(fits[1])))))
    return quality if quality > fits[0] else None
