// Enough of CUDA to compile pixel_kernels.cu for a CPU: one thread runs after the other.
#pragma once
#include <cmath>
#include <cstddef>

#define __global__
#define __device__

struct Index {
  int x, y;
};
inline Index blockIdx, blockDim, threadIdx;

using __half = _Float16;
inline float __half2float(__half value) { return static_cast<float>(value); }
inline __half __float2half_rn(float value) { return static_cast<__half>(value); }
inline int min(int a, int b) { return a < b ? a : b; }
inline int max(int a, int b) { return a > b ? a : b; }
