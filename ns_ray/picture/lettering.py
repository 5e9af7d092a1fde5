"""Words in the corner of a picture."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ns_ray.picture.yuv import Plane, Yuv420

_ROWS = 30
"""Of a picture's rows one in so many is a letter's height."""
_LEAST_ROWS = 10
_INK, _DARK = 235, 16
_SHADE = 0.35
"""How much of the picture is left behind the letters."""


def lettered(picture: Yuv420, words: str) -> Yuv420:
    """The picture, of limited range, with words in white on a darkened box at its top left; what lies outside is cut.

    Returns:
        A copy.
    """
    rows, columns = picture.y.shape
    size = max(rows // _ROWS, _LEAST_ROWS)
    letters = _letters(words, size)
    margin = size // 2 + size // 2 % 2
    height, width = (length + length % 2 for length in (letters.shape[0] + margin, letters.shape[1] + 2 * margin))
    height, width = min(height, rows), min(width, columns)
    y, u, v = (plane.copy() for plane in picture.planes)
    box = y[:height, :width]
    box[:] = np.rint(_DARK + _SHADE * (box - float(_DARK)))
    inside = box[margin // 2 :, margin:]
    ink = letters[: inside.shape[0], : inside.shape[1]] / 255
    inside = inside[: ink.shape[0], : ink.shape[1]]
    inside[:] = np.rint(inside + ink * (_INK - inside.astype(np.float64)))
    for plane in (u, v):
        _pale(plane[: (height + 1) // 2, : (width + 1) // 2])
    return Yuv420(y, u, v)


def _pale(chroma: Plane) -> None:
    chroma[:] = np.rint(128 + _SHADE * (chroma - 128.0))


@lru_cache(16)
def _letters(words: str, size: int) -> NDArray[np.uint8]:
    """How much of each sample is covered, 0 to 255, by words of about `size` rows."""
    try:
        font = ImageFont.load_default(size)
    except TypeError:  # pillow-simd knows one size, which is scaled below
        font = ImageFont.load_default()
    _, top, right, bottom = map(round, font.getbbox(words))
    image = Image.new("L", (right + 1, bottom - top + 1))
    ImageDraw.Draw(image).text((0, -top), words, 255, font)
    times = max(1, round(size / (2 * image.height)))
    return np.asarray(image).repeat(times, 0).repeat(times, 1)
