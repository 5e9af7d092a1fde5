"""EDSR without batch normalisation, as NeuroScaler (SIGCOMM'22) publishes it, and its models' names."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from ns_ray.sr.spec import ModelSpec


def _convolution(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1)


class ResidualBlock(nn.Module):
    """conv, ReLU, conv, added to what came in. (N, F, H, W) -> the same."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.first = _convolution(features, features)
        self.second = _convolution(features, features)

    def forward(self, x: Tensor) -> Tensor:
        """(N, F, H, W) -> the same."""
        out: Tensor = x + self.second(functional.relu(self.first(x)))
        return out


class Edsr(nn.Module):
    """The network: RGB in 0..1 (N, 3, H, W) -> RGB (N, 3, H * scale, W * scale), not clamped.

    Source: Lim et al., "Enhanced Deep Residual Networks for Single Image Super-Resolution" (2017), in
    NeuroScaler's variant: a ReLU after each pixel shuffle, no mean shift.
    """

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.spec = spec
        features = spec.features
        self.head = _convolution(3, features)
        self.blocks = nn.ModuleList(ResidualBlock(features) for _ in range(spec.blocks))
        self.fuse = _convolution(features, features)
        self.upsample = nn.ModuleList(_convolution(features, factor * factor * features) for factor in spec.upsampling)
        self.tail = _convolution(features, 3)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) in 0..1 -> (N, 3, H * scale, W * scale)."""
        head = self.head(x)
        x = head
        for block in self.blocks:
            x = block(x)
        x = self.fuse(x) + head
        for convolution, factor in zip(self.upsample, self.spec.upsampling, strict=True):
            x = functional.relu(functional.pixel_shuffle(convolution(x), factor))
        out: Tensor = self.tail(x)
        return out


def build(model: ModelSpec | str, seed: int = 0) -> Edsr:
    """A network with random weights, the same ones for the same seed.

    Raises:
        ModelError: no such model.
    """
    spec = ModelSpec.parse(model) if isinstance(model, str) else model
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Edsr(spec)
