"""Residuals as grey JPEG on a GPU, quantised evenly and with a dead zone as `ns_ray.hybrid.grey_jpeg` does on the CPU.

nvImageCodec has libjpeg's quantisation alone, made for pictures. nvJPEG takes any table, out of another image.
"""

import ctypes
from functools import partial

import numpy as np
import torch
from torch import Tensor

from ns_ray.errors import ModelError
from ns_ray.hybrid.grey_bytes import expected_bytes
from ns_ray.hybrid.grey_jpeg import FINEST, GREY, SIDE, step_of, written
from ns_ray.sr.nvidia_library import nvidia_library
from ns_ray.sr.stacked_kernels import kernels

_CSS_GRAY = 6  # nvjpegChromaSubsampling_t
_CHANNELS = 4
_HEADERS = 4096  # bytes, more than enough
_NAMES = {
    1: "not initialized",
    2: "invalid parameter",
    5: "allocator failure",
    6: "execution failed",
    9: "not supported",
}


class _Image(ctypes.Structure):
    """nvjpegImage_t."""

    _fields_ = (("channel", ctypes.c_void_p * _CHANNELS), ("pitch", ctypes.c_size_t * _CHANNELS))


class GpuGreyJpeg:
    """Baseline JPEG of one plane, Huffman tables made for each."""

    def __init__(self, device: str) -> None:
        """Makes the encoder and tries it.

        Args:
            device: `cuda` or `cuda:<index>`.

        Raises:
            ModelError: nvJPEG is not installed, or does not run here.
        """
        self._device = torch.device(device)
        self._library = _library()
        with torch.cuda.device(self._device):
            self._handle = self._made("nvjpegCreateSimple")
            self._state = self._made("nvjpegEncoderStateCreate", self._handle, after=(None,))
        self._parameters: dict[int, ctypes.c_void_p] = {}
        self._room = torch.empty(0, dtype=torch.uint8)
        self.encode(torch.full((16, 16), GREY, dtype=torch.uint8, device=self._device), 75)

    def encode(self, plane: Tensor, quality: int) -> memoryview:
        """Compresses a plane, in the order of the current stream; returns when it is done. One call at a time.

        Args:
            plane: (H, W) uint8, contiguous, on the encoder's device.
            quality: 1 to 100; see `grey_jpeg.encode_grey`.

        Raises:
            ModelError: nvJPEG refuses.
        """
        stream = torch.cuda.current_stream(self._device)
        step = step_of(quality)
        if step >= FINEST:
            plane = kernels(self._device).settled(plane, step)
        rows, columns = plane.shape
        image = _Image()
        image.channel[0], image.pitch[0] = plane.data_ptr(), columns
        with torch.cuda.device(self._device):
            retrieve = partial(self._call, "nvjpegEncodeRetrieveBitstream", self._handle, self._state)
            at = ctypes.c_void_p(stream.cuda_stream)
            self._call(
                "nvjpegEncodeYUV",
                *(self._handle, self._state, self._parameters_of(step), ctypes.byref(image)),
                *(_CSS_GRAY, columns, rows, at),
            )
            if self._room.numel() < 2 * rows * columns:  # pinned and kept: to make and free it would stop the GPU
                self._room = torch.empty(2 * rows * columns + _HEADERS, dtype=torch.uint8, pin_memory=True)
            length = ctypes.c_size_t(self._room.numel())
            retrieve(ctypes.c_void_p(self._room.data_ptr()), ctypes.byref(length), at)
            stream.synchronize()
        return self._room.numpy()[: length.value].copy().data

    def expected(self, plane: Tensor) -> list[float]:
        """Bytes that a plane takes at qualities 1 to 100; returns when the GPU has counted.

        Args:
            plane: (H, W) uint8, contiguous, on the encoder's device.
        """
        rows, columns = plane.shape
        counted: list[float] = expected_bytes((rows, columns), kernels(self._device).counts(plane)).tolist()
        return counted

    def _parameters_of(self, step: int) -> ctypes.c_void_p:
        """Encoding with one step for all coefficients."""
        known = self._parameters.get(step)
        if known is None:
            known = self._made("nvjpegEncoderParamsCreate", self._handle, after=(None,))
            self._call("nvjpegEncoderParamsSetSamplingFactors", known, _CSS_GRAY, None)
            self._call("nvjpegEncoderParamsSetOptimizedHuffman", known, 1, None)
            pattern = written(np.full((SIDE, SIDE), GREY, np.uint8), step)
            parsed = self._made("nvjpegJpegStreamCreate", self._handle)
            self._call("nvjpegJpegStreamParse", self._handle, pattern, ctypes.c_size_t(len(pattern)), 0, 0, parsed)
            self._call("nvjpegEncoderParamsCopyQuantizationTables", known, parsed, None)
            self._call("nvjpegJpegStreamDestroy", parsed)
            self._parameters[step] = known
        return known

    def _made(self, function: str, *before: object, after: tuple[object, ...] = ()) -> ctypes.c_void_p:
        """What a function gives by its argument between `before` and `after`."""
        made = ctypes.c_void_p()
        self._call(function, *before, ctypes.byref(made), *after)
        return made

    def _call(self, function: str, *arguments: object) -> None:
        status = getattr(self._library, function)(*arguments)
        if status:
            raise ModelError(f"{function}: nvJPEG says {_NAMES.get(status, status)}; use --anchor-codec jpeg")


def _library() -> ctypes.CDLL:
    library = nvidia_library("libnvjpeg.so.*")
    if library is None:
        raise ModelError("no nvJPEG here: pip install 'neuroscaler-ray[gpu]'")
    return library
