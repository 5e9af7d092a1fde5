// Pixel formats around inference: what ns_ray/sr/color.py computes, on the GPU. One thread a sample; grids round up.
// BT.709 limited range, chroma on even columns, half-way between rows. Tensors are float16, (3, rows, columns).

#include <cuda_fp16.h>

namespace {

constexpr float kRed = 0.2126f, kBlue = 0.0722f, kGreen = 1.0f - kRed - kBlue;
constexpr float kCrToRed = 2.0f * (1.0f - kRed), kCbToBlue = 2.0f * (1.0f - kBlue);

__device__ inline int column() { return blockIdx.x * blockDim.x + threadIdx.x; }

__device__ inline int row() { return blockIdx.y * blockDim.y + threadIdx.y; }

__device__ inline float clamp(float value, float low, float high) { return fminf(fmaxf(value, low), high); }

// A chroma sample at a luma position: linear between its neighbours, whose edges repeat.
__device__ inline float chroma_at(const unsigned char* plane, int rows, int columns, int y, int x) {
  const int near_row = y / 2;
  const int other_row = y % 2 ? min(near_row + 1, rows - 1) : max(near_row - 1, 0);
  const int left = x / 2;
  const int right = x % 2 ? min(left + 1, columns - 1) : left;
  const float at_left = 0.75f * plane[near_row * columns + left] + 0.25f * plane[other_row * columns + left];
  const float at_right = 0.75f * plane[near_row * columns + right] + 0.25f * plane[other_row * columns + right];
  return ((at_left + at_right) * 0.5f - 128.0f) * (1.0f / 224.0f);
}

struct Color {
  float red, green, blue;
};

__device__ inline Color color_at(const __half* picture, int rows, int columns, int y, int x) {
  const size_t plane = static_cast<size_t>(rows) * columns;
  const __half* pixel = picture + static_cast<size_t>(y) * columns + x;
  return {clamp(__half2float(pixel[0]), 0.0f, 1.0f), clamp(__half2float(pixel[plane]), 0.0f, 1.0f),
          clamp(__half2float(pixel[2 * plane]), 0.0f, 1.0f)};
}

__device__ inline float luma_of(const Color& color) {
  return kRed * color.red + kGreen * color.green + kBlue * color.blue;
}

}  // namespace

// YUV 4:2:0, planes one after the other -> RGB in 0..1. A thread for each luma sample.
extern "C" __global__ void yuv_to_rgb(const unsigned char* yuv, __half* rgb, int rows, int columns) {
  const int x = column(), y = row();
  if (x >= columns || y >= rows) return;
  const int chroma_rows = (rows + 1) / 2, chroma_columns = (columns + 1) / 2;
  const size_t plane = static_cast<size_t>(rows) * columns;
  const size_t index = static_cast<size_t>(y) * columns + x;
  const unsigned char* cb_plane = yuv + plane;
  const unsigned char* cr_plane = cb_plane + static_cast<size_t>(chroma_rows) * chroma_columns;
  const float luma = (yuv[index] - 16.0f) * (1.0f / 219.0f);
  const float cb = chroma_at(cb_plane, chroma_rows, chroma_columns, y, x);
  const float cr = chroma_at(cr_plane, chroma_rows, chroma_columns, y, x);
  const float green = luma - cb * (kCbToBlue * kBlue / kGreen) - cr * (kCrToRed * kRed / kGreen);
  rgb[index] = __float2half_rn(clamp(luma + cr * kCrToRed, 0.0f, 1.0f));
  rgb[plane + index] = __float2half_rn(clamp(green, 0.0f, 1.0f));
  rgb[2 * plane + index] = __float2half_rn(clamp(luma + cb * kCbToBlue, 0.0f, 1.0f));
}

// RGB -> (rows, columns, 3) uint8, clamped and rounded. A thread for each pixel.
extern "C" __global__ void rgb_to_bytes(const __half* rgb, unsigned char* bytes, int rows, int columns) {
  const int x = column(), y = row();
  if (x >= columns || y >= rows) return;
  const Color color = color_at(rgb, rows, columns, y, x);
  unsigned char* pixel = bytes + 3 * (static_cast<size_t>(y) * columns + x);
  pixel[0] = static_cast<unsigned char>(color.red * 255.0f + 0.5f);
  pixel[1] = static_cast<unsigned char>(color.green * 255.0f + 0.5f);
  pixel[2] = static_cast<unsigned char>(color.blue * 255.0f + 0.5f);
}

// RGB -> YUV 4:2:0, planes one after the other, clamped and rounded. A thread for each chroma sample, which also
// writes the luma samples around it: chroma is filtered by (1 2 1)/4 across and (1 1)/2 down.
extern "C" __global__ void rgb_to_yuv(const __half* rgb, unsigned char* yuv, int rows, int columns) {
  const int chroma_rows = (rows + 1) / 2, chroma_columns = (columns + 1) / 2;
  const int j = column(), i = row();
  if (j >= chroma_columns || i >= chroma_rows) return;
  float cb = 0.0f, cr = 0.0f;
  for (int down = 0; down < 2; ++down) {
    const int y = min(2 * i + down, rows - 1);
    for (int across = -1; across < 2; ++across) {
      const int x = min(max(2 * j + across, 0), columns - 1);
      const Color color = color_at(rgb, rows, columns, y, x);
      const float luma = luma_of(color);
      const float weight = across ? 0.125f : 0.25f;
      cb += weight * (color.blue - luma);
      cr += weight * (color.red - luma);
      if (across >= 0 && 2 * i + down < rows && 2 * j + across < columns)
        yuv[static_cast<size_t>(y) * columns + x] = static_cast<unsigned char>(luma * 219.0f + 16.5f);
    }
  }
  unsigned char* cb_plane = yuv + static_cast<size_t>(rows) * columns;
  unsigned char* cr_plane = cb_plane + static_cast<size_t>(chroma_rows) * chroma_columns;
  const size_t index = static_cast<size_t>(i) * chroma_columns + j;
  cb_plane[index] = static_cast<unsigned char>(cb * (224.0f / kCbToBlue) + 128.5f);
  cr_plane[index] = static_cast<unsigned char>(cr * (224.0f / kCrToRed) + 128.5f);
}
