"""CUDA C++ compiled for the GPU at hand by NVRTC and launched through the driver, both of which PyTorch brings."""

import ctypes
from collections.abc import Mapping
from pathlib import Path

import torch

from ns_ray.errors import ModelError
from ns_ray.sr.nvidia_library import nvidia_library

_SHARED_ATTRIBUTE = 8  # CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES


class CudaProgram:
    """The kernels of one source file on one device."""

    def __init__(self, source: Path, macros: Mapping[str, int], device: torch.device) -> None:
        """Compiles and loads the source; takes a few seconds.

        Raises:
            ModelError: NVRTC is missing, or does not accept the source for this GPU; the message has its log.
        """
        self._device, self._source = device, source
        self._driver = ctypes.CDLL("libcuda.so.1")
        major, minor = torch.cuda.get_device_capability(device)
        options = [f"--gpu-architecture=sm_{major}{minor}", "--std=c++17", *(f"-D{k}={v}" for k, v in macros.items())]
        binary = _compile(source, options)
        self._module = ctypes.c_void_p()
        self._functions: dict[str, ctypes.c_void_p] = {}
        with torch.cuda.device(device):
            torch.cuda.current_stream().synchronize()  # makes the device's context current
            self._check(self._driver.cuModuleLoadData(ctypes.byref(self._module), binary), "load")

    def launch(
        self,
        kernel: str,
        grid: tuple[int, int],
        threads: int,
        shared: int,
        *arguments: ctypes.c_void_p | ctypes.c_int | ctypes.c_float,
    ) -> None:
        """Starts a kernel on the current stream with so many bytes of shared memory.

        Raises:
            ModelError: the driver refuses.
        """
        function = self._functions.get(kernel) or self._function(kernel, shared)
        addresses = [ctypes.cast(ctypes.byref(argument), ctypes.c_void_p) for argument in arguments]
        stream = ctypes.c_void_p(torch.cuda.current_stream(self._device).cuda_stream)
        parameters = (ctypes.c_void_p * len(addresses))(*addresses)
        self._check(
            self._driver.cuLaunchKernel(function, *grid, 1, threads, 1, 1, shared, stream, parameters, None), kernel
        )

    def _function(self, kernel: str, shared: int) -> ctypes.c_void_p:
        function = ctypes.c_void_p()
        self._check(self._driver.cuModuleGetFunction(ctypes.byref(function), self._module, kernel.encode()), kernel)
        self._check(self._driver.cuFuncSetAttribute(function, _SHARED_ATTRIBUTE, shared), kernel)
        self._functions[kernel] = function
        return function

    def _check(self, status: int, step: str) -> None:
        if status:
            text = ctypes.c_char_p()
            self._driver.cuGetErrorString(status, ctypes.byref(text))
            reason = (text.value or b"unknown error").decode()
            raise ModelError(f"{self._source.name}, {step}: the CUDA driver says '{reason}'; use the engine torch")


def _compile(source: Path, options: list[str]) -> bytes:
    library, program = _nvrtc(), ctypes.c_void_p()
    flags = (ctypes.c_char_p * len(options))(*map(str.encode, options))
    library.nvrtcCreateProgram(ctypes.byref(program), source.read_bytes(), source.name.encode(), 0, None, None)
    try:
        if library.nvrtcCompileProgram(program, len(options), flags):
            log = _text(library.nvrtcGetProgramLogSize, library.nvrtcGetProgramLog, program)
            reason = log.decode(errors="replace").strip("\0\n")
            raise ModelError(f"{source} does not compile with {' '.join(options)}, use the engine torch: {reason}")
        return _text(library.nvrtcGetCUBINSize, library.nvrtcGetCUBIN, program)
    finally:
        library.nvrtcDestroyProgram(ctypes.byref(program))


def _text(size: "ctypes._NamedFuncPointer", read: "ctypes._NamedFuncPointer", program: ctypes.c_void_p) -> bytes:
    length = ctypes.c_size_t()
    size(program, ctypes.byref(length))
    buffer = ctypes.create_string_buffer(length.value)
    read(program, buffer)
    return buffer.raw


def _nvrtc() -> ctypes.CDLL:
    name = f"libnvrtc.so.{(torch.version.cuda or '').partition('.')[0]}"
    library = nvidia_library(name)
    if library is None:
        raise ModelError(f"the fused engine needs {name}, which comes with PyTorch for CUDA: install it or use torch")
    return library
