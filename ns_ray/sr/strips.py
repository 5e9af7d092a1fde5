"""The network on a CPU, layer by layer in strips of rows that stay in cache.

What `Edsr` computes, up to rounding, 1.3 to 1.6 times as fast: the F * scale^2 channels of the upsampling
convolution are hundreds of megabytes a frame, which a strip of them is not, and the pixel shuffle turns into a copy
of whole rows once that convolution's outputs are in the order (row, column, channel).
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional

from ns_ray.errors import ModelError
from ns_ray.sr.spec import ModelSpec
from ns_ray.sr.weights import Weights

# Measured on 2 AVX2 cores: strips much larger fall out of cache, much smaller ones spend their time in calls.
_BODY_PIXELS = 46_000
_TAIL_VALUES = 2_600_000


class StripRunner:
    """One model at one LR size; float32, a frame at a time. Holds its buffers, so one caller at a time."""

    def __init__(self, spec: ModelSpec, width: int, height: int) -> None:
        """Allocates the buffers.

        Raises:
            ModelError: the scale upsamples in more than one step (scale 4).
        """
        if len(spec.upsampling) != 1:
            raise ModelError(f"{spec} upsamples in {len(spec.upsampling)} steps: strips do one")
        self._spec, self._width, self._height = spec, width, height
        features, scale = spec.features, spec.scale
        self._body_rows = max(1, _BODY_PIXELS // width)
        self._tail_rows = min(height, max(2, _TAIL_VALUES // (width * features * scale**2)))
        self._input = _padded(3, height, width)
        self._skip = _padded(features, height, width)
        self._main = _padded(features, height, width)
        self._inner = _padded(features, height, width)
        # One strip of the tail at HR with one LR row above and below: (LR row, HR row in it, W, column x F).
        self._shuffled = torch.zeros(self._tail_rows + 2, scale, width, scale * features)
        # Where the pixel shuffle's channel c, row i, column j goes: from c * S*S + i * S + j to (i, j, c).
        self._order = torch.arange(features * scale**2).view(features, scale**2).t().reshape(-1)
        self._weights: dict[str, Tensor] = {}

    def load(self, weights: Weights) -> None:
        """Switches to these weights (a checked state dict of the model)."""
        ready = dict(weights)
        for kind in ("weight", "bias"):
            ready[f"upsample.0.{kind}"] = ready[f"upsample.0.{kind}"][self._order]
        self._weights = {key: _channels_last(value) for key, value in ready.items()}

    @torch.inference_mode()
    def run(self, rgb: Tensor) -> Iterator[tuple[slice, Tensor]]:
        """RGB (1, 3, H, W) -> the HR picture from top to bottom: rows, and (1, 3, rows, W * scale) for them."""
        self._input[:, :, 1:-1] = rgb
        main, inner, skip = self._main, self._inner, self._skip
        for rows, halo in self._strips():
            skip[:, :, rows] = main[:, :, rows] = self._convolve("head", self._input[:, :, halo])
        for block in range(self._spec.blocks):
            for rows, halo in self._strips():
                inner[:, :, rows] = self._convolve(f"blocks.{block}.first", main[:, :, halo]).relu_()
            for rows, halo in self._strips():
                main[:, :, rows] += self._convolve(f"blocks.{block}.second", inner[:, :, halo])
        for rows, halo in self._strips():
            skip[:, :, rows] += self._convolve("fuse", main[:, :, halo])
        yield from self._upsampled(skip)

    def _upsampled(self, features: Tensor) -> Iterator[tuple[slice, Tensor]]:
        scale, width, height = self._spec.scale, self._width, self._height
        shuffled = self._shuffled
        picture = shuffled.view(-1, width * scale, self._spec.features).permute(2, 0, 1)[None]
        for start in range(0, height, self._tail_rows):
            stop = min(height, start + self._tail_rows)
            above, below = max(0, start - 1), min(height, stop + 1)
            first = above - (start - 1)  # 1 at the top of the picture: the row above it stays zero, as padding
            wide = self._convolve("upsample.0", features[:, :, above : below + 2]).relu_()
            rows = wide.permute(0, 2, 3, 1).view(below - above, width, scale, -1).transpose(1, 2)
            shuffled[:first].zero_()
            shuffled[first : first + below - above] = rows
            shuffled[first + below - above :].zero_()
            strip = picture[:, :, scale - 1 : scale * (stop - start + 1) + 1]
            yield slice(start * scale, stop * scale), self._convolve("tail", strip)

    def _strips(self) -> Iterator[tuple[slice, slice]]:
        """Each strip in a padded buffer: its rows, and those with one more row above and below."""
        for start in range(0, self._height, self._body_rows):
            stop = min(self._height, start + self._body_rows)
            yield slice(start + 1, stop + 1), slice(start, stop + 2)

    def _convolve(self, layer: str, rows: Tensor) -> Tensor:
        weights = self._weights
        return functional.conv2d(rows, weights[f"{layer}.weight"], weights[f"{layer}.bias"], padding=(0, 1))


def _padded(channels: int, height: int, width: int) -> Tensor:
    """Zeros, channels-last, with a row of padding above and below."""
    return _channels_last(torch.zeros(1, channels, height + 2, width))


def _channels_last(tensor: Tensor) -> Tensor:
    return tensor.contiguous(memory_format=torch.channels_last) if tensor.dim() == 4 else tensor.contiguous()
