"""The pixel kernels, compiled for the CPU, against the conversions in PyTorch."""

import ctypes
import shutil
import subprocess
from pathlib import Path

import host_device
import numpy as np
import pictures
import pytest
import torch

from ns_ray.sr.color import chroma_size, rgb_to_uint8, rgb_to_yuv, yuv_to_rgb
from ns_ray.sr.device import KERNELS

SIZES = [(1, 1), (2, 1), (1, 2), (33, 17), (64, 48), (31, 8)]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    return host_device.kernels(tmp_path_factory.mktemp("kernels"))


def _launch(library, kernel, source, target, size, grid):
    pair = ctypes.c_int * 2
    pointers = (ctypes.c_void_p(array.ctypes.data) for array in (source, target))
    getattr(library, f"launch_{kernel}")(*pointers, pair(*size), pair(*grid))


def _tensor(width: int, height: int) -> torch.Tensor:
    """Float16 RGB (1, 3, H, W) that leaves 0..1 on both sides, as a network's output does."""
    random = np.random.default_rng(3).normal(0.5, 0.4, (1, 3, height, width))
    return torch.from_numpy(random.astype(np.float16))


@host_device.needs_compiler
@pytest.mark.parametrize("size", SIZES)
def test_yuv_to_rgb(library, size):
    width, height = size
    y, u, v = pictures.noise(width, height)
    y.flat[0], u.flat[0], v.flat[0] = 255, 0, 255  # beyond the limited range: clamped
    packed = np.concatenate([plane.ravel() for plane in (y, u, v)])
    got = np.full((1, 3, height, width), np.nan, np.float16)
    _launch(library, "yuv_to_rgb", packed, got, (height, width), (height, width))
    wanted = yuv_to_rgb(*map(torch.from_numpy, (y, u, v)))
    # Float32 sums in another order may round to the neighbouring float16.
    torch.testing.assert_close(torch.from_numpy(got).float(), wanted.contiguous(), rtol=0, atol=2**-10)
    assert float(np.mean(got == wanted.numpy().astype(np.float16))) > 0.9


@host_device.needs_compiler
@pytest.mark.parametrize("size", SIZES)
def test_rgb_to_bytes(library, size):
    width, height = size
    rgb = _tensor(width, height)
    got = np.zeros((height, width, 3), np.uint8)
    _launch(library, "rgb_to_bytes", rgb.numpy(), got, (height, width), (height, width))
    assert np.array_equal(got, rgb_to_uint8(rgb.float()).numpy())


@host_device.needs_compiler
@pytest.mark.parametrize("size", SIZES)
def test_rgb_to_yuv(library, size):
    width, height = size
    rgb = _tensor(width, height)
    chroma = chroma_size(height, width)
    got = np.zeros(height * width + 2 * chroma[0] * chroma[1], np.uint8)
    _launch(library, "rgb_to_yuv", rgb.numpy(), got, (height, width), chroma)
    wanted = np.concatenate([plane.numpy().ravel() for plane in rgb_to_yuv(rgb.float())])
    assert int(np.abs(got.astype(int) - wanted).max()) <= 1
    assert float(np.mean(got == wanted)) > 0.9


@pytest.mark.skipif(shutil.which("nvcc") is None, reason="no CUDA compiler (nvcc)")
def test_cuda_compiler_takes_the_kernels(tmp_path: Path) -> None:
    cubin = tmp_path / "kernels.cubin"
    command = ["nvcc", "-arch=sm_75", "-Werror", "all-warnings", "-cubin", "-o", cubin, host_device.KERNEL_SOURCE]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(name.encode() in cubin.read_bytes() for name in KERNELS)
