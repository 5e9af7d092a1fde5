"""The fused kernels on a CPU: emulator.cpp, compiled for one tiling, behind what `FusedNetwork` calls."""

import ctypes
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from ns_ray.sr.fused_network import SOURCE, Argument, Tiling
from ns_ray.sr.spec import ModelSpec

_HERE = Path(__file__).parent


class Emulator:
    """A `Program` whose kernels run thread by thread on the CPU."""

    def __init__(self, library: Path) -> None:
        self._library = ctypes.CDLL(str(library))

    def launch(self, kernel: str, grid: tuple[int, int], threads: int, shared: int, *arguments: Argument) -> None:
        addresses = [ctypes.cast(ctypes.pointer(argument), ctypes.c_void_p) for argument in arguments]
        parameters = (ctypes.c_void_p * len(addresses))(*addresses)
        if self._library.launch(kernel.encode(), *grid, threads, shared, parameters):
            raise ValueError(f"there is no kernel {kernel}")


@cache
def _compiler() -> str:
    for name in ("c++", "g++", "clang++"):
        if shutil.which(name):
            return name
    pytest.skip("no C++ compiler to emulate the kernels with")


def build(directory: Path, spec: ModelSpec, tiling: Tiling) -> Emulator:
    """Compiles the kernels for one model and tiling."""
    library = directory / "emulator.so"
    macros = [f"-D{name}={value}" for name, value in tiling.macros(spec).items()]
    flags = ["-std=c++17", "-O1", "-shared", "-fPIC", "-Wall", "-I", str(SOURCE.parent)]
    subprocess.run([_compiler(), *flags, *macros, "-o", library, _HERE / "emulator.cpp"], check=True)
    return Emulator(library)
