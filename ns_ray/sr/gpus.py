"""Which GPU a device name means, and what it is called."""

import re
from dataclasses import dataclass

import torch

from ns_ray.errors import ModelError


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU: its index among those visible, its name (`Tesla T4`) and its compute capability."""

    index: int
    name: str
    capability: tuple[int, int]


def find_gpu(device: str) -> Gpu:
    """The GPU of a device name, `cuda` or `cuda:<index>`.

    Raises:
        ModelError: it is no GPU's name, or there is no such GPU.
    """
    match = re.fullmatch(r"cuda(?::(\d+))?", device)
    if match is None:
        raise ModelError(f"TensorRT needs an NVIDIA GPU, {device} is none: use the engine torch, or a device as cuda:0")
    index, count = int(match[1] or 0), torch.cuda.device_count()
    if index >= count:
        raise ModelError(f"TensorRT cannot run on {device}: PyTorch finds {count} GPUs here")
    return Gpu(index, torch.cuda.get_device_name(index), torch.cuda.get_device_capability(index))
