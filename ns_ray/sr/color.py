"""YUV 4:2:0 <-> RGB, BT.709 limited range, in PyTorch on any device.

Chroma is left-sited, as MPEG-2 and H.264 have it by default: a chroma sample lies on the even luma columns,
half-way between two rows. It is interpolated linearly on the way to RGB, and filtered with (1 2 1)/4 across and
(1 1)/2 down on the way back; pictures end in repeats of their last row and column. Matrix and ranges: ITU-R
BT.709-6, 8 bits: Y in 16..235, Cb and Cr in 16..240.
"""

import torch
from torch import Tensor
from torch.nn import functional

_RED, _BLUE = 0.2126, 0.0722
_GREEN = 1 - _RED - _BLUE


def chroma_size(height: int, width: int) -> tuple[int, int]:
    """Rows and columns of a chroma plane; odd luma sizes round up."""
    return (height + 1) // 2, (width + 1) // 2


def yuv_to_rgb(y: Tensor, u: Tensor, v: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """uint8 planes -> RGB in 0..1.

    Args:
        y: (H, W).
        u: ((H+1)//2, (W+1)//2).
        v: the same.
        dtype: of the result; the arithmetic is float32.

    Returns:
        (1, 3, H, W), channels-last, clamped.
    """
    height, width = y.shape
    luma = (y.to(torch.float32) - 16) * (1 / 219)
    cb, cr = _upsample(torch.stack((u, v)).to(torch.float32).sub_(128).mul_(1 / 224), height, width)
    red = luma + cr * (2 * (1 - _RED))
    blue = luma + cb * (2 * (1 - _BLUE))
    green = luma - cb * (2 * (1 - _BLUE) * _BLUE / _GREEN) - cr * (2 * (1 - _RED) * _RED / _GREEN)
    rgb = torch.stack((red, green, blue), dim=-1).clamp_(0, 1).to(dtype)
    return rgb.permute(2, 0, 1)[None]


def rgb_to_yuv(rgb: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """RGB (1, 3, H, W), clamped to 0..1 -> uint8 planes (H, W) and twice ((H+1)//2, (W+1)//2), rounded."""
    red, green, blue = rgb[0].to(torch.float32).clamp(0, 1)
    luma = red * _RED + green * _GREEN + blue * _BLUE
    chroma = torch.stack(((blue - luma) * (0.5 / (1 - _BLUE)), (red - luma) * (0.5 / (1 - _RED))))
    u, v = _downsample(chroma).mul_(224).add_(128.5).to(torch.uint8)
    return luma.mul_(219).add_(16.5).to(torch.uint8), u, v


def rgb_to_uint8(rgb: Tensor) -> Tensor:
    """RGB (1, 3, H, W) in 0..1 -> (H, W, 3) uint8, clamped, rounded; contiguous if `rgb` is channels-last."""
    return rgb[0].permute(1, 2, 0).to(torch.float32).mul(255).add_(0.5).clamp_(0, 255).to(torch.uint8)


def _upsample(chroma: Tensor, height: int, width: int) -> Tensor:
    """(2, h, w) -> (2, height, width)."""
    above = functional.pad(chroma, (0, 0, 1, 0), mode="replicate")[:, :-1]
    below = functional.pad(chroma, (0, 0, 0, 1), mode="replicate")[:, 1:]
    rows = torch.stack((chroma * 0.75 + above * 0.25, chroma * 0.75 + below * 0.25), dim=2).flatten(1, 2)[:, :height]
    right = functional.pad(rows, (0, 1), mode="replicate")[:, :, 1:]
    return torch.stack((rows, (rows + right) * 0.5), dim=3).flatten(2)[:, :, :width]


def _downsample(chroma: Tensor) -> Tensor:
    """(2, H, W) -> (2, (H+1)//2, (W+1)//2)."""
    height, width = chroma.shape[1:]
    chroma = functional.pad(chroma, (1, 1 + width % 2, 0, height % 2), mode="replicate")
    rows = (chroma[:, ::2] + chroma[:, 1::2]) * 0.5
    return rows[:, :, :-2:2] * 0.25 + rows[:, :, 1:-1:2] * 0.5 + rows[:, :, 2::2] * 0.25
