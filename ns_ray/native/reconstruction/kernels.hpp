// The inner loops, for any processor, for AVX2 and for WebAssembly; all give the same bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace ns_ray::reconstruction {

struct Filter {
  std::int16_t taps[8];  // their sum is 128
};

inline constexpr int kUpTaps = 5;  // support of the upscaling kernels in LR samples, centred

// Kinds of neighbourhood: 8 directions of its edges, 4 strengths, 3 degrees of how much they agree.
inline constexpr int kClasses = 96, kFlatClasses = 24;
inline constexpr int kGuessInputs = 24;  // what a sample's neighbours in 5x5 differ by from it
inline constexpr int kGuessLanes = 16;   // HR samples of an LR sample, its phases, at most
// Weights in 1/4096: of 8 phases [row][pair of columns][phase][column]; behind them of 8 more, or at scale 3, where just one
// is left, [row][column up to 8].
inline constexpr int kGuessHalf = 5 * 3 * 8 * 2, kGuessWeights = 2 * kGuessHalf;

// Where in them a neighbour's weight for a phase is.
constexpr int guess_place(int row, int column, int phase, int scale) {
  if (phase >= 8 && scale == 3) return kGuessHalf + row * 8 + column;
  return phase / 8 * kGuessHalf + ((row * 3 + column / 2) * 8 + phase % 8) * 2 + column % 2;
}

// Sums of products of inputs by inputs (where the second's index is no lower than 8 * (the first's / 8)) and by outputs, the
// detail in 1/32 lane by lane.
struct Products {
  std::int32_t sums[kGuessInputs][kGuessInputs + kGuessLanes] = {};
  static constexpr int kMost = 1024;  // samples that they hold without overflow: 255 * 8160 * 1024 < 2^31
};

struct CellSums {
  std::int32_t residual;  // (decoded - prediction)^2 of 64 samples
  std::int32_t drift;     // (prediction - low)^2 of 64 samples, in 1/64
  std::int32_t detail;    // (low - blurred low)^2 of the inner 36 samples, in 1/64
};

// Rows of LR samples travel in units of 1/32 (int16); once stretched to HR width, in 1/64.
struct Kernels {
  // One pass of an 8-tap filter along the rows, and one along the columns, rounded and clipped to 8 bits.
  // They may read up to 64 bytes behind the samples they need.
  void (*filter_across)(const std::uint8_t* src, std::ptrdiff_t src_stride, std::uint8_t* dst, std::ptrdiff_t dst_stride,
                        int width, int height, const Filter& filter);
  void (*filter_down)(const std::uint8_t* src, std::ptrdiff_t src_stride, std::uint8_t* dst, std::ptrdiff_t dst_stride,
                      int width, int height, const Filter& filter);
  // As filter_across, but the samples lie `step` / 16 apart, from x / 16 on, each with the filter of its own fraction. They
  // read nothing but the samples they need.
  void (*filter_steps)(const std::uint8_t* src, std::ptrdiff_t src_stride, std::uint8_t* dst, std::ptrdiff_t dst_stride,
                       int width, int height, int x, int step, const Filter (&filters)[16]);
  // dst = Round2(dst + src, 1), the average of a compound prediction.
  void (*average)(const std::uint8_t* src, std::ptrdiff_t src_stride, std::uint8_t* dst, std::ptrdiff_t dst_stride,
                  int width, int height);
  // dst += weight * (src - dst); weights in 1/256, one for each column if `across`, else one for each row.
  void (*mix)(const std::uint8_t* src, std::ptrdiff_t src_stride, std::uint8_t* dst, std::ptrdiff_t dst_stride, int width,
              int height, const std::uint8_t* weights, bool across);
  // Mean of scale x scale samples each, in 1/32.
  void (*shrink)(const std::uint8_t* src, std::ptrdiff_t src_stride, std::int16_t* dst, int width, int scale);
  // What an 8x8 cell tells of its prediction: sums of squares, see CellSums. `low` in 1/32.
  CellSums (*measure)(const std::int16_t* low, std::ptrdiff_t low_stride, const std::uint8_t* prediction,
                      std::ptrdiff_t prediction_stride, const std::uint8_t* decoded, std::ptrdiff_t decoded_stride);
  // target = low + residual_weight * (decoded - prediction) + gain * (prediction - low) + brighter, in 1/32; weights in
  // 1/16384.
  void (*correct)(const std::int16_t* low, const std::uint8_t* prediction, const std::uint8_t* decoded,
                  std::int16_t* target, int width, int residual_weight, int gain, int brighter);
  // One LR row stretched to HR width. `src` is readable from -2 to width + 1. weights[phase][tap] in 1/16384.
  void (*stretch)(const std::int16_t* src, std::int16_t* dst, int width, int scale,
                  const std::int16_t (*weights)[kUpTaps]);
  // Products of the gradients of one LR row, summed over 5 columns around every other one: xx, xy, yy. Rows are readable
  // from -3 to width + 2.
  void (*gradients)(const std::int16_t* above, const std::int16_t* row, const std::int16_t* below,
                    std::int32_t* const* sums, int width);
  // Classes of every other sample of an LR row from the products of 3 rows, [row][xx, xy, yy].
  void (*classify)(const std::int32_t* const (*sums)[3], std::uint8_t* classes, int width);
  // The detail of two LR rows, that is of 2 * scale HR rows, in 1/32, times 1 - fade of its cell. `rows` are 6 rows of
  // samples, readable from -2 to width + 4; two by two samples share a class. Behind a row 7 samples may be written.
  void (*guess)(const std::int16_t* const* rows, const std::uint8_t* classes, const std::int16_t* weights,
                const std::int16_t* fade, int cell, std::int16_t* const* out, int width, int scale);
  // What two by two LR samples at x and their HR samples teach, added to `products`; gives the sum of all detail. `rows` as
  // for guess, `upscaler` weights as for guess, `hr` 2 * scale rows of HR samples. Every sample is 0 to 255.
  std::int32_t (*study)(const std::int16_t* const* rows, int x, const std::int16_t* upscaler, const std::uint8_t* const* hr,
                        int scale, Products& products);
  // One HR row: out = up(target) + fade * (prediction - up(low)) + detail, in place over the prediction.
  // `count` stretched rows each of target and low with their weights, in 1/16384; fade in 1/16384 per sample.
  void (*compose)(std::uint8_t* row, const std::int16_t* const* target, const std::int16_t* const* low,
                  const std::int16_t* weights, int count, const std::int16_t* fade, const std::int16_t* detail, int width);
};

#ifdef __wasm__
namespace wasm {
extern const Kernels kKernels;
}
#else
namespace portable {
extern const Kernels kKernels;
}
#endif
#ifdef NS_RAY_AVX2
namespace avx2 {
extern const Kernels kKernels;
}
#endif

inline bool has_avx2() {
#ifdef NS_RAY_AVX2
  return __builtin_cpu_supports("avx2");
#else
  return false;
#endif
}

inline const Kernels& kernels(bool simd) {
#ifdef NS_RAY_AVX2
  if (simd && has_avx2()) return avx2::kKernels;
#endif
  (void)simd;
#ifdef __wasm__
  return wasm::kKernels;
#else
  return portable::kKernels;
#endif
}

}  // namespace ns_ray::reconstruction
