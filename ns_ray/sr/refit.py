"""The weights of a model in one block of memory, from which an engine's weights are replaced by name."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ns_ray.errors import ModelError
from ns_ray.sr.models import Edsr
from ns_ray.sr.spec import ModelSpec
from ns_ray.sr.weights import Weights

_ALIGNMENT = 256


@dataclass(frozen=True, slots=True)
class RefitLayout:
    """Where each weight is in the block.

    Attributes:
        places: name, as in the state dict and in the ONNX model -> (offset in bytes, number of values).
        nbytes: of the block.
    """

    places: dict[str, tuple[int, int]]
    nbytes: int


def refit_layout(spec: ModelSpec) -> RefitLayout:
    """The layout of a model's weights as float16, each at a multiple of 256 bytes."""
    with torch.device("meta"):
        state = Edsr(spec).state_dict()
    places, end = {}, 0
    for name, tensor in state.items():
        places[name] = end, tensor.numel()
        end += -(-tensor.numel() * 2 // _ALIGNMENT) * _ALIGNMENT
    return RefitLayout(places, end)


def check_refittable(spec: ModelSpec, names: Collection[str]) -> None:
    """An engine must let all weights of its model be replaced, and no others, by the names of the state dict.

    Raises:
        ModelError: `names`, what the engine lets be replaced, are others.
    """
    wanted = refit_layout(spec).places.keys()
    if wanted != set(names):
        odd = sorted(wanted ^ set(names))
        side = "cannot replace" if odd[0] in wanted else "would also replace"
        raise ModelError(
            f"the TensorRT plan of {spec} {side} '{odd[0]}' ({len(odd)} names differ): "
            "delete the plan, and build it again from an ONNX file of jobs/export_onnx.py"
        )


def pack(spec: ModelSpec, weights: Weights, block: NDArray[np.uint8]) -> None:
    """Writes a checked state dict into a block of `refit_layout(spec).nbytes` bytes, as float16.

    Raises:
        ModelError: a weight exceeds what float16 holds.
    """
    for name, (offset, count) in refit_layout(spec).places.items():
        half = weights[name].detach().to("cpu", torch.float16).reshape(-1)
        if not bool(half.isfinite().all()):
            raise ModelError(f"'{name}' of {spec} does not fit into float16: use the engine torch, or train it again")
        block[offset : offset + 2 * count].view(np.float16)[:] = half.numpy()
