"""Colours of a picture: the range and matrix of its samples, the primaries and transfer behind them."""

from dataclasses import dataclass
from typing import Final

import av

from ns_ray.brief_pickle import briefly_pickled
from ns_ray.errors import MediaError

LIMITED, FULL = 1, 2  # color_range of FFmpeg
RGB, BT709, UNSPECIFIED, RESERVED = 0, 1, 2, 3  # matrix, primaries and transfer of ITU-T H.273

LUMA_WEIGHTS: Final = {
    BT709: (0.2126, 0.0722),
    4: (0.30, 0.11),  # FCC
    5: (0.299, 0.114),  # BT.470 B/G
    6: (0.299, 0.114),  # SMPTE 170M
    7: (0.212, 0.087),  # SMPTE 240M
    9: (0.2627, 0.0593),  # BT.2020, non-constant luminance
}
"""Shares of red and blue in luma (KR, KB) by matrix (H.273, table 4): the matrices that can be converted."""

_OTHERS = {RGB: "RGB", 8: "YCgCo", 10: "BT.2020 constant luminance", 11: "SMPTE 2085", 14: "ICtCp"}


@briefly_pickled
@dataclass(frozen=True, slots=True)
class Colors:
    """Colour tags as H.273 codes, range as FFmpeg's, and whether samples are RGB."""

    range: int
    matrix: int
    primaries: int
    transfer: int
    rgb: bool = False

    @property
    def standard(self) -> bool:
        """Whether all of them say BT.709, limited range."""
        return (self.range, self.matrix, self.primaries, self.transfer) == (LIMITED, BT709, BT709, BT709)

    @property
    def assumed(self) -> "Colors":
        """What is unspecified, or of no meaning, taken for BT.709, limited range (full range for RGB)."""
        matrix, primaries, transfer = (
            BT709 if code in (UNSPECIFIED, RESERVED) else code for code in (self.matrix, self.primaries, self.transfer)
        )
        return Colors(self.range or (FULL if self.rgb else LIMITED), matrix, primaries, transfer, self.rgb)


UNKNOWN = Colors(0, UNSPECIFIED, UNSPECIFIED, UNSPECIFIED)
STANDARD = Colors(LIMITED, BT709, BT709, BT709)
"""What super-resolution takes and trained on."""


def colors_of(frame: av.VideoFrame) -> Colors:
    """The colours that a decoded frame is tagged with."""
    rgb = frame.format.is_rgb
    full = FULL if frame.format.name.startswith("yuvj") else frame.color_range
    return Colors(
        int(full),
        BT709 if rgb else int(frame.colorspace),
        int(frame.color_primaries),
        int(frame.color_trc),
        rgb=rgb,
    )


def require_convertible(colors: Colors, whose: str) -> None:
    """Refuse samples that are not luma and two colour differences; raises MediaError naming whose, and the matrix."""
    matrix = colors.assumed.matrix
    if colors.rgb or matrix not in LUMA_WEIGHTS:
        name = "RGB" if colors.rgb else _OTHERS.get(matrix, f"H.273 code {matrix}")
        raise MediaError(f"{whose}: its colour matrix, {name}, cannot be converted; encode it as BT.709")
