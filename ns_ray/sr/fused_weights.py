"""Weights in the order in which the kernels' lanes hold them, all in one block of bytes: switching is one copy."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ns_ray.sr.spec import ModelSpec
from ns_ray.sr.weights import Weights

_ALIGNMENT = 256
_TAIL_OUTPUTS = 8


@dataclass(frozen=True, slots=True)
class Section:
    """Where the weights (float16) and biases (float32) of one kernel begin, in bytes."""

    weights: int
    bias: int


@dataclass(frozen=True, slots=True)
class PackedWeights:
    """One block of bytes (uint8) and its sections by name: `head`, `block0`, ..., `fuse`, `upsample`, `tail`."""

    data: Tensor
    sections: Mapping[str, Section]


def pack(spec: ModelSpec, weights: Weights) -> PackedWeights:
    """Reorders and rounds weights; where they lie depends on `spec` alone.

    Args:
        spec: a model of 16 or 32 channels, scale 2 or 3.
        weights: its tensors, on any device; the result is on the CPU.
    """
    state = {name: value.detach().to("cpu", torch.float32) for name, value in weights.items()}
    parts: dict[str, tuple[Tensor, Tensor]] = {"head": _head(spec, state)}
    for block in range(spec.blocks):
        sides = [_convolution(spec, state, f"blocks.{block}.{side}") for side in ("first", "second")]
        parts[f"block{block}"] = torch.cat([side[0] for side in sides]), torch.cat([side[1] for side in sides])
    parts["fuse"] = _convolution(spec, state, "fuse")
    parts["upsample"] = _upsample(spec, state)
    parts["tail"] = _tail(state)
    sections: dict[str, Section] = {}
    data: list[Tensor] = []
    size = 0

    def append(values: Tensor) -> int:
        nonlocal size
        begin, content = size, values.contiguous().view(torch.uint8)
        data.append(functional.pad(content, (0, -len(content) % _ALIGNMENT)))
        size += len(data[-1])
        return begin

    for name, (matrix, bias) in parts.items():
        sections[name] = Section(append(matrix.to(torch.float16)), append(bias))
    return PackedWeights(torch.cat(data), sections)


def fragments(matrix: Tensor) -> Tensor:
    """(N, K, columns) -> flat, as the lanes of `mma.m16n8k16` hold its right-hand matrices of 16 by 8."""
    count, inputs, columns = matrix.shape
    parts = matrix.reshape(count, inputs // 16, 2, 4, 2, columns // 8, 8)  # half, member, pair; group
    return parts.permute(0, 1, 5, 6, 3, 2, 4).reshape(-1)


def member_columns(features: int) -> Tensor:
    """Which channel each column computes, so that a lane's columns are neighbouring channels."""
    return torch.arange(features).reshape(4, features // 8, 2).permute(1, 0, 2).reshape(-1)


def _taps(weight: Tensor) -> Tensor:
    """(outputs, inputs, 3, 3) -> (9, inputs, outputs)."""
    return weight.permute(2, 3, 1, 0).reshape(9, weight.shape[1], weight.shape[0])


def _convolution(spec: ModelSpec, state: Weights, name: str) -> tuple[Tensor, Tensor]:
    order = member_columns(spec.features)
    return fragments(_taps(state[f"{name}.weight"])[:, :, order]), state[f"{name}.bias"][order]


def _head(spec: ModelSpec, state: Weights) -> tuple[Tensor, Tensor]:
    """A row of taps is one matrix: 4 pixels of 4 values, of which 3 by 3 count."""
    order = member_columns(spec.features)
    rows = state["head.weight"].permute(2, 3, 1, 0)[..., order]
    padded = functional.pad(rows, (0, 0, 0, 1, 0, 1)).reshape(3, 16, spec.features)
    return fragments(padded), state["head.bias"][order]


def _upsample(spec: ModelSpec, state: Weights) -> tuple[Tensor, Tensor]:
    """Columns in the order HR row, HR column, channel."""
    order = torch.arange(spec.features * spec.scale**2).reshape(spec.features, -1).T.reshape(-1)
    return fragments(_taps(state["upsample.0.weight"])[:, :, order]), state["upsample.0.bias"][order]


def _tail(state: Weights) -> tuple[Tensor, Tensor]:
    """In levels of 8 bits."""
    missing = _TAIL_OUTPUTS - 3
    weight, bias = _taps(state["tail.weight"]) * 255, state["tail.bias"] * 255
    return fragments(functional.pad(weight, (0, missing))), functional.pad(bias, (0, missing))
