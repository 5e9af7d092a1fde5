"""The GPU's kernels that make what is compressed, compiled for the CPU and run there thread by thread."""

import ctypes
import shutil
import subprocess

import numpy as np
import pytest
import torch

from ns_ray.hybrid import grey_jpeg
from ns_ray.hybrid.grey_bytes import STEPS, counts
from ns_ray.picture.coding import Coding
from ns_ray.picture.prediction import WEIGHTS
from ns_ray.sr.compressible import compressible
from ns_ray.sr.stacked_kernels import SOURCE

SHIM = """
#include <algorithm>
#include <cmath>
using std::max; using std::min;
struct Three { int x, y, z; };
static Three blockIdx, blockDim, threadIdx;
#define __device__
#define __global__
static void atomicAdd(int* at, int more) { *at += more; }
#include "SOURCE"
template <typename Kernel>
void run(int columns, int rows, Kernel kernel) {
  blockDim = {32, 1, 1};
  for (blockIdx.y = 0; blockIdx.y < rows; ++blockIdx.y)
    for (blockIdx.x = 0; blockIdx.x * 32 < columns + 31; ++blockIdx.x)
      for (threadIdx.x = 0; threadIdx.x < 32; ++threadIdx.x) kernel();
}
extern "C" void stack_all(const Sample* rgb, const Sample* lr, const int* weights, Sample* out, int rows, int columns,
                          int lr_rows, int lr_columns, int scale) {
  auto kernel = [=] { stack(rgb, lr, weights, out, rows, columns, lr_rows, lr_columns, scale); };
  run((columns + 1) / 2, (rows + 1) / 2, kernel);
}
extern "C" void settle_all(const Sample* plane, const float* basis, Sample* out, int rows, int columns, int step,
                           float dead) {
  run((columns + 7) / 8, (rows + 7) / 8, [=] { settle(plane, basis, out, rows, columns, step, dead); });
}
extern "C" void count_all(const Sample* plane, const float* basis, const float* limits, int* out, int rows, int columns,
                          int steps, int copies) {
  run((columns + 7) / 8, (rows + 7) / 8, [=] { count(plane, basis, limits, out, rows, columns, steps, copies); });
}
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    compiler = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    assert compiler, "a C++ compiler is what this project needs anyway"
    folder = tmp_path_factory.mktemp("kernels")
    (folder / "shim.cpp").write_text(SHIM.replace("SOURCE", str(SOURCE)))
    options = ["-std=c++17", "-O1", "-ffp-contract=off", "-fsanitize=undefined", "-fno-sanitize-recover=all"]
    command = [compiler, *options, "-shared", "-fPIC", "-Wno-unknown-pragmas", "-o", "kernels.so", "shim.cpp"]
    subprocess.run(command, cwd=folder, check=True)
    return ctypes.CDLL(str(folder / "kernels.so"))


def at(array):
    return array.ctypes.data_as(ctypes.c_void_p)


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize(("size", "scale"), [((12, 8), 3), ((33, 21), 3), ((7, 5), 2), ((6, 9), 4), ((11, 7), 1)])
def test_pictures_and_residuals_are_those_of_the_cpu(library, size, scale, residual):
    rng = np.random.default_rng(scale)
    columns, rows = size
    planes = tuple(
        rng.integers(0, 256, shape, np.uint8)
        for shape in ((rows, columns), *[((rows + 1) // 2, (columns + 1) // 2)] * 2)
    )
    pixels = rng.integers(0, 256, (scale * rows, scale * columns, 3), np.uint8)
    coding = Coding("jpeg-residual" if residual else "av1", 75)
    expected = compressible(torch.from_numpy(pixels), planes, coding).numpy()
    made = np.zeros_like(expected)
    lr = np.concatenate([plane.ravel() for plane in planes])
    weights = np.array(WEIGHTS[scale], np.int32)
    sizes = (scale * rows, scale * columns, rows, columns, scale if residual else 0)
    library.stack_all(at(pixels), at(lr), at(weights), at(made), *sizes)
    assert np.array_equal(made, expected)


@pytest.mark.parametrize("step", [3, 8, 40, 255])
@pytest.mark.parametrize("shape", [(64, 48), (21, 30), (1, 1)])
def test_the_dead_zone_is_that_of_the_cpu(library, shape, step):
    """But for what lies so near to a limit that another order of the same sums may take it to either side."""
    rng = np.random.default_rng(step)
    plane = np.clip(rng.normal(128, step, shape), 0, 255).astype(np.uint8)
    expected = grey_jpeg._settled(plane, step)
    made = np.zeros_like(plane)
    library.settle_all(at(plane), at(grey_jpeg.BASIS), at(made), *shape, step, ctypes.c_float(grey_jpeg.DEAD_ZONE))
    assert (made != expected).mean() < 0.02


@pytest.mark.parametrize("shape", [(64, 48), (21, 30), (1, 1)])
def test_as_much_is_counted_as_on_the_cpu(library, shape):
    """But for coefficients that other orders of the same sums take to the other side of a limit."""
    plane = np.clip(np.random.default_rng(1).normal(128, 20, shape), 0, 255).astype(np.uint8)
    limits = np.array([grey_jpeg.DEAD_ZONE * step for step in STEPS], np.float32)
    made = np.zeros((5, len(STEPS), 2), np.int32)
    library.count_all(at(plane), at(grey_jpeg.BASIS), at(limits), at(made), *shape, len(STEPS), len(made))
    expected = counts(plane)
    assert expected[0].sum() > 0
    assert np.abs(made.sum(axis=0) - expected).max() <= 0.002 * expected[0, 1]
