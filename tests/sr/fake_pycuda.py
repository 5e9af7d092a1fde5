"""PyCUDA's interface as far as we use it, on this CPU: memory is the host's, kernels are compiled for it."""

import ctypes
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

BLOCK = (32, 8, 1)  # what the kernels compiled for the CPU assume


class CudaError(Exception):
    pass


class Context:
    depth = 0

    def push(self) -> None:
        Context.depth += 1

    @staticmethod
    def pop() -> None:
        assert Context.depth > 0
        Context.depth -= 1


def _current() -> None:
    if Context.depth == 0:
        raise CudaError("no context is current")


class Device:
    def __init__(self, index: int) -> None:
        if index != 0:
            raise CudaError("invalid device ordinal")

    def retain_primary_context(self) -> Context:
        return Context()


class Event:
    def __init__(self, flags: int = 0) -> None:
        _current()

    def record(self, stream: object) -> "Event":
        assert isinstance(stream, Stream)
        return self

    def synchronize(self) -> "Event":
        return self


class Stream:
    handle = 1

    def __init__(self) -> None:
        _current()

    def wait_for_event(self, event: Event) -> None:
        assert isinstance(event, Event)

    def synchronize(self) -> None:
        pass


class Allocation:
    def __init__(self, nbytes: int) -> None:
        _current()
        self._memory = np.full(nbytes, 0xFF, np.uint8)

    def __int__(self) -> int:
        return self._memory.ctypes.data


def memcpy_htod_async(dest: int, src: Any, stream: Stream) -> None:
    _current()
    ctypes.memmove(dest, src.ctypes.data, src.nbytes)


def memcpy_dtoh_async(dest: Any, src: int, stream: Stream) -> None:
    _current()
    ctypes.memmove(dest.ctypes.data, src, dest.nbytes)


class PageLockedMemoryPool:
    def __init__(self) -> None:
        _current()

    def allocate(self, shape: Any, dtype: Any) -> Any:
        return np.full(tuple(shape), 0xFF, dtype)


def install(monkeypatch: pytest.MonkeyPatch, library: ctypes.CDLL) -> None:
    """Puts this in the place of PyCUDA."""

    class SourceModule:
        def __init__(self, source: str, no_extern_c: bool = False) -> None:
            _current()
            assert no_extern_c
            assert 'extern "C" __global__' in source

        def get_function(self, name: str) -> Any:
            function = getattr(library, f"launch_{name}")
            pair = ctypes.c_int * 2

            def launch(
                source: Any, target: Any, rows: Any, columns: Any, *, block: Any, grid: Any, stream: Any
            ) -> None:
                _current()
                assert block == BLOCK
                assert [type(value) for value in (source, target, rows, columns)] == [np.uintp] * 2 + [np.int32] * 2
                threads = pair(grid[1] * BLOCK[1], grid[0] * BLOCK[0])
                pointers = (ctypes.c_void_p(int(value)) for value in (source, target))
                function(*pointers, pair(int(rows), int(columns)), threads)

            return launch

    driver = ModuleType("pycuda.driver")
    driver.__dict__.update(
        Error=CudaError,
        Context=Context,
        Device=Device,
        Event=Event,
        Stream=Stream,
        init=lambda: None,
        mem_alloc=Allocation,
        event_flags=SimpleNamespace(DISABLE_TIMING=2),
        memcpy_htod_async=memcpy_htod_async,
        memcpy_dtoh_async=memcpy_dtoh_async,
    )
    package = ModuleType("pycuda")
    package.__dict__["driver"] = driver
    compiler, tools = ModuleType("pycuda.compiler"), ModuleType("pycuda.tools")
    compiler.__dict__["SourceModule"] = SourceModule
    tools.__dict__["PageLockedMemoryPool"] = PageLockedMemoryPool
    for module in (package, driver, compiler, tools):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.delitem(sys.modules, "ns_ray.sr.cuda_device", raising=False)
