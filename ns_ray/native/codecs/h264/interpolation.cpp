#include "interpolation.hpp"

#include <algorithm>
#include <cstring>

namespace ns_ray::h264 {
namespace {

constexpr int kMost = 64;
constexpr std::ptrdiff_t kStride = kMost;

std::uint8_t clipped(int v) { return static_cast<std::uint8_t>(std::clamp(v, 0, 255)); }

// Six taps around the place between samples 0 and `step`.
template <class Sample>
int six_taps(const Sample* at, std::ptrdiff_t step) {
  return at[-2 * step] - 5 * at[-step] + 20 * at[0] + 20 * at[step] - 5 * at[2 * step] + at[3 * step];
}

struct Samples {
  const std::uint8_t* data;
  std::ptrdiff_t stride;
};

// Halfway to the next sample of the row (step 1), or of the column (step: the stride): b and h of the specification.
void halfway(const Samples& from, std::ptrdiff_t step, std::uint8_t* to, int width, int height) {
  for (int row = 0; row < height; ++row, to += kStride) {
    const std::uint8_t* at = from.data + row * from.stride;
    for (int x = 0; x < width; ++x) to[x] = clipped((six_taps(at + x, step) + 16) >> 5);
  }
}

// In the middle of four: j.
void middle(const Samples& from, std::uint8_t* to, int width, int height) {
  std::int16_t across[(kMost + 5) * kStride];
  for (int row = -2; row < height + 3; ++row) {
    const std::uint8_t* at = from.data + row * from.stride;
    std::int16_t* out = across + (row + 2) * kStride;
    for (int x = 0; x < width; ++x) out[x] = static_cast<std::int16_t>(six_taps(at + x, 1));
  }
  for (int row = 0; row < height; ++row, to += kStride) {
    const std::int16_t* at = across + (row + 2) * kStride;
    for (int x = 0; x < width; ++x) to[x] = clipped((six_taps(at + x, kStride) + 512) >> 10);
  }
}

}  // namespace

void interpolate_luma(reconstruction::Motion& motion, const reconstruction::Plane& reference, int x, int y, std::uint8_t* to,
                      std::ptrdiff_t stride, int width, int height) {
  const int across = x & 3, down = y & 3;
  const auto window = motion.window(reference, x >> 2, y >> 2, width + 1, height + 1);
  const Samples whole{window.data, window.stride};
  const auto beside = [&](int columns, int rows) { return Samples{whole.data + rows * whole.stride + columns, whole.stride}; };
  std::uint8_t first[kMost * kStride], second[kMost * kStride];
  Samples one = whole, two{nullptr, 0};
  if (across == 2 && down == 2) {
    middle(whole, first, width, height);
    one = {first, kStride};
  } else if (across == 0 || down == 0) {
    const int fraction = across + down;  // one of them is 0
    if (fraction) {
      halfway(whole, across ? 1 : whole.stride, first, width, height);
      one = {first, kStride};
      if (fraction == 1) two = whole;
      if (fraction == 3) two = across ? beside(1, 0) : beside(0, 1);
    }
  } else if (across == 2 || down == 2) {  // between the middle of four and what lies halfway beside it
    middle(whole, first, width, height);
    if (across == 2)
      halfway(beside(0, down == 3), 1, second, width, height);
    else
      halfway(beside(across == 3, 0), whole.stride, second, width, height);
    one = {first, kStride};
    two = {second, kStride};
  } else {  // between two that lie halfway, askew
    halfway(beside(0, down == 3), 1, first, width, height);
    halfway(beside(across == 3, 0), whole.stride, second, width, height);
    one = {first, kStride};
    two = {second, kStride};
  }
  for (int row = 0; row < height; ++row, to += stride) {
    const std::uint8_t* a = one.data + row * one.stride;
    if (!two.data) {
      std::memcpy(to, a, static_cast<std::size_t>(width));
      continue;
    }
    const std::uint8_t* b = two.data + row * two.stride;
    for (int i = 0; i < width; ++i) to[i] = static_cast<std::uint8_t>((a[i] + b[i] + 1) >> 1);
  }
}

void interpolate_chroma(reconstruction::Motion& motion, const reconstruction::Plane& reference, int x, int y, std::uint8_t* to,
                        std::ptrdiff_t stride, int width, int height) {
  const int across = x & 7, down = y & 7;
  const auto window = motion.window(reference, x >> 3, y >> 3, width + 1, height + 1);
  const int a = (8 - across) * (8 - down), b = across * (8 - down), c = (8 - across) * down, d = across * down;
  for (int row = 0; row < height; ++row, to += stride) {
    const std::uint8_t *above = window.data + row * window.stride, *below = above + window.stride;
    for (int i = 0; i < width; ++i)
      to[i] = static_cast<std::uint8_t>((a * above[i] + b * above[i + 1] + c * below[i] + d * below[i + 1] + 32) >> 6);
  }
}

}  // namespace ns_ray::h264
