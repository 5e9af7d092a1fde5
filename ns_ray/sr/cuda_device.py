"""A GPU through PyCUDA: memory, streams and the pixel kernels. Needs PyCUDA, and nvcc for the kernels' first use."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pycuda.driver as cuda
from pycuda.compiler import SourceModule
from pycuda.tools import PageLockedMemoryPool

from ns_ray.errors import ModelError
from ns_ray.sr.device import KERNELS, Bytes, Stream

_SOURCE = Path(__file__).with_name("pixel_kernels.cu")
_BLOCK = (32, 8, 1)  # threads


class CudaDevice:
    """One GPU's primary context, which PyTorch uses too."""

    def __init__(self, index: int) -> None:
        """Takes hold of the GPU and compiles the kernels for it (PyCUDA keeps what it compiled).

        Raises:
            ModelError: no such GPU, or the kernels cannot be compiled.
        """
        self._memory: list[Any] = []
        try:
            cuda.init()
            self._context = cuda.Device(index).retain_primary_context()
            with self.active():
                self._pool = PageLockedMemoryPool()
                module = SourceModule(_SOURCE.read_text(), no_extern_c=True)
                self._kernels = {name: module.get_function(name) for name in KERNELS}
        except (cuda.Error, OSError) as error:
            reason = str(error).partition("\n")[0]
            raise ModelError(f"cuda:{index} cannot be used through PyCUDA ({reason}): is nvcc on the path?") from error

    @contextmanager
    def active(self) -> Iterator[None]:
        """Makes the GPU the calling thread's.

        Raises:
            ModelError: CUDA reports an error within.
        """
        self._context.push()
        try:
            yield
        except cuda.Error as error:
            raise ModelError(f"CUDA failed: {error}") from error
        finally:
            cuda.Context.pop()

    def stream(self) -> Stream:
        """A new stream."""
        stream: Stream = cuda.Stream()
        return stream

    def mark(self, stream: Stream) -> Any:
        """An event that happens when the stream's work so far is done."""
        return cuda.Event(cuda.event_flags.DISABLE_TIMING).record(stream)

    def allocate(self, nbytes: int) -> int:
        """Device memory that is kept as long as this object."""
        self._memory.append(cuda.mem_alloc(nbytes))
        return int(self._memory[-1])

    def pinned(self, nbytes: int) -> Bytes:
        """Page-locked host memory from a pool, to which it returns when nothing refers to it any longer."""
        block: Bytes = self._pool.allocate((nbytes,), np.uint8)
        return block

    def upload(self, target: int, source: Bytes, stream: Stream) -> None:
        """Copies pinned host memory to the device."""
        cuda.memcpy_htod_async(target, source, stream)

    def download(self, target: Bytes, source: int, stream: Stream) -> None:
        """Copies device memory to pinned host memory."""
        cuda.memcpy_dtoh_async(target, source, stream)

    def launch(
        self, kernel: str, source: int, target: int, size: tuple[int, int], grid: tuple[int, int], stream: Stream
    ) -> None:
        """Runs a kernel of `pixel_kernels.cu` with at least `grid` rows and columns of threads."""
        blocks = (-(-grid[1] // _BLOCK[0]), -(-grid[0] // _BLOCK[1]), 1)
        arguments = np.uintp(source), np.uintp(target), np.int32(size[0]), np.int32(size[1])
        self._kernels[kernel](*arguments, block=_BLOCK, grid=blocks, stream=stream)
