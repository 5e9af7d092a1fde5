"""From device memory to host memory, while the device goes on."""

from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ns_ray.sr.engine import Begun, Planes


def download(parts: list[Tensor]) -> Begun:
    """Starts copies of a picture, RGB or three planes, behind the work of the current stream; a CPU's needs none.

    Returns:
        What waits for them, and gives the arrays.
    """
    device = parts[0].device
    if device.type == "cpu":
        return partial(_arrays, parts)
    # The pinned memory allocator hands a buffer out again only when the copies that use it are done.
    host = [torch.empty(part.shape, dtype=part.dtype, pin_memory=True) for part in parts]
    for target, part in zip(host, parts, strict=True):
        target.copy_(part, non_blocking=True)
    done = torch.cuda.Event()  # type: ignore[no-untyped-call]
    done.record(torch.cuda.current_stream(device))
    return partial(_arrays, host, done)


def _arrays(parts: list[Tensor], done: torch.cuda.Event | None = None) -> NDArray[np.uint8] | Planes:
    if done:
        done.synchronize()
    arrays = [part.numpy() for part in parts]
    return arrays[0] if len(arrays) == 1 else (arrays[0], arrays[1], arrays[2])
