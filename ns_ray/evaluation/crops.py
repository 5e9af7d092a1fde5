"""The same window of a frame by several methods, as PNG images."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ns_ray.evaluation.trial import Shown
from ns_ray.metrics.psnr import bounded_psnr
from ns_ray.picture.colors import STANDARD
from ns_ray.picture.convert import to_rgb
from ns_ray.picture.png import png
from ns_ray.picture.yuv import Plane, resize
from ns_ray.report.crops import cut, lettering, most_changed
from ns_ray.whole_file import write_whole


def method_crops(frame: Shown, before: Plane | None, names: Iterable[str], folder: Path, below: str) -> dict[str, Any]:
    """Write the window without lettering where bilinear errs most, which is the same whatever the methods are.

    Args:
        frame: the frame.
        before: LR luma of the frame before; None where there is none.
        names: of its methods, in their order.
        folder: where the figures go.
        below: folder of the images, in that one.

    Returns:
        `frame`, `window` (left, top, width and height, in HR samples), `images` (paths from `folder`: `bilinear`, the
        methods, `original`) and `psnr` (luma, of the whole frame, dB).
    """
    original = frame.original
    rows, columns = original.y.shape
    pictures = {"bilinear": resize(frame.lr, (columns, rows), "BILINEAR")}
    pictures |= {name: seen.picture for name, seen in zip(names, frame.methods, strict=True)}
    window = most_changed(pictures["bilinear"].y, original.y, lettering(frame.lr.y, before, (rows, columns)))
    images = {}
    for name, picture in (pictures | {"original": original}).items():
        images[name] = f"{below}/{name.replace(' ', '_')}.png"
        write_whole(folder / images[name], png(to_rgb(cut(picture, window), STANDARD)))
    return {
        "frame": frame.packet.video_index,
        "window": list(window),
        "images": images,
        "psnr": {name: round(bounded_psnr(one.y, original.y), 4) for name, one in pictures.items()},
    }
