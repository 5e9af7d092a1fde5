// Motion compensation: a rectangle of a reference plane, displaced by 1/16 samples, or of a plane of another size.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>

#include "kernels.hpp"
#include "picture.hpp"

namespace ns_ray::reconstruction {

inline constexpr int kMaxBlock = 64 * 4;  // the largest block at the largest scale

class Motion {
 public:
  explicit Motion(const Kernels& kernels) : kernels_(kernels) {}

  // Predicts width x height samples at `dst` from position (x, y) of `reference`, in 1/16 sample and anywhere: beyond
  // its edges a plane goes on with its outermost samples. With `averaged`, the result is averaged with what `dst` holds.
  void predict(const Plane& reference, int x, int y, const Filter (&filters)[16], std::uint8_t* dst,
               std::ptrdiff_t dst_stride, int width, int height, bool averaged) {
    const Filter *across = &filters[x & 15], *down = &filters[y & 15];
    const bool filter_across = x & 15, filter_down = y & 15;
    x >>= 4;
    y >>= 4;
    const auto [src, stride] = window(reference, x, y, width, height);
    std::uint8_t* out = averaged ? other_ : dst;
    const std::ptrdiff_t out_stride = averaged ? kStride : dst_stride;
    if (filter_across && filter_down) {
      kernels_.filter_across(src - 3 * stride, stride, between_, kStride, width, height + 7, *across);
      kernels_.filter_down(between_ + 3 * kStride, kStride, out, out_stride, width, height, *down);
    } else if (filter_across) {
      kernels_.filter_across(src, stride, out, out_stride, width, height, *across);
    } else if (filter_down) {
      kernels_.filter_down(src, stride, out, out_stride, width, height, *down);
    } else if (averaged) {
      kernels_.average(src, stride, dst, dst_stride, width, height);
      return;
    } else {
      for (int row = 0; row < height; ++row) std::memcpy(out + row * out_stride, src + row * stride, width);
    }
    if (averaged) kernels_.average(other_, kStride, dst, dst_stride, width, height);
  }

  // The same where the frame has another size than its reference: from (x, y) on, samples lie step_x and step_y apart, in
  // 1/16 sample, 1 to 32. In pieces, as of the reference they take up to twice their size.
  void predict_scaled(const Plane& reference, int x, int y, int step_x, int step_y, const Filter (&filters)[16],
                      std::uint8_t* dst, std::ptrdiff_t dst_stride, int width, int height, bool averaged) {
    for (int top = 0; top < height; top += kPiece)
      for (int left = 0; left < width; left += kPiece)
        piece(reference, x + left * step_x, y + top * step_y, step_x, step_y, filters, dst + top * dst_stride + left, dst_stride,
              std::min(kPiece, width - left), std::min(kPiece, height - top), averaged);
  }

  struct Window {
    const std::uint8_t* data;
    std::ptrdiff_t stride;
  };

  // Samples of a reference from (x, y) on with what filters need around them, 3 before and 4 behind: in place, or where
  // that reaches beyond the plane in a copy that goes on with its outermost samples, until the next call.
  Window window(const Plane& reference, int x, int y, int width, int height) {
    if (x >= 3 && y >= 3 && x + width + 4 <= reference.width && y + height + 4 <= reference.height)
      return {reference.at(x, y), reference.width};
    return {extended(reference, x, y, width, height), kStride};
  }

 private:
  static constexpr int kPiece = 64;
  static constexpr std::ptrdiff_t kStride = kMaxBlock + 64;
  static constexpr int kRows = kMaxBlock + 8;

  void piece(const Plane& reference, int x, int y, int step_x, int step_y, const Filter (&filters)[16], std::uint8_t* dst,
             std::ptrdiff_t dst_stride, int width, int height, bool averaged) {
    const int across = x & 15, down = y & 15;
    const int columns = ((across + (width - 1) * step_x) >> 4) + 1, rows = ((down + (height - 1) * step_y) >> 4) + 1;
    x >>= 4;
    y >>= 4;
    const auto [src, stride] = window(reference, x, y, columns, rows);
    std::uint8_t* out = averaged ? other_ : dst;
    const std::ptrdiff_t out_stride = averaged ? kStride : dst_stride;
    kernels_.filter_steps(src - 3 * stride, stride, between_, kStride, width, rows + 7, across, step_x, filters);
    for (int row = 0, at = down; row < height; ++row, at += step_y, out += out_stride) {
      const std::uint8_t* from = between_ + (3 + (at >> 4)) * kStride;
      if (at & 15)
        kernels_.filter_down(from, kStride, out, out_stride, width, 1, filters[at & 15]);
      else
        std::memcpy(out, from, width);
    }
    if (averaged) kernels_.average(other_, kStride, dst, dst_stride, width, height);
  }

  const std::uint8_t* extended(const Plane& reference, int x, int y, int width, int height) {
    const int columns = width + 7, first = std::clamp(x - 3, 0, reference.width);
    const int before = std::clamp(3 - x, 0, columns), inside = std::clamp(reference.width - first, 0, columns - before);
    for (int row = 0; row < height + 7; ++row) {
      const std::uint8_t* from = reference.at(0, std::clamp(y + row - 3, 0, reference.height - 1));
      std::uint8_t* to = extended_ + row * kStride;
      std::memset(to, from[0], before);
      std::memcpy(to + before, from + first, inside);
      std::memset(to + before + inside, from[reference.width - 1], columns - before - inside);
    }
    return extended_ + 3 * kStride + 3;
  }

  const Kernels& kernels_;
  // Zeroed once: the filters read, though never use, what lies behind a row.
  std::uint8_t extended_[kRows * kStride] = {}, between_[kRows * kStride] = {}, other_[kRows * kStride] = {};
};

}  // namespace ns_ray::reconstruction
