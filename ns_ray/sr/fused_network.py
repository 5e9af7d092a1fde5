"""The network as a sequence of kernels (kernels/edsr.cu): how they are tiled, and how one frame goes through them."""

import ctypes
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Protocol, Self

import torch
from torch import Tensor

from ns_ray.errors import ModelError
from ns_ray.sr.fused_weights import PackedWeights, pack
from ns_ray.sr.models import Edsr
from ns_ray.sr.spec import ModelSpec

SOURCE = Path(__file__).with_name("kernels") / "edsr.cu"

Argument = ctypes.c_void_p | ctypes.c_int

_HEAD_WIDTH, _HEAD_ROWS = 64, 8


class Program(Protocol):
    """The compiled kernels."""

    def launch(self, kernel: str, grid: tuple[int, int], threads: int, shared: int, *arguments: Argument) -> None:
        """Starts a kernel on the current stream with so many bytes of shared memory."""


@dataclass(frozen=True, slots=True)
class Tiling:
    """How the kernels share out the work; the names are the macros of the source.

    Attributes:
        block_tiles, fuse_tiles, tail_tiles: widths of the strips, in 16 LR pixels.
        block_groups: rows a residual block's ring holds, in threes; from 4 on it keeps the input until it is added.
        tail_columns: upsampled channels a warp computes, in eights.
        tail_parts: warps that share a strip's width while upsampling.
    """

    block_tiles: int
    block_groups: int
    fuse_tiles: int
    tail_tiles: int
    tail_columns: int
    tail_parts: int

    @classmethod
    def choose(cls, spec: ModelSpec, shared_limit: int) -> Self:
        """The widest strips that the shared memory of one block of threads, in bytes, has room for.

        Raises:
            ModelError: the kernels do not run this model, or not on this chip.
        """
        parts = {(32, 3): (3, 1), (32, 2): (4, 2), (16, 3): (3, 2), (16, 2): (4, 4)}
        if (spec.features, spec.scale) not in parts:
            raise ModelError(
                f"the fused engine runs 16 or 32 channels at scale 2 or 3, not {spec}: use the engine torch"
            )
        columns, share = parts[spec.features, spec.scale]
        for fuse, tiles, groups in product((4, 2), (4, 2), (4, 3)):
            tiling = cls(4, groups, fuse, tiles, columns, min(share, tiles))
            needed = tiling.shared(spec)
            if max(needed.values()) <= shared_limit:
                return tiling
        raise ModelError(f"{spec} needs {max(needed.values())} bytes of shared memory, the GPU has {shared_limit}")

    def macros(self, spec: ModelSpec) -> dict[str, int]:
        """What to compile the source with."""
        named = {name.upper(): getattr(self, name) for name in self.__slots__}
        return {"FEATURES": spec.features, "SCALE": spec.scale, **named}

    def shared(self, spec: ModelSpec) -> dict[str, int]:
        """Bytes of shared memory a block of threads of each kernel needs."""
        pixel = 2 * spec.features
        tail_width = 16 * self.tail_tiles
        shuffled = 8 * (spec.scale * tail_width + 2) * pixel
        staged = 2 * spec.scale**2 * (tail_width - 2) * 3
        return {
            "head": (_HEAD_ROWS + 2) * (_HEAD_WIDTH + 4) * 8,
            "block": (3 * self.block_groups + 6) * (16 * self.block_tiles + 2) * pixel + 8 * spec.features,
            "fuse": 12 * (16 * self.fuse_tiles + 2) * pixel + 4 * spec.features,
            "tail": 6 * (tail_width + 2) * pixel + shuffled + staged,
        }

    def threads(self, spec: ModelSpec) -> dict[str, int]:
        """Threads of a block of each kernel."""
        groups = spec.scale**2 * spec.features // 8 // self.tail_columns
        return {
            "head": 128,
            "block": 64 * self.block_tiles,
            "fuse": 32 * self.fuse_tiles,
            "tail": 32 * groups * self.tail_parts,
        }


class FusedNetwork:
    """Memory for what lies between the kernels at one LR size, and their launches."""

    def __init__(
        self,
        spec: ModelSpec,
        width: int,
        height: int,
        device: str,
        program: Program,
        tiling: Tiling,
        processors: int,
    ) -> None:
        """Allocates all memory.

        Args:
            spec: the model.
            width: LR columns.
            height: LR rows.
            device: where the kernels run.
            program: the kernels, compiled with the macros of `tiling`.
            tiling: how they share out the work.
            processors: how many blocks of threads run at once; rows are shared out to fill them.
        """
        self._program, self._spec = program, spec
        self._size = width, height
        self._shared, self._threads = tiling.shared(spec), tiling.threads(spec)
        blocks_at_once = processors * (2 if spec.features == 16 else 1)
        self._grids = {
            "block": _strips(width, height, 16 * tiling.block_tiles - 2, blocks_at_once),
            "fuse": _strips(width, height, 16 * tiling.fuse_tiles, processors * 2),
            "tail": _strips(width, height, 16 * tiling.tail_tiles - 2, processors),
        }
        with torch.device(device):
            features = [torch.empty(height, width, spec.features, dtype=torch.float16) for _ in range(3)]
        self._head, self._one, self._other = features
        packed = pack(spec, Edsr(spec).state_dict())
        self._sections, self._weights = packed.sections, torch.empty_like(packed.data, device=device)

    def load(self, packed: PackedWeights) -> None:
        """Switches to these weights, in the order of the current stream."""
        self._weights.copy_(packed.data, non_blocking=True)

    def run(self, planes: tuple[Tensor, Tensor, Tensor], pixels: Tensor) -> None:
        """One frame, on the current stream.

        Args:
            planes: LR, YUV 4:2:0 of BT.709 limited range: uint8 (H, W) and twice ((H+1)//2, (W+1)//2).
            pixels: receives HR, RGB: uint8 (H * scale, W * scale, 3).
        """
        width, height = self._size
        grid = -(-width // _HEAD_WIDTH), -(-height // _HEAD_ROWS)
        y, u, v = map(_pointer, planes)
        self._launch("head", grid, y, u, v, _pointer(self._head), *self._parameters("head"))
        source, target = self._head, self._one
        for block in range(self._spec.blocks):
            self._walk("block", _pointer(source), _pointer(target), *self._parameters(f"block{block}"))
            source, target = target, self._other if target is self._one else self._one
        self._walk("fuse", _pointer(source), _pointer(self._head), _pointer(target), *self._parameters("fuse"))
        parameters = *self._parameters("upsample"), *self._parameters("tail")
        self._walk("tail", _pointer(target), _pointer(pixels), *parameters)

    def _walk(self, kernel: str, *arguments: ctypes.c_void_p) -> None:
        columns, segments, rows = self._grids[kernel]
        self._launch(kernel, (columns, segments), *arguments, rows=rows)

    def _launch(self, kernel: str, grid: tuple[int, int], *arguments: ctypes.c_void_p, rows: int | None = None) -> None:
        sizes = [*self._size] if rows is None else [*self._size, rows]
        self._program.launch(
            kernel, grid, self._threads[kernel], self._shared[kernel], *arguments, *map(ctypes.c_int, sizes)
        )

    def _parameters(self, section: str) -> tuple[ctypes.c_void_p, ctypes.c_void_p]:
        base, at = self._weights.data_ptr(), self._sections[section]
        return ctypes.c_void_p(base + at.weights), ctypes.c_void_p(base + at.bias)


def _pointer(tensor: Tensor) -> ctypes.c_void_p:
    return ctypes.c_void_p(tensor.data_ptr())


def _strips(width: int, height: int, strip: int, at_once: int) -> tuple[int, int, int]:
    """Strips across, segments down, and rows a segment: as many segments as run at once, of the same height."""
    columns = -(-width // strip)
    segments = max(1, at_once // columns)
    rows = -(-height // min(segments, height))
    return columns, -(-height // rows), rows
