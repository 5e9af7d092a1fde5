"""EDSR without batch normalisation, as NeuroScaler (SIGCOMM'22) publishes it, and its models' names."""

import re
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from ns_ray.errors import ModelError

SHIPPED = ("EDSR_B8_F16_S3", "EDSR_B8_F32_S3")
"""Models whose weights come with the project."""

_NAME = re.compile(r"EDSR_B([1-9]\d{0,2})_F([1-9]\d{0,3})_S([234])")


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """What a model's name says: how many residual blocks, how many channels, and HR/LR."""

    blocks: int
    features: int
    scale: int

    @classmethod
    def parse(cls, name: str) -> Self:
        """Reads a name like `EDSR_B8_F32_S3`.

        Raises:
            ModelError: no such model; the message names the choices.
        """
        match = _NAME.fullmatch(name)
        if match is None:
            raise ModelError(
                f"unknown model '{name}': choose {' or '.join(SHIPPED)} (weights included), or any "
                "EDSR_B<blocks>_F<channels>_S<scale> of scale 2, 3 or 4 with weights of your own"
            )
        return cls(*map(int, match.groups()))

    @property
    def name(self) -> str:
        """The name that `parse` reads."""
        return f"EDSR_B{self.blocks}_F{self.features}_S{self.scale}"

    @property
    def upsampling(self) -> tuple[int, ...]:
        """The factors of the pixel shuffles, in order: scale 4 is twice by 2."""
        return (2, 2) if self.scale == 4 else (self.scale,)

    def __str__(self) -> str:
        return self.name


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
