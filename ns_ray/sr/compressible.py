"""What of an engine's picture is compressed, made where the picture is: to the same bits on a CPU and a GPU.

On a GPU by `stacked_kernels`, else by PyTorch. All of it is in integers; float32 holds the sums of the prediction
exactly, as they stay below 2^24.
"""

import torch
from torch import Tensor
from torch.nn import functional

from ns_ray.picture.coding import Coding
from ns_ray.picture.prediction import WEIGHTS, ZERO
from ns_ray.sr.engine import Planes
from ns_ray.sr.stacked_kernels import kernels

_LUMA = (11966, 40254, 4064)  # BT.709, from full range to 16..235, in 1/65536
_CHROMA = ((-6596, -22189, 28785), (28784, -26145, -2639))  # to 16..240
_REACH = 3  # LR samples of the prediction, to either side


@torch.inference_mode()
def compressible(pixels: Tensor, lr: Planes, coding: Coding) -> Tensor:
    """What a codec takes: RGB as it is for `jpeg`, else stacked planes (`ns_ray.picture.stacked`) of BT.709.

    Args:
        pixels: the engine's picture, (H, W, 3) uint8 RGB.
        lr: the planes it was made from, of which a residual is taken.
        coding: the codec.

    Returns:
        uint8 on the device of `pixels`, contiguous; on a GPU it returns before the work of the current stream is done.
    """
    if coding.codec == "jpeg":
        return pixels
    if pixels.is_cuda:
        return kernels(pixels.device).stacked(pixels, lr, coding.residual)
    planes = [_luma(pixels), *_chroma(pixels)]
    if coding.residual:
        scale = pixels.shape[0] // lr[0].shape[0]
        for plane, source in zip(planes, lr, strict=True):
            plane -= _predicted(torch.from_numpy(source.copy()), scale, plane.shape)
            plane += ZERO
    y, u, v = (plane.clamp_(0, 255).to(torch.uint8) for plane in planes)
    if y.shape[1] % 2:
        y = torch.cat((y, y[:, -1:]), dim=1)
    return torch.cat((y, torch.cat((u, v), dim=1)))


def _weighed(rgb: Tensor, weights: tuple[int, int, int], offset: int, shift: int) -> Tensor:
    """A plane of whole numbers from RGB (H, W, 3), int32; `weights` in 1 / 2^shift."""
    total = rgb[..., 0] * weights[0]
    total += rgb[..., 1] * weights[1]
    total += rgb[..., 2] * weights[2]
    total += (offset << shift) + (1 << shift - 1)
    return total >> shift


def _luma(pixels: Tensor) -> Tensor:
    return _weighed(pixels.to(torch.int32), _LUMA, 16, 16)


def _chroma(pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Both planes; chroma lies as `ns_ray.sr.color` has it, and is filtered likewise."""
    if pixels.shape[0] % 2:
        pixels = torch.cat((pixels, pixels[-1:]))
    rows = pixels[::2].to(torch.int32)
    rows += pixels[1::2]
    middle = rows[:, ::2]
    right = rows[:, 1::2]
    if right.shape[1] < middle.shape[1]:
        right = torch.cat((right, rows[:, -1:]), dim=1)
    left = torch.cat((rows[:, :1], right[:, : middle.shape[1] - 1]), dim=1)
    eightfold = middle * 2
    eightfold += left
    eightfold += right
    u, v = (_weighed(eightfold, weights, 128, 19) for weights in _CHROMA)
    return u, v


def _predicted(plane: Tensor, scale: int, shape: torch.Size) -> Tensor:
    """The prediction of a plane (h, w) uint8 at HR, (rows, columns) int32."""
    wide = _stretched(plane.to(torch.float32), scale)[:, : shape[1]]
    tall = _stretched(wide.t(), scale)[:, : shape[0]].t()
    return tall.to(torch.int32).add_(2048).bitwise_right_shift_(12).clamp_(0, 255)


def _stretched(plane: Tensor, scale: int) -> Tensor:
    """(h, w) -> (h, w * scale), in 64 times the unit."""
    width = plane.shape[1]
    padded = functional.pad(plane[None], (_REACH, _REACH), mode="replicate")[0]
    phases = []
    for weights in WEIGHTS[scale]:
        phase = torch.zeros_like(plane)
        for tap, weight in enumerate(weights):
            if weight:
                phase.add_(padded[:, tap : tap + width], alpha=weight)
        phases.append(phase)
    return torch.stack(phases, dim=2).flatten(1)
