"""The picture of a run for people: crops side by side for the report, and a line for the terminal."""

import base64
from collections.abc import Mapping
from html import escape
from pathlib import Path

from ns_ray.report.results import PICTURES, CropResult, PictureResult
from ns_ray.report.tables import clean

_SOURCES = {
    "super-resolved": "super-resolved by the DNN, encoded anew",
    "anchor": "an anchor, super-resolved by the DNN",
    "rebuilt": "no anchor, rebuilt from anchors",
    "upscaled": "no anchor, and none before it: upscaled",
    "repeated": "damaged: the frame before it",
}
_IMAGES = {"bicubic": "LR, upscaled (bicubic)", "enhanced": "Enhanced", "reference": "Reference"}


def picture_line(picture: PictureResult) -> str:
    """The picture in one line of text: PSNR of what is enhanced and of bicubic, or why there is none."""
    told = [
        f"frame {crop.frame} ({crop.source}): enhanced {crop.psnr['enhanced']:.2f} dB, "
        f"bicubic {crop.psnr['bicubic']:.2f} dB"
        for crop in picture.crops
        if crop.psnr
    ]
    if not told:
        return picture.note or "no reference to compare with"
    note = f" ({picture.note})" if picture.note else ""
    return f"{picture.stream}, luma PSNR: {'; '.join(told)}{note}"


def picture_section(picture: PictureResult, labels: Mapping[str, str], folder: Path, figures: str = "") -> str:
    """The crops for the report's HTML, of which their images, files below `folder`, become part; empty without any.

    Args:
        picture: what is shown.
        labels: what streams are called, by their names.
        folder: the run's.
        figures: HTML that goes below the first crop.
    """
    stream = labels.get(picture.stream, picture.stream)
    shown = [_crop(crop, stream, folder) for crop in picture.crops]
    crops = "".join((*shown[:1], figures, *shown[1:]))
    note = f'<p class="note">{_text(picture.note)}</p>' if picture.note else ""
    if not crops:
        return f"<section><h2>Picture</h2>{note}</section>" if note else ""
    beside = (
        f"Reference: {picture.reference}." if picture.reference else "No reference is known: name it by --reference."
    )
    about = f"The window without lettering of each frame where enhancing changes most. PSNR is that of luma. {beside}"
    return f'<section class="picture">{crops}<p class="note">{_text(about)}</p>{note}</section>'


def _crop(crop: CropResult, stream: str, folder: Path) -> str:
    left, top, width, height = crop.window
    title = f"Frame {crop.frame} of {stream}: {_SOURCES.get(crop.source, crop.source)}"
    shown = "".join(
        f'<figure><img alt="{name}" width="{width}" height="{height}" src="{_data(folder, crop.images[name])}">'
        f"<figcaption><b>{title}</b>{_psnr(crop, name)}</figcaption></figure>"
        for name, title in _IMAGES.items()
        if name in crop.images
    )
    where = f"{width}x{height} HR pixels from ({left}, {top}) on"
    return f'<h2>{_text(title)}</h2><div class="crops" title="{_text(where)}">{shown}</div>'


def _psnr(crop: CropResult, name: str) -> str:
    def figure(psnr: dict[str, float]) -> str:
        return f"{psnr[name]:.2f} dB" + ("" if name == "bicubic" else f" ({psnr[name] - psnr['bicubic']:+.2f})")

    return f"{figure(crop.psnr)}; this window {figure(crop.window_psnr)}" if name in crop.psnr else ""


def _data(folder: Path, name: str) -> str:
    """A PNG file as an address; empty where it is not there any more. Whatever its name says, it lies in `PICTURES`."""
    try:
        image = (folder / PICTURES / Path(name).name).read_bytes()
    except OSError:
        return ""
    return "data:image/png;base64," + base64.b64encode(image).decode()


def _text(text: str) -> str:
    return escape(clean(text))
