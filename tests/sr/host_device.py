"""A GPU that is none: streams that work as late or as early as they may, and the real kernels on the CPU."""

import ctypes
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ns_ray.sr import tensorrt_engine
from ns_ray.sr.device import KERNELS, Bytes
from ns_ray.sr.models import Edsr
from ns_ray.sr.refit import refit_layout
from ns_ray.sr.spec import ModelSpec

HERE = Path(__file__).parent
KERNEL_SOURCE = Path(tensorrt_engine.__file__).with_name("pixel_kernels.cu")
_GUARD = 64


@cache
def _compiler() -> str | None:
    for name in ("c++", "g++", "clang++"):
        path = shutil.which(name)
        probe = [path or name, "-x", "c++", "-std=c++17", "-fsyntax-only", "-"]
        if path and subprocess.run(probe, input=b"_Float16 half;", capture_output=True).returncode == 0:
            return path
    return None


needs_compiler = pytest.mark.skipif(_compiler() is None, reason="no C++ compiler that knows _Float16")


@cache
def kernels(folder: Path) -> ctypes.CDLL:
    """`pixel_kernels.cu` compiled for this CPU."""
    library = folder / "kernels.so"
    compiler = _compiler()
    assert compiler
    options = ["-x", "c++", "-std=c++17", "-O2", "-shared", "-fPIC", "-Wall", "-Wno-sign-compare", "-Werror"]
    includes = [f"-I{HERE / 'host_cuda'}", f"-I{KERNEL_SOURCE.parent}"]
    command = [compiler, *options, *includes, str(HERE / "host_cuda" / "launch.cpp"), "-o", str(library)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return ctypes.CDLL(str(library))


class HostEvent:
    def __init__(self, stream: "HostStream", position: int) -> None:
        self._stream, self._position = stream, position

    def synchronize(self) -> None:
        self._stream.advance(self._position)


class HostStream:
    """Does nothing before somebody waits for it, or all at once: what relies on luck, not on events, goes wrong."""

    handle = 0

    def __init__(self, eager: bool) -> None:
        self._eager = eager
        self._work: list[Callable[[], object]] = []
        self._done = 0

    def add(self, work: Callable[[], object]) -> None:
        self._work.append(work)
        if self._eager:
            self.synchronize()

    def mark(self) -> HostEvent:
        return HostEvent(self, len(self._work))

    def wait_for_event(self, event: HostEvent) -> None:
        self.add(event.synchronize)

    def synchronize(self) -> None:
        self.advance(len(self._work))

    def advance(self, position: int) -> None:
        while self._done < position:
            self._done += 1
            self._work[self._done - 1]()


class HostDevice:
    def __init__(self, library: ctypes.CDLL, eager: Sequence[int] = ()) -> None:
        """`eager`: which streams, in the order in which they are made, work at once."""
        self._library = library
        self._eager = [number in eager for number in range(8)]
        self._memory: dict[int, tuple[Bytes, int]] = {}
        self._depth = 0

    @contextmanager
    def active(self) -> Iterator[None]:
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1

    def stream(self) -> HostStream:
        assert self._depth
        return HostStream(self._eager.pop(0))

    def mark(self, stream: HostStream) -> HostEvent:
        assert self._depth
        return stream.mark()

    def allocate(self, nbytes: int) -> int:
        assert self._depth
        memory = np.full(nbytes + _GUARD, 0xFF, np.uint8)  # NaN to whoever reads it as float16
        self._memory[memory.ctypes.data] = memory, nbytes
        return memory.ctypes.data

    def pinned(self, nbytes: int) -> Bytes:
        assert self._depth
        return np.full(nbytes, 0xFF, np.uint8)

    def upload(self, target: int, source: Bytes, stream: HostStream) -> None:
        assert self._depth
        assert source.nbytes <= self._memory[target][1]
        stream.add(lambda: ctypes.memmove(target, source.ctypes.data, source.nbytes))

    def download(self, target: Bytes, source: int, stream: HostStream) -> None:
        assert self._depth
        assert target.nbytes <= self._memory[source][1]
        stream.add(lambda: ctypes.memmove(target.ctypes.data, source, target.nbytes))

    def launch(
        self, kernel: str, source: int, target: int, size: tuple[int, int], grid: tuple[int, int], stream: HostStream
    ) -> None:
        assert self._depth
        assert kernel in KERNELS
        function = getattr(self._library, f"launch_{kernel}")
        pair = ctypes.c_int * 2
        stream.add(lambda: function(ctypes.c_void_p(source), ctypes.c_void_p(target), pair(*size), pair(*grid)))

    def overrun(self) -> bool:
        """Whether something was written past the end of an allocation."""
        return any(bool((memory[nbytes:] != 0xFF).any()) for memory, nbytes in self._memory.values())


class HostSession:
    """What a refitted plan does: the network with whatever weights lay in the block at the last refit."""

    def __init__(self, spec: ModelSpec, size: tuple[int, int], lr: int, hr: int, weights: int) -> None:
        rows, columns = size
        self._spec, self._network = spec, Edsr(spec)
        self._lr = _halves(lr, (1, 3, rows, columns))
        self._hr = _halves(hr, (1, 3, rows * spec.scale, columns * spec.scale))
        self._weights = weights

    def run(self, stream: HostStream) -> None:
        stream.add(self._run)

    def refit(self, stream: HostStream) -> None:
        stream.add(self._refit)

    @torch.inference_mode()
    def _run(self) -> None:
        self._hr[...] = self._network(torch.from_numpy(self._lr.astype(np.float32))).numpy()

    def _refit(self) -> None:
        state = self._network.state_dict()
        for name, (offset, count) in refit_layout(self._spec).places.items():
            values = _halves(self._weights + offset, (count,)).astype(np.float32)
            state[name].copy_(torch.from_numpy(values).view(state[name].shape))


def _halves(address: int, shape: tuple[int, ...]) -> NDArray[np.float16]:
    block = (ctypes.c_char * (2 * int(np.prod(shape)))).from_address(address)
    return np.frombuffer(block, np.float16).reshape(shape)
