"""What is compressed of an anchor, made on a GPU by our own kernels (kernels/stacked.cu)."""

from ctypes import c_float, c_int, c_void_p
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ns_ray.hybrid.grey_bytes import STEPS
from ns_ray.hybrid.grey_jpeg import BASIS, DEAD_ZONE, SIDE
from ns_ray.picture.prediction import WEIGHTS
from ns_ray.sr.cuda_program import CudaProgram
from ns_ray.sr.engine import Planes

SOURCE = Path(__file__).with_name("kernels") / "stacked.cu"
_THREADS = 128
_COPIES = 128  # of counters, so that blocks do not wait for one another


class StackedKernels:
    """The kernels on one device; they run in the order of the current stream."""

    def __init__(self, device: torch.device) -> None:
        """Compiles them; takes a second.

        Raises:
            ModelError: NVRTC is missing, or does not compile for this GPU.
        """
        self._device = device
        self._program = CudaProgram(SOURCE, {}, device)
        self._basis = torch.from_numpy(BASIS).to(device)
        self._limits = torch.tensor([DEAD_ZONE * step for step in STEPS], dtype=torch.float32, device=device)
        self._weights = {
            scale: torch.tensor(weights, dtype=torch.int32, device=device) for scale, weights in WEIGHTS.items()
        }

    def stacked(self, pixels: Tensor, lr: Planes, residual: bool) -> Tensor:
        """What `compressible` returns, before the GPU has made it.

        Args:
            pixels: (H, W, 3) uint8 RGB, contiguous, on the device.
            lr: the planes it was made from.
            residual: whether the prediction is taken off.
        """
        rows, columns, _ = pixels.shape
        half_rows, half_columns = (rows + 1) // 2, (columns + 1) // 2
        made = torch.empty(rows + half_rows, 2 * half_columns, dtype=torch.uint8, device=self._device)
        lr_rows, lr_columns = lr[0].shape
        scale = rows // lr_rows if residual else 0
        source = self._uploaded(lr) if residual else made
        grid = -(-half_columns // _THREADS), half_rows
        weights = self._weights[scale] if residual else made
        sizes = map(c_int, (rows, columns, lr_rows, lr_columns, scale))
        self._program.launch("stack", grid, _THREADS, 0, *map(_at, (pixels, source, weights, made)), *sizes)
        return made

    def settled(self, plane: Tensor, step: int) -> Tensor:
        """A plane with its coefficients where a quantiser has them, those in the dead zone at 0.

        Args:
            plane: (H, W) uint8, contiguous, on the device.
            step: of all coefficients, `grey_jpeg.FINEST` or more.
        """
        rows, columns = plane.shape
        made = torch.empty_like(plane)
        grid = -(-columns // (SIDE * _THREADS)), -(-rows // SIDE)
        sizes = map(c_int, (rows, columns, step))
        self._program.launch(
            "settle", grid, _THREADS, 0, *map(_at, (plane, self._basis, made)), *sizes, c_float(DEAD_ZONE)
        )
        return made

    def counts(self, plane: Tensor) -> NDArray[np.int64]:
        """What `grey_bytes.counts` returns, of a (H, W) uint8 plane, contiguous, on the device; waits for it."""
        rows, columns = plane.shape
        counted = torch.zeros(_COPIES, len(STEPS), 2, dtype=torch.int32, device=self._device)
        grid = -(-columns // (SIDE * _THREADS)), -(-rows // SIDE)
        sizes = map(c_int, (rows, columns, len(STEPS), _COPIES))
        at = map(_at, (plane, self._basis, self._limits, counted))
        self._program.launch("count", grid, _THREADS, 0, *at, *sizes)
        here = torch.empty(counted.shape, dtype=torch.int32, pin_memory=True)
        here.copy_(counted, non_blocking=True)
        torch.cuda.current_stream(self._device).synchronize()
        totals: NDArray[np.int64] = here.numpy().sum(axis=0, dtype=np.int64)
        return totals

    def _uploaded(self, planes: Planes) -> Tensor:
        """Planes one behind the other; what they are copied through is kept by PyTorch until the GPU has them."""
        staged = torch.empty(sum(plane.size for plane in planes), dtype=torch.uint8, pin_memory=True)
        np.concatenate([plane.ravel() for plane in planes], out=staged.numpy())
        return staged.to(self._device, non_blocking=True)


@cache
def kernels(device: torch.device) -> StackedKernels:
    """Those of a device, compiled once."""
    return StackedKernels(device)


def _at(tensor: Tensor) -> c_void_p:
    return c_void_p(tensor.data_ptr())
