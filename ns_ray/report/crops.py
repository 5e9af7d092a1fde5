"""What a run's output looks like: windows cut out of its frames, with LR upscaled and the reference beside them."""

from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ns_ray.client.rebuild import HrFrame
from ns_ray.metrics.psnr import bounded_psnr
from ns_ray.picture.convert import to_rgb
from ns_ray.picture.png import png
from ns_ray.picture.yuv import Plane, Yuv420, resize
from ns_ray.report.results import PICTURES, CropResult
from ns_ray.whole_file import write_whole

WINDOW = 400, 300
"""Width and height of a window in HR samples, both even: three lie side by side on a page of 1280 pixels."""
_STEP = 8
_MOST_CHANGE = 8
"""Levels of which a sample's change counts at most, so that the edges of lettering do not outweigh all else."""
_SHARP, _STILL = 48, 8
"""Levels between neighbouring LR samples that make an edge sharp; levels up to which a sample counts as unchanged."""
_MOST_LETTERING = 0.003
"""Share of a window's samples."""

T = TypeVar("T")


def crop(frame: HrFrame, original: Yuv420 | None, before: Plane | None, folder: Path) -> CropResult:
    """Cut the window out of a frame where enhancing changes most, and write its pictures to `PICTURES`.

    Args:
        frame: the frame, as the client shows it.
        original: the reference, of its size and in its colours.
        before: LR luma of the frame before; None where there is none.
        folder: of the run.
    """
    rows, columns = frame.picture.y.shape
    upscaled = resize(frame.lr, (columns, rows), "BICUBIC")
    pictures = {"bicubic": upscaled, "enhanced": frame.picture} | ({"reference": original} if original else {})
    window = most_changed(upscaled.y, frame.picture.y, lettering(frame.lr.y, before, (rows, columns)))
    cuts = {name: cut(picture, window) for name, picture in pictures.items()}
    images = {name: f"{frame.source}_{name}.png" for name in cuts}
    for name, part in cuts.items():
        write_whole(folder / PICTURES / images[name], png(to_rgb(part, frame.colors)))
    return CropResult(frame.video_index, frame.source, window, images, _psnrs(pictures), _psnrs(cuts))


def _psnrs(pictures: dict[str, Yuv420]) -> dict[str, float]:
    """Luma PSNR to the reference of all others; at most 100 dB, so that it can be written as JSON."""
    original = pictures.get("reference")
    if original is None:
        return {}
    return {name: bounded_psnr(one.y, original.y) for name, one in pictures.items() if name != "reference"}


def lettering(lr: Plane, before: Plane | None, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Which samples of a picture are sharp edges that stand still: lettering and signs over a scene that moves.

    Args:
        lr: its decoded LR luma (height, width).
        before: that of the frame before; without one, or with one of another size, nothing can be told.
        shape: rows and columns of the picture.
    """
    if before is None or before.shape != lr.shape:
        return np.zeros(shape, np.bool_)
    luma = lr.astype(np.int16)
    still = np.abs(luma - before) <= _STILL
    found = np.zeros(lr.shape, np.bool_)
    found[:, 1:] = (np.abs(np.diff(luma, axis=1)) >= _SHARP) & still[:, 1:] & still[:, :-1]
    found[1:] |= (np.abs(np.diff(luma, axis=0)) >= _SHARP) & still[1:] & still[:-1]
    rows, columns = (np.arange(wanted) * have // wanted for wanted, have in zip(shape, lr.shape, strict=True))
    return found[np.ix_(rows, columns)]


def most_changed(before: Plane, after: Plane, signs: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """The window, as left, top, width and height, over which two luma planes (height, width) differ most.

    Windows with lettering (`signs`, of the same shape) are left out, unless all have some, as in a picture that stands
    still as a whole.
    """
    rows, columns = before.shape
    width, height = min(WINDOW[0], columns & ~1 or 1), min(WINDOW[1], rows & ~1 or 1)
    change = np.minimum(np.abs(before.astype(np.int16) - after), _MOST_CHANGE)
    sums, marked = (_sums(_sums(samples, height).T, width).T for samples in (change, signs))
    clear = marked <= _MOST_LETTERING * width * height
    if clear.any():
        sums = np.where(clear, sums, -1)
    top, left = np.unravel_index(int(sums.argmax()), sums.shape)
    return int(left) * _STEP, int(top) * _STEP, width, height


def _sums(samples: NDArray[np.integer] | NDArray[np.bool_], length: int) -> NDArray[np.int64]:
    """Sums over `length` rows from every `_STEP`th row on."""
    total = np.zeros((len(samples) + 1, samples.shape[1]), np.int64)
    np.cumsum(samples, axis=0, out=total[1:])
    return total[length::_STEP] - total[: len(total) - length : _STEP]


def cut(picture: Yuv420, window: tuple[int, int, int, int]) -> Yuv420:
    """A window of a picture: left, top, width and height, in luma samples, even ones."""
    left, top, width, height = window
    chroma = slice(top // 2, (top + height + 1) // 2), slice(left // 2, (left + width + 1) // 2)
    return Yuv420(picture.y[top : top + height, left : left + width], picture.u[chroma], picture.v[chroma])


def last_of_each(frames: Iterable[tuple[HrFrame, T]], wanted: range) -> list[tuple[HrFrame, T]]:
    """A frame that is no anchor, the first whose number is `wanted`, and the last anchor before it.

    No more frames are taken than that needs, and none beyond the range. Of a stream that ends before, the last of each
    kind; only one if there is none of the other.
    """
    anchor = other = None
    for frame, beside in frames:
        if frame.source == "anchor":
            anchor = frame, beside
        else:
            other = frame, beside
        if frame.video_index >= wanted.stop - 1 or (frame.source != "anchor" and frame.video_index in wanted):
            break
    return [found for found in (other, anchor) if found is not None]
