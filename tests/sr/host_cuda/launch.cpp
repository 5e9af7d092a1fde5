// Runs one of the pixel kernels over a grid of at least the given rows and columns, in CUDA's blocks.
#include "pixel_kernels.cu"

namespace {

template <typename Source, typename Target>
void run(void (*kernel)(const Source*, Target*, int, int), const void* source, void* target, const int* size,
         const int* grid) {
  blockDim = {32, 8};
  for (blockIdx.y = 0; blockIdx.y * blockDim.y < grid[0]; ++blockIdx.y)
    for (blockIdx.x = 0; blockIdx.x * blockDim.x < grid[1]; ++blockIdx.x)
      for (threadIdx.y = 0; threadIdx.y < blockDim.y; ++threadIdx.y)
        for (threadIdx.x = 0; threadIdx.x < blockDim.x; ++threadIdx.x)
          kernel(static_cast<const Source*>(source), static_cast<Target*>(target), size[0], size[1]);
}

}  // namespace

extern "C" void launch_yuv_to_rgb(const void* source, void* target, const int* size, const int* grid) {
  run(yuv_to_rgb, source, target, size, grid);
}

extern "C" void launch_rgb_to_bytes(const void* source, void* target, const int* size, const int* grid) {
  run(rgb_to_bytes, source, target, size, grid);
}

extern "C" void launch_rgb_to_yuv(const void* source, void* target, const int* size, const int* grid) {
  run(rgb_to_yuv, source, target, size, grid);
}
