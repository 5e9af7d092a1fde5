"""Images that keep to a number of bytes, by their quality."""

from collections.abc import Callable, Sequence
from math import log2
from typing import NamedTuple, TypeVar

from ns_ray.picture.coding import Coding

Image = TypeVar("Image", bound=bytes | memoryview)
AIM, ENOUGH = 0.96, 0.92
"""Of a limit: what is aimed at, and what is so near that no more is tried."""
_FIRST = 40  # quality of the first try where nothing is expected
_DOUBLING = 22  # points of quality for twice the bytes: 16 to 27, by the codec
_TRIES = 5


class _Tried(NamedTuple):
    """A quality, and log2 of the bytes that it took."""

    quality: int
    took: float


def fitted(encode: Callable[[Coding], Image], coding: Coding, expected: Sequence[float] | None = None) -> Image:
    """An image at its quality, or where that takes more than its limit at a lower one, whose bytes come near to that.

    The same picture gives the same image: nothing is remembered from one to the next. Within five tries the best that
    keeps to the limit is taken, or the smallest where none does.

    Args:
        encode: compresses the picture; more quality takes more bytes, about.
        coding: the codec, the highest quality, and the limit.
        expected: bytes at qualities 1 to 100, where something is known of them; qualities at which they are equal give
            the same image.
    """
    if not coding.limit:
        return encode(coding)
    curve = [log2(size) for size in expected] if expected else [quality / _DOUBLING for quality in range(1, 101)]
    fits: _Tried | None = None
    beyond: _Tried | None = None
    quality = _next(None, None, curve, coding) if expected else min(coding.quality, _FIRST)
    best: Image | None = None
    for _ in range(_TRIES):
        if quality is None:
            break
        image = encode(coding._replace(quality=quality))
        tried = _Tried(quality, log2(len(image)))
        if len(image) > coding.limit:
            beyond = tried
            best = best if fits else image
        else:
            fits, best = tried, image
            if len(image) >= ENOUGH * coding.limit:
                break
        quality = _next(fits, beyond, curve, coding)
    assert best is not None
    return best


def _next(fits: _Tried | None, beyond: _Tried | None, curve: Sequence[float], coding: Coding) -> int | None:
    """The quality to try next; None where there is none left that promises more."""
    known = [tried for tried in (fits, beyond) if tried]
    at = [curve[tried.quality - 1] for tried in known]
    first = fits.quality + 1 if fits else 1
    last = beyond.quality - 1 if beyond else coding.quality
    left = [quality for quality in range(first, last + 1) if curve[quality - 1] not in at]
    if not left:
        return None
    slope = (known[1].took - known[0].took) / (at[1] - at[0]) if len(known) == 2 else 1.0
    offset = known[0].took - slope * at[0] if known else 0.0
    promised = {quality: offset + slope * curve[quality - 1] for quality in left}  # the curve through what was tried
    near = [quality for quality in left if promised[quality] <= log2(AIM * coding.limit)]
    if near:
        return near[-1]
    return left[0] if fits is None or promised[left[0]] <= log2(coding.limit) else None
