"""What everything is compared with: LR pictures that are merely upscaled."""

import torch

from ns_ray.picture.yuv import Plane, Yuv420, resize

UPSCALED = ("bilinear", "bicubic")
"""By swscale, LR samples in the middle of their HR samples."""
LIBYUV = "libyuv"
"""Bilinear as libyuv has it, which the published gains are over: the outermost samples of both pictures coincide, so
that towards the edges the picture is up to (scale - 1) / 2 HR samples out of place."""


def upscaled(lr: Yuv420, size: tuple[int, int], name: str) -> Yuv420:
    """A picture scaled to (width, height), by one of `UPSCALED` or as `LIBYUV`."""
    if name != LIBYUV:
        return resize(lr, size, name.upper())
    rows, columns = size[1], size[0]
    chroma = (rows + 1) // 2, (columns + 1) // 2
    return Yuv420(_corners(lr.y, (rows, columns)), _corners(lr.u, chroma), _corners(lr.v, chroma))


def _corners(plane: Plane, shape: tuple[int, int]) -> Plane:
    samples = torch.tensor(plane, dtype=torch.float32)[None, None]
    larger = torch.nn.functional.interpolate(samples, shape, mode="bilinear", align_corners=True)
    made: Plane = larger[0, 0].round_().to(torch.uint8).numpy()
    return made
