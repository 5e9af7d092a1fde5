"""Colours of a picture: the range and matrix of its samples, the primaries and transfer behind them."""

from dataclasses import dataclass

import av

LIMITED, FULL = 1, 2  # color_range of FFmpeg
BT709, UNSPECIFIED = 1, 2  # matrix, primaries and transfer of ITU-T H.273


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
        """What is unspecified taken for BT.709, limited range (full range for RGB)."""
        matrix, primaries, transfer = (
            BT709 if code == UNSPECIFIED else code for code in (self.matrix, self.primaries, self.transfer)
        )
        return Colors(self.range or (FULL if self.rgb else LIMITED), matrix, primaries, transfer, self.rgb)


UNKNOWN = Colors(0, UNSPECIFIED, UNSPECIFIED, UNSPECIFIED)


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
