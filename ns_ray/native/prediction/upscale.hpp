// What an anchor's residual is added to: the LR plane, upscaled (docs/hybrid-format.md, "Prediction").
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace ns_ray::prediction {

inline constexpr int kTaps = 7;  // LR samples from -3 to 3 around a sample
inline constexpr int kMargin = kTaps / 2;

struct Source {
  const std::uint8_t* data = nullptr;
  int width = 0, height = 0;
  std::ptrdiff_t stride = 0;
};

// Weights in 1/64, [phase][tap]; of no phase do their magnitudes add up to more than 128, so that 16 bits hold a row.
using Weights = const std::int16_t (*)[kTaps];

inline int filtered(const std::int16_t* const (&lines)[kTaps], int x, const std::int16_t* taps) {
  int sum = 0;
  for (int tap = 0; tap < kTaps; ++tap) sum += lines[tap][x] * taps[tap];
  return sum;
}

// One row stretched across, not rounded, to `columns` samples; `padded` is memory to work in.
inline void stretch(const std::uint8_t* row, int width, std::int16_t* out, int columns, int scale, Weights weights,
                    std::vector<std::int16_t>& padded) {
  padded.resize(static_cast<std::size_t>(width) + 2 * kMargin);
  std::fill_n(padded.begin(), kMargin, row[0]);
  std::copy_n(row, width, padded.begin() + kMargin);
  std::fill_n(padded.end() - kMargin, kMargin, row[width - 1]);
  const std::int16_t* lines[kTaps];
  for (int tap = 0; tap < kTaps; ++tap) lines[tap] = padded.data() + tap;
  for (int phase = 0; phase < scale; ++phase) {
    const int count = (columns - phase + scale - 1) / scale;
    for (int x = 0; x < count; ++x)
      out[scale * x + phase] = static_cast<std::int16_t>(filtered(lines, x, weights[phase]));
  }
}

// A plane of `columns` x `rows` samples, at most `scale` times as many either way as the source has, to `out`.
inline void upscale(const Source& source, std::uint8_t* out, int columns, int rows, int scale, Weights weights) {
  std::vector<std::int16_t> padded, stretched(static_cast<std::size_t>(columns) * kTaps);
  const auto line = [&](int y) { return stretched.data() + static_cast<std::size_t>(y % kTaps) * columns; };
  int ready = 0;  // LR rows stretched so far, of which the last kTaps are kept
  for (int y = 0; y < rows; ++y, out += columns) {
    const int middle = y / scale;
    for (; ready <= std::min(middle + kMargin, source.height - 1); ++ready)
      stretch(source.data + ready * source.stride, source.width, line(ready), columns, scale, weights, padded);
    const std::int16_t* lines[kTaps];
    for (int tap = 0; tap < kTaps; ++tap) lines[tap] = line(std::clamp(middle + tap - kMargin, 0, source.height - 1));
    const std::int16_t* const taps = weights[y % scale];
    for (int x = 0; x < columns; ++x)
      out[x] = static_cast<std::uint8_t>(std::clamp((filtered(lines, x, taps) + 2048) >> 12, 0, 255));
  }
}

}  // namespace ns_ray::prediction
