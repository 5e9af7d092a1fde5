// Bodies of the inner loops, for AVX2, for WebAssembly's vectors and for any processor. Included once per instruction set,
// with NS_RAY_ISA naming the namespace: everything here is local to it, so that the linker cannot hand AVX2 code to a
// processor without it.

#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__wasm_simd128__)
#include <wasm_simd128.h>
#endif

namespace ns_ray::reconstruction::NS_RAY_ISA {
namespace {

// (a * b + 2^14) >> 15, what pmulhrsw does.
inline std::int16_t scaled(std::int16_t a, std::int16_t b) {
  return static_cast<std::int16_t>((a * b + 0x4000) >> 15);
}

// Calls work(std::integral_constant<int, scale>()), so that loops over the scale are unrolled.
template <typename Work>
auto at_scale(int scale, Work work) {
  switch (scale) {
    case 1: return work(std::integral_constant<int, 1>());
    case 2: return work(std::integral_constant<int, 2>());
    case 3: return work(std::integral_constant<int, 3>());
    default: return work(std::integral_constant<int, 4>());
  }
}

inline std::uint8_t clip(int v) { return static_cast<std::uint8_t>(v < 0 ? 0 : v > 255 ? 255 : v); }

// The sum of products lies within -54 * 255 .. 182 * 255, less than 2^16 wide: with this added to it, 16 bits hold it.
constexpr int kBias = 108 * 128;

#ifdef __AVX2__

inline __m128i load16(const void* at) { return _mm_loadu_si128(static_cast<const __m128i*>(at)); }

inline __m256i load32(const void* at) { return _mm256_loadu_si256(static_cast<const __m256i*>(at)); }

inline __m256i load_halves(const void* low, const void* high) {
  return _mm256_inserti128_si256(_mm256_castsi128_si256(load16(low)), load16(high), 1);
}

struct Taps {
  __m256i pair[4];
};

inline Taps pairs_of(const Filter& filter) {
  Taps taps;
  for (int i = 0; i < 4; ++i) {
    const int low = filter.taps[2 * i] & 0xff, high = filter.taps[2 * i + 1] & 0xff;
    taps.pair[i] = _mm256_set1_epi16(static_cast<short>(low | high << 8));
  }
  return taps;
}

// Of 16 samples. No pair of taps overflows pmaddubsw: neighbours at even positions add up to at most 128 * 255.
inline __m128i filtered(__m256i a, __m256i b, __m256i c, __m256i d, const Taps& taps) {
  const __m256i first = _mm256_add_epi16(_mm256_maddubs_epi16(a, taps.pair[0]), _mm256_maddubs_epi16(b, taps.pair[1]));
  const __m256i second = _mm256_add_epi16(_mm256_maddubs_epi16(c, taps.pair[2]), _mm256_maddubs_epi16(d, taps.pair[3]));
  __m256i sum = _mm256_add_epi16(_mm256_add_epi16(first, second), _mm256_set1_epi16(kBias + 64));
  sum = _mm256_subs_epu16(_mm256_srli_epi16(sum, 7), _mm256_set1_epi16(kBias >> 7));
  return _mm_packus_epi16(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
}

// The first `count` of 16 samples, or all.
inline void store(std::uint8_t* dst, __m128i samples, int count) {
  if (count >= 16) return _mm_storeu_si128(reinterpret_cast<__m128i*>(dst), samples);
  if (count & 8) {
    _mm_storel_epi64(reinterpret_cast<__m128i*>(dst), samples);
    samples = _mm_srli_si128(samples, 8);
    dst += 8;
  }
  if (count & 4) {
    _mm_storeu_si32(dst, samples);
    samples = _mm_srli_si128(samples, 4);
    dst += 4;
  }
  for (int i = 0; i < (count & 3); ++i, samples = _mm_srli_si128(samples, 1))
    dst[i] = static_cast<std::uint8_t>(_mm_cvtsi128_si32(samples));
}

constexpr int kAhead = 8;  // rows: what a vector points to has seldom been looked at before

void filter_across(const std::uint8_t* src, std::ptrdiff_t src_stride, std::uint8_t* dst, std::ptrdiff_t dst_stride, int width,
                   int height, const Filter& filter) {
  const Taps taps = pairs_of(filter);
  src -= 3;
  __m256i pairs = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8));
  __m256i at[4];
  for (int i = 0; i < 4; ++i, pairs = _mm256_add_epi8(pairs, _mm256_set1_epi8(2))) at[i] = pairs;
  for (int y = 0; y < height; ++y, src += src_stride, dst += dst_stride) {
    for (int x = 0; x < width; x += 64) __builtin_prefetch(src + kAhead * src_stride + x);
    for (int x = 0; x < width; x += 16) {
      const __m256i v = load_halves(src + x, src + x + 8);
      const auto taken = [&](int i) { return _mm256_shuffle_epi8(v, at[i]); };
      store(dst + x, filtered(taken(0), taken(1), taken(2), taken(3), taps), width - x);
    }
  }
}

// Sixteen columns at a time, so that each row is loaded and paired with the one below it once.
void filter_down(const std::uint8_t* src, std::ptrdiff_t src_stride, std::uint8_t* dst, std::ptrdiff_t dst_stride, int width,
                 int height, const Filter& filter) {
  const Taps taps = pairs_of(filter);
  src -= 3 * src_stride;
  const auto halves = [](const std::uint8_t* at) { return _mm256_permute4x64_epi64(_mm256_castsi128_si256(load16(at)), 0x10); };
  for (int x = 0; x < width; x += 16) {
    const std::uint8_t* from = src + x;
    std::uint8_t* to = dst + x;
    __m256i pairs[7], last = halves(from);
    for (int i = 0; i < 6; ++i) {
      const __m256i next = halves(from += src_stride);
      pairs[i] = _mm256_unpacklo_epi8(last, next);
      last = next;
    }
    for (int y = 0; y < height; ++y, to += dst_stride) {
      const __m256i next = halves(from += src_stride);
      pairs[6] = _mm256_unpacklo_epi8(last, next);
      last = next;
      store(to, filtered(pairs[0], pairs[2], pairs[4], pairs[6], taps), width - x);
      for (int i = 0; i < 6; ++i) pairs[i] = pairs[i + 1];
    }
  }
}

#elif defined(__wasm_simd128__)

// Of 8 samples; as 16 bits hold it, biased.
inline v128_t finished(v128_t sum) {
  sum = wasm_u16x8_sub_sat(wasm_u16x8_shr(sum, 7), wasm_i16x8_const_splat(kBias >> 7));
  return wasm_u8x16_narrow_i16x8(sum, sum);
}

// The first `count` of 8 samples, or all.
inline void store(std::uint8_t* dst, v128_t samples, int count) {
  if (count >= 8) return wasm_v128_store64_lane(dst, samples, 0);
  if (count & 4) {
    wasm_v128_store32_lane(dst, samples, 0);
    samples = wasm_u64x2_shr(samples, 32);
    dst += 4;
  }
  if (count & 2) {
    wasm_v128_store16_lane(dst, samples, 0);
    samples = wasm_u64x2_shr(samples, 16);
    dst += 2;
  }
  if (count & 1) wasm_v128_store8_lane(dst, samples, 0);
}

void filter_across(const std::uint8_t* src, std::ptrdiff_t src_stride, std::uint8_t* dst, std::ptrdiff_t dst_stride, int width,
                   int height, const Filter& filter) {
  v128_t taps[8];
  for (int i = 0; i < 8; ++i) taps[i] = wasm_i16x8_splat(filter.taps[i]);
  src -= 3;
  for (int y = 0; y < height; ++y, src += src_stride, dst += dst_stride) {
    for (int x = 0; x < width; x += 8) {
      v128_t sum = wasm_i16x8_const_splat(kBias + 64);
      for (int i = 0; i < 8; ++i) sum = wasm_i16x8_add(sum, wasm_i16x8_mul(wasm_u16x8_load8x8(src + x + i), taps[i]));
      store(dst + x, finished(sum), width - x);
    }
  }
}

// So many rows at a time of eight columns: what they have in common is loaded once.
template <int Rows>
inline void filter_rows(const std::uint8_t* src, std::ptrdiff_t src_stride, std::uint8_t* dst, std::ptrdiff_t dst_stride, int count,
                        const v128_t (&taps)[8]) {
  v128_t sums[Rows];
  for (auto& sum : sums) sum = wasm_i16x8_const_splat(kBias + 64);
  for (int row = 0; row < Rows + 7; ++row, src += src_stride) {
    const v128_t samples = wasm_u16x8_load8x8(src);
    for (int i = 0; i < Rows; ++i)
      if (row >= i && row < i + 8) sums[i] = wasm_i16x8_add(sums[i], wasm_i16x8_mul(samples, taps[row - i]));
  }
  for (int i = 0; i < Rows; ++i) store(dst + i * dst_stride, finished(sums[i]), count);
}

void filter_down(const std::uint8_t* src, std::ptrdiff_t src_stride, std::uint8_t* dst, std::ptrdiff_t dst_stride, int width,
                 int height, const Filter& filter) {
  v128_t taps[8];
  for (int i = 0; i < 8; ++i) taps[i] = wasm_i16x8_splat(filter.taps[i]);
  src -= 3 * src_stride;
  int y = 0;
  for (; y + 4 <= height; y += 4, src += 4 * src_stride, dst += 4 * dst_stride)
    for (int x = 0; x < width; x += 8) filter_rows<4>(src + x, src_stride, dst + x, dst_stride, width - x, taps);
  for (; y < height; ++y, src += src_stride, dst += dst_stride)
    for (int x = 0; x < width; x += 8) filter_rows<1>(src + x, src_stride, dst + x, dst_stride, width - x, taps);
}

#else

void filter_along(const std::uint8_t* src, std::ptrdiff_t src_stride, std::ptrdiff_t step, std::uint8_t* dst,
                  std::ptrdiff_t dst_stride, int width, int height, const Filter& filter) {
  src -= 3 * step;
  for (int y = 0; y < height; ++y, src += src_stride, dst += dst_stride) {
    for (int x = 0; x < width; ++x) {
      std::uint16_t sum = kBias + 64;
      for (int i = 0; i < 8; ++i) sum = static_cast<std::uint16_t>(sum + src[x + i * step] * filter.taps[i]);
      dst[x] = clip((sum >> 7) - (kBias >> 7));
    }
  }
}

void filter_across(const std::uint8_t* src, std::ptrdiff_t src_stride, std::uint8_t* dst, std::ptrdiff_t dst_stride, int width,
                   int height, const Filter& filter) {
  filter_along(src, src_stride, 1, dst, dst_stride, width, height, filter);
}

void filter_down(const std::uint8_t* src, std::ptrdiff_t src_stride, std::uint8_t* dst, std::ptrdiff_t dst_stride, int width,
                 int height, const Filter& filter) {
  filter_along(src, src_stride, src_stride, dst, dst_stride, width, height, filter);
}

#endif

void filter_steps(const std::uint8_t* src, std::ptrdiff_t src_stride, std::uint8_t* dst, std::ptrdiff_t dst_stride, int width,
                  int height, int x, int step, const Filter (&filters)[16]) {
  src -= 3;
  for (int y = 0; y < height; ++y, src += src_stride, dst += dst_stride) {
    int i = 0, at = x;
#ifdef __AVX2__
    const auto products = [&] {
      const __m128i samples = _mm_cvtepu8_epi16(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(src + (at >> 4))));
      const __m128i four = _mm_madd_epi16(samples, load16(filters[at & 15].taps));
      at += step;
      return four;
    };
    for (; i + 4 <= width; i += 4) {
      const __m128i a = products(), b = products(), c = products(), d = products();
      const __m128i sums = _mm_hadd_epi32(_mm_hadd_epi32(a, b), _mm_hadd_epi32(c, d));
      const __m128i rounded = _mm_srai_epi32(_mm_add_epi32(sums, _mm_set1_epi32(64)), 7);
      const __m128i words = _mm_packs_epi32(rounded, rounded);
      _mm_storeu_si32(dst + i, _mm_packus_epi16(words, words));
    }
#endif
    for (; i < width; ++i, at += step) {
      int sum = 64;
      for (int tap = 0; tap < 8; ++tap) sum += src[(at >> 4) + tap] * filters[at & 15].taps[tap];
      dst[i] = clip(sum >> 7);
    }
  }
}

void average(const std::uint8_t* src, std::ptrdiff_t src_stride, std::uint8_t* dst, std::ptrdiff_t dst_stride, int width,
             int height) {
  for (int y = 0; y < height; ++y, src += src_stride, dst += dst_stride)
    for (int x = 0; x < width; ++x) dst[x] = static_cast<std::uint8_t>((dst[x] + src[x] + 1) >> 1);
}

// Sixteen bits hold every step: 255 * 256 + 128 < 2^16.
inline std::uint8_t mixed(std::uint8_t from, std::uint8_t to, std::uint8_t weight) {
  return static_cast<std::uint8_t>((to * (256 - weight) + from * weight + 128) >> 8);
}

void mix(const std::uint8_t* src, std::ptrdiff_t src_stride, std::uint8_t* dst, std::ptrdiff_t dst_stride, int width,
         int height, const std::uint8_t* weights, bool across) {
  for (int y = 0; y < height; ++y, src += src_stride, dst += dst_stride) {
    int x = 0;
#ifdef __AVX2__
    const auto eight = [](__m128i from, __m128i to, __m128i weight) {
      const __m128i rest = _mm_sub_epi16(_mm_set1_epi16(256), weight);
      const __m128i sum = _mm_add_epi16(_mm_mullo_epi16(_mm_cvtepu8_epi16(to), rest), _mm_mullo_epi16(_mm_cvtepu8_epi16(from), weight));
      const __m128i rounded = _mm_srli_epi16(_mm_add_epi16(sum, _mm_set1_epi16(128)), 8);
      return _mm_packus_epi16(rounded, rounded);
    };
    const auto weight = [&](__m128i columns) { return across ? _mm_cvtepu8_epi16(columns) : _mm_set1_epi16(weights[y]); };
    const auto load = [](const std::uint8_t* at) { return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(at)); };
    for (; x + 8 <= width; x += 8) {
      const __m128i columns = across ? load(weights + x) : _mm_setzero_si128();
      _mm_storel_epi64(reinterpret_cast<__m128i*>(dst + x), eight(load(src + x), load(dst + x), weight(columns)));
    }
    if (x + 4 <= width) {
      const __m128i columns = across ? _mm_loadu_si32(weights + x) : _mm_setzero_si128();
      _mm_storeu_si32(dst + x, eight(_mm_loadu_si32(src + x), _mm_loadu_si32(dst + x), weight(columns)));
      x += 4;
    }
#elif defined(__wasm_simd128__)
    for (; x < width; x += 8) {
      const v128_t weight = across ? wasm_u16x8_load8x8(weights + x) : wasm_i16x8_splat(weights[y]);
      const v128_t rest = wasm_i16x8_sub(wasm_i16x8_const_splat(256), weight);
      const v128_t sum = wasm_i16x8_add(wasm_i16x8_mul(wasm_u16x8_load8x8(dst + x), rest), wasm_i16x8_mul(wasm_u16x8_load8x8(src + x), weight));
      const v128_t rounded = wasm_u16x8_shr(wasm_i16x8_add(sum, wasm_i16x8_const_splat(128)), 8);
      store(dst + x, wasm_u8x16_narrow_i16x8(rounded, rounded), width - x);
    }
#endif
    for (; x < width; ++x) dst[x] = mixed(src[x], dst[x], weights[across ? x : y]);
  }
}

void shrink(const std::uint8_t* src, std::ptrdiff_t stride, std::int16_t* dst, int width, int scale) {
  constexpr int kShift = 14;
  const int factor = ((32 << kShift) + scale * scale / 2) / (scale * scale);
  int x = 0;
#ifdef __AVX2__
  std::int8_t taken[16];  // each sample's columns as four bytes, none for those that the scale lacks
  for (int i = 0; i < 16; ++i) taken[i] = static_cast<std::int8_t>(i % 4 < scale ? i / 4 * scale + i % 4 : -1);
  const __m256i columns = _mm256_broadcastsi128_si256(load16(taken));
  for (; x + 8 <= width; x += 8) {
    __m256i sum = _mm256_setzero_si256();
    for (int y = 0; y < scale; ++y) {
      const std::uint8_t* row = src + x * scale + y * stride;
      const __m256i samples = load_halves(row, row + 4 * scale);
      sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16(_mm256_shuffle_epi8(samples, columns), _mm256_set1_epi8(1)));
    }
    sum = _mm256_mullo_epi32(_mm256_madd_epi16(sum, _mm256_set1_epi16(1)), _mm256_set1_epi32(factor));
    sum = _mm256_srli_epi32(_mm256_add_epi32(sum, _mm256_set1_epi32(1 << (kShift - 1))), kShift);
    const __m128i means = _mm_packus_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(dst + x), means);
  }
#elif defined(__wasm_simd128__)
  std::uint8_t taken[16];  // each sample's columns as four bytes, none for those that the scale lacks
  for (int i = 0; i < 16; ++i) taken[i] = static_cast<std::uint8_t>(i % 4 < scale ? i / 4 * scale + i % 4 : 255);
  const v128_t columns = wasm_v128_load(taken);
  for (; x + 4 <= width; x += 4) {
    v128_t sum = wasm_i16x8_const_splat(0);
    for (int y = 0; y < scale; ++y) {
      const v128_t samples = wasm_i8x16_swizzle(wasm_v128_load(src + x * scale + y * stride), columns);
      sum = wasm_i16x8_add(sum, wasm_u16x8_extadd_pairwise_u8x16(samples));
    }
    sum = wasm_i32x4_mul(wasm_u32x4_extadd_pairwise_u16x8(sum), wasm_i32x4_splat(factor));
    sum = wasm_u32x4_shr(wasm_i32x4_add(sum, wasm_i32x4_const_splat(1 << (kShift - 1))), kShift);
    wasm_v128_store64_lane(dst + x, wasm_u16x8_narrow_i32x4(sum, sum), 0);
  }
#endif
  for (; x < width; ++x) {
    int sum = 0;
    for (int y = 0; y < scale; ++y)
      for (int i = 0; i < scale; ++i) sum += src[x * scale + i + y * stride];
    dst[x] = static_cast<std::int16_t>((sum * factor + (1 << (kShift - 1))) >> kShift);
  }
}

CellSums measure(const std::int16_t* low, std::ptrdiff_t low_stride, const std::uint8_t* prediction,
                 std::ptrdiff_t prediction_stride, const std::uint8_t* decoded, std::ptrdiff_t decoded_stride) {
  CellSums sums{};
  std::int16_t eighths[8][8];  // low in 1/8
  for (int y = 0; y < 8; ++y, low += low_stride, prediction += prediction_stride, decoded += decoded_stride) {
    for (int x = 0; x < 8; ++x) {
      const int eighth = low[x] >> 2;
      eighths[y][x] = static_cast<std::int16_t>(eighth);
      const int residual = decoded[x] - prediction[x], drift = 8 * prediction[x] - eighth;
      sums.residual += residual * residual;
      sums.drift += drift * drift;
    }
  }
  for (int y = 1; y < 7; ++y) {
    std::int16_t column[8];
    for (int x = 0; x < 8; ++x)
      column[x] = static_cast<std::int16_t>(eighths[y - 1][x] + 2 * eighths[y][x] + eighths[y + 1][x]);
    for (int x = 1; x < 7; ++x) {
      const int detail = eighths[y][x] - ((column[x - 1] + 2 * column[x] + column[x + 1] + 8) >> 4);
      sums.detail += detail * detail;
    }
  }
  return sums;
}

void correct(const std::int16_t* low, const std::uint8_t* prediction, const std::uint8_t* decoded, std::int16_t* target,
             int width, int residual_weight, int gain, int brighter) {
  const auto residual_factor = static_cast<std::int16_t>(residual_weight), gain_factor = static_cast<std::int16_t>(gain);
  int x = 0;
#ifdef __AVX2__
  const auto bytes = [](const std::uint8_t* at) { return _mm_cvtepu8_epi16(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(at))); };
  for (; x + 8 <= width; x += 8) {
    const __m128i p = bytes(prediction + x), l = load16(low + x);
    const __m128i residual = _mm_slli_epi16(_mm_sub_epi16(bytes(decoded + x), p), 6);
    const __m128i drift = _mm_slli_epi16(_mm_sub_epi16(_mm_slli_epi16(p, 5), l), 1);
    __m128i sum = _mm_add_epi16(l, _mm_mulhrs_epi16(residual, _mm_set1_epi16(residual_factor)));
    sum = _mm_add_epi16(sum, _mm_mulhrs_epi16(drift, _mm_set1_epi16(gain_factor)));
    sum = _mm_add_epi16(sum, _mm_set1_epi16(static_cast<std::int16_t>(brighter)));
    sum = _mm_min_epi16(_mm_max_epi16(sum, _mm_setzero_si128()), _mm_set1_epi16(255 * 32));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(target + x), sum);
  }
#elif defined(__wasm_simd128__)
  for (; x + 8 <= width; x += 8) {
    const v128_t p = wasm_u16x8_load8x8(prediction + x), l = wasm_v128_load(low + x);
    const v128_t residual = wasm_i16x8_shl(wasm_i16x8_sub(wasm_u16x8_load8x8(decoded + x), p), 6);
    const v128_t drift = wasm_i16x8_shl(wasm_i16x8_sub(wasm_i16x8_shl(p, 5), l), 1);
    v128_t sum = wasm_i16x8_add(l, wasm_i16x8_q15mulr_sat(residual, wasm_i16x8_splat(residual_factor)));
    sum = wasm_i16x8_add(sum, wasm_i16x8_q15mulr_sat(drift, wasm_i16x8_splat(gain_factor)));
    sum = wasm_i16x8_add(sum, wasm_i16x8_splat(static_cast<std::int16_t>(brighter)));
    sum = wasm_i16x8_min(wasm_i16x8_max(sum, wasm_i16x8_const_splat(0)), wasm_i16x8_const_splat(255 * 32));
    wasm_v128_store(target + x, sum);
  }
#endif
  for (; x < width; ++x) {
    const auto residual = static_cast<std::int16_t>(64 * (decoded[x] - prediction[x]));
    const auto drift = static_cast<std::int16_t>(2 * (32 * prediction[x] - low[x]));
    const int value = low[x] + scaled(residual, residual_factor) + scaled(drift, gain_factor) + brighter;
    target[x] = static_cast<std::int16_t>(value < 0 ? 0 : value > 255 * 32 ? 255 * 32 : value);
  }
}

#if defined(__AVX2__) || defined(__wasm_simd128__)

// Where 8 samples of each of `Scale` phases go in a row of all: [vector of the row][phase], for pshufb or its like.
template <int Scale>
struct Weave {
  std::int8_t taken[Scale][Scale][16];

  constexpr Weave() : taken() {
    for (int to = 0; to < 8 * Scale; ++to)
      for (int phase = 0; phase < Scale; ++phase)
        for (int byte = 0; byte < 2; ++byte)
          taken[to / 8][phase][to % 8 * 2 + byte] = static_cast<std::int8_t>(to % Scale == phase ? to / Scale * 2 + byte : -1);
  }
};

#endif

template <int Scale>
void stretch_by(const std::int16_t* src, std::int16_t* dst, int width, const std::int16_t (*weights)[kUpTaps]) {
  int x = 0;
#ifdef __AVX2__
  static constexpr Weave<Scale> kWeave;
  for (; x + 16 <= width; x += 16) {
    __m256i twice[kUpTaps], phases[Scale];
    for (int tap = 0; tap < kUpTaps; ++tap) {
      const __m256i v = load32(src + x + tap - 2);
      twice[tap] = _mm256_add_epi16(v, v);
    }
    for (int p = 0; p < Scale; ++p) {
      __m256i sum = _mm256_setzero_si256();
      for (int tap = 0; tap < kUpTaps; ++tap)
        sum = _mm256_add_epi16(sum, _mm256_mulhrs_epi16(twice[tap], _mm256_set1_epi16(weights[p][tap])));
      phases[p] = _mm256_add_epi16(sum, sum);
    }
    for (int i = 0; i < Scale; ++i) {
      __m256i row = _mm256_setzero_si256();
      for (int p = 0; p < Scale; ++p) {
        const __m256i taken = _mm256_broadcastsi128_si256(load16(kWeave.taken[i][p]));
        row = _mm256_or_si256(row, _mm256_shuffle_epi8(phases[p], taken));
      }
      std::int16_t* to = dst + Scale * x + 8 * i;
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm256_castsi256_si128(row));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to + 8 * Scale), _mm256_extracti128_si256(row, 1));
    }
  }
#elif defined(__wasm_simd128__)
  static constexpr Weave<Scale> kWeave;
  for (; x + 8 <= width; x += 8) {
    v128_t twice[kUpTaps], phases[Scale];
    for (int tap = 0; tap < kUpTaps; ++tap) {
      const v128_t v = wasm_v128_load(src + x + tap - 2);
      twice[tap] = wasm_i16x8_add(v, v);
    }
    for (int p = 0; p < Scale; ++p) {
      v128_t sum = wasm_i16x8_const_splat(0);
      for (int tap = 0; tap < kUpTaps; ++tap)
        sum = wasm_i16x8_add(sum, wasm_i16x8_q15mulr_sat(twice[tap], wasm_i16x8_splat(weights[p][tap])));
      phases[p] = wasm_i16x8_add(sum, sum);
    }
    for (int i = 0; i < Scale; ++i) {
      v128_t row = wasm_i16x8_const_splat(0);
      for (int p = 0; p < Scale; ++p)
        row = wasm_v128_or(row, wasm_i8x16_swizzle(phases[p], wasm_v128_load(kWeave.taken[i][p])));
      wasm_v128_store(dst + Scale * x + 8 * i, row);
    }
  }
#endif
  for (; x < width; ++x) {
    for (int p = 0; p < Scale; ++p) {
      int sum = 0;
      for (int tap = 0; tap < kUpTaps; ++tap) sum += scaled(static_cast<std::int16_t>(2 * src[x + tap - 2]), weights[p][tap]);
      dst[Scale * x + p] = static_cast<std::int16_t>(2 * sum);
    }
  }
}

void stretch(const std::int16_t* src, std::int16_t* dst, int width, int scale, const std::int16_t (*weights)[kUpTaps]) {
  at_scale(scale, [&](auto constant) { stretch_by<decltype(constant)::value>(src, dst, width, weights); });
}

void gradients(const std::int16_t* above, const std::int16_t* row, const std::int16_t* below, std::int32_t* const* sums,
               int width) {
  constexpr int kChunk = 256;
  std::int32_t xx[kChunk + 4], xy[kChunk + 4], yy[kChunk + 4];
  for (int start = 0; start < width; start += kChunk) {
    const int count = width - start < kChunk ? width - start : kChunk;
    for (int i = 0; i < count + 4; ++i) {
      const int x = start + i - 2;
      const std::int32_t across = row[x + 1] - row[x - 1], down = below[x] - above[x];
      xx[i] = across * across, xy[i] = across * down, yy[i] = down * down;
    }
    const auto every_other = [&](const std::int32_t* products, std::int32_t* to) {
      for (int i = 0; i < count; i += 2)
        to[(start + i) / 2] = products[i] + products[i + 1] + products[i + 2] + products[i + 3] + products[i + 4];
    };
    every_other(xx, sums[0]);
    every_other(xy, sums[1]);
    every_other(yy, sums[2]);
  }
}

void classify(const std::int32_t* const (*sums)[3], std::uint8_t* classes, int width) {
  const std::int32_t* rows[3][3];  // copies, which writing classes cannot change
  for (int i = 0; i < 9; ++i) rows[i / 3][i % 3] = sums[i / 3][i % 3];
  const auto sum = [&](int product, int i) { return rows[0][product][i] + rows[1][product][i] + rows[2][product][i]; };
  for (int i = 0; i < (width + 1) / 2; ++i) {
    const std::int32_t xx = sum(0, i), xy = sum(1, i), yy = sum(2, i);
    // Twice the edges' angle has the cosine `cosine` and the sine `sine`, both times how far they agree.
    const std::int32_t strength = xx + yy, cosine = xx - yy, sine = 2 * xy;
    const std::int32_t c = cosine < 0 ? -cosine : cosine, s = sine < 0 ? -sine : sine;
    const std::int32_t length = (c > s ? c : s) + 3 * (c > s ? s : c) / 8;  // of (cosine, sine), about
    const std::int32_t direction = 4 * (sine < 0) + 2 * (cosine < 0) + (s > c);
    const std::int32_t strong = (strength > 240) + (strength > 2160) + (strength > 15360);
    const std::int32_t agreed = (32 * length > 15 * strength) + (5 * length > 4 * strength);
    classes[i] = static_cast<std::uint8_t>((strong * 8 + direction) * 3 + agreed);
  }
}

inline std::int32_t limited(std::int32_t v) { return v > 8160 ? 8160 : v < -8160 ? -8160 : v; }

using Lanes = std::int16_t[4][kGuessLanes];

#ifdef __AVX2__

// What two by two LR samples at x give in eight phases.
inline void filter_eight(const std::int16_t* const* rows, int x, const std::int16_t* weights, __m256i (&sums)[4]) {
  for (auto& sum : sums) sum = _mm256_setzero_si256();
  for (int row = 0; row < 5; ++row) {
    for (int pair = 0; pair < 3; ++pair, weights += 16) {
      const __m256i lanes = load32(weights);
      for (int i = 0; i < 4; ++i) {
        std::int32_t both;
        std::memcpy(&both, rows[row + i / 2] + x + i % 2 - 2 + 2 * pair, sizeof both);
        sums[i] = _mm256_add_epi32(sums[i], _mm256_madd_epi16(_mm256_set1_epi32(both), lanes));
      }
    }
  }
}

// The same in one phase: in each half the two samples of a row, twice.
inline __m256i filter_one(const std::int16_t* const* rows, int x, const std::int16_t* weights) {
  const auto both = [](__m128i taken) { return _mm256_broadcastsi128_si256(taken); };
  const __m256i first = both(_mm_setr_epi8(0, 1, 2, 3, 2, 3, 4, 5, 4, 5, 6, 7, 6, 7, 8, 9));
  const __m256i last = both(_mm_setr_epi8(8, 9, 10, 11, 10, 11, 12, 13, -1, -1, -1, -1, -1, -1, -1, -1));
  __m256i sum = _mm256_setzero_si256();
  for (int row = 0; row < 5; ++row) {
    const __m256i samples = load_halves(rows[row] + x - 2, rows[row + 1] + x - 2);
    const __m256i pairs = both(load16(weights + 8 * row));
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_shuffle_epi8(samples, first), _mm256_shuffle_epi32(pairs, 0x50)));
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_shuffle_epi8(samples, last), _mm256_shuffle_epi32(pairs, 0xaa)));
  }
  return _mm256_add_epi32(sum, _mm256_shuffle_epi32(sum, 0x4e));
}

#elif defined(__wasm_simd128__)

// What two by two LR samples at x give in eight phases.
inline void filter_eight(const std::int16_t* const* rows, int x, const std::int16_t* weights, v128_t (&sums)[4][2]) {
  for (auto& sum : sums) sum[0] = sum[1] = wasm_i32x4_const_splat(0);
  for (int row = 0; row < 5; ++row) {
    for (int pair = 0; pair < 3; ++pair, weights += 16) {
      const v128_t low = wasm_v128_load(weights), high = wasm_v128_load(weights + 8);
      for (int i = 0; i < 4; ++i) {
        const v128_t both = wasm_v128_load32_splat(rows[row + i / 2] + x + i % 2 - 2 + 2 * pair);
        sums[i][0] = wasm_i32x4_add(sums[i][0], wasm_i32x4_dot_i16x8(both, low));
        sums[i][1] = wasm_i32x4_add(sums[i][1], wasm_i32x4_dot_i16x8(both, high));
      }
    }
  }
}

// What one of them gives in one phase, from its row two rows up and its column two to the left on.
inline std::int32_t filter_one(const std::int16_t* const* rows, int x, const std::int16_t* weights) {
  v128_t sum = wasm_i32x4_const_splat(0);
  for (int row = 0; row < 5; ++row)
    sum = wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(wasm_v128_load(rows[row] + x), wasm_v128_load(weights + 8 * row)));
  return wasm_i32x4_extract_lane(sum, 0) + wasm_i32x4_extract_lane(sum, 1) + wasm_i32x4_extract_lane(sum, 2) +
         wasm_i32x4_extract_lane(sum, 3);
}

#endif

// What two by two LR samples at x give under the same weights, in 1/32, times share.
template <int Scale>
void filter_four(const std::int16_t* const* rows, int x, const std::int16_t* weights, int share, Lanes& lanes) {
#ifdef __AVX2__
  const __m256i most = _mm256_set1_epi32(8160), least = _mm256_set1_epi32(-8160), times = _mm256_set1_epi32(share);
  const auto finish = [&](__m256i sum) {
    sum = _mm256_max_epi32(_mm256_min_epi32(_mm256_srai_epi32(sum, 7), most), least);
    return _mm256_srai_epi32(_mm256_add_epi32(_mm256_mullo_epi32(sum, times), _mm256_set1_epi32(8192)), 14);
  };
  __m256i low[4], high[4] = {};
  filter_eight(rows, x, weights, low);
  if constexpr (Scale == 3) {
    high[0] = filter_one(rows, x, weights + kGuessHalf);
    high[1] = _mm256_shuffle_epi32(high[0], 1);
    high[2] = _mm256_permute4x64_epi64(high[0], 2);
    high[3] = _mm256_permute4x64_epi64(high[1], 2);
  } else if constexpr (Scale == 4) {
    filter_eight(rows, x, weights + kGuessHalf, high);
  }
  for (int i = 0; i < 4; ++i) {
    const __m256i packed = _mm256_packs_epi32(finish(low[i]), finish(high[i]));
    _mm256_store_si256(reinterpret_cast<__m256i*>(lanes[i]), _mm256_permute4x64_epi64(packed, 0xd8));
  }
#elif defined(__wasm_simd128__)
  const auto finish = [&](v128_t sum) {
    sum = wasm_i32x4_max(wasm_i32x4_min(wasm_i32x4_shr(sum, 7), wasm_i32x4_const_splat(8160)), wasm_i32x4_const_splat(-8160));
    return wasm_i32x4_shr(wasm_i32x4_add(wasm_i32x4_mul(sum, wasm_i32x4_splat(share)), wasm_i32x4_const_splat(8192)), 14);
  };
  v128_t low[4][2], high[4][2] = {};
  filter_eight(rows, x, weights, low);
  if constexpr (Scale == 4) filter_eight(rows, x, weights + kGuessHalf, high);
  for (int i = 0; i < 4; ++i) {
    wasm_v128_store(lanes[i], wasm_i16x8_narrow_i32x4(finish(low[i][0]), finish(low[i][1])));
    wasm_v128_store(lanes[i] + 8, wasm_i16x8_narrow_i32x4(finish(high[i][0]), finish(high[i][1])));
    if constexpr (Scale == 3) {
      const std::int32_t sum = filter_one(rows + i / 2, x + i % 2 - 2, weights + kGuessHalf);
      lanes[i][8] = static_cast<std::int16_t>((limited(sum >> 7) * share + 8192) >> 14);
    }
  }
#else
  for (int i = 0; i < 4; ++i) {
    for (int phase = 0; phase < Scale * Scale; ++phase) {
      std::int32_t sum = 0;
      for (int row = 0; row < 5; ++row)
        for (int column = 0; column < 5; ++column)
          sum += rows[row + i / 2][x + i % 2 - 2 + column] * weights[guess_place(row, column, phase, Scale)];
      lanes[i][phase] = static_cast<std::int16_t>((limited(sum >> 7) * share + 8192) >> 14);
    }
  }
#endif
}

constexpr int kLeastShare = 1638;  // a tenth; less is not worth its time

template <int Scale>
void guess_by(const std::int16_t* const* rows, const std::uint8_t* classes, const std::int16_t* weights,
              const std::int16_t* fade, int cell, std::int16_t* const* out, int width) {
  std::int16_t* lines[2 * Scale];  // copies, which writing samples cannot change
  for (int i = 0; i < 2 * Scale; ++i) lines[i] = out[i];
  for (int start = 0; start < width; start += cell) {
    const int share = 16384 - *fade++, end = start + cell < width ? start + cell : width;
    for (int x = start; x < end; x += 2) {
      const int kind = classes[x / 2];
      if (kind < kFlatClasses || share <= kLeastShare) {
        for (int line = 0; line < 2 * Scale; ++line) std::memset(lines[line] + x * Scale, 0, 2 * Scale * sizeof(std::int16_t));
        continue;
      }
      alignas(32) Lanes lanes;
      filter_four<Scale>(rows, x, weights + kind * kGuessWeights, share, lanes);
      // What is written too far is written again by the next.
      for (int i = 0; i < 4; ++i)
        for (int line = 0; line < Scale; ++line)
          std::memcpy(lines[i / 2 * Scale + line] + (x + i % 2) * Scale, lanes[i] + line * Scale, 4 * sizeof(std::int16_t));
    }
  }
}

void guess(const std::int16_t* const* rows, const std::uint8_t* classes, const std::int16_t* weights,
           const std::int16_t* fade, int cell, std::int16_t* const* out, int width, int scale) {
  at_scale(scale, [&](auto constant) { guess_by<decltype(constant)::value>(rows, classes, weights, fade, cell, out, width); });
}

// Two samples at once: what they say of the same input or output lies side by side.
inline void add_products(const std::int16_t (*pairs)[2], Products& products) {
#ifdef __AVX2__
  constexpr int kVectors = (kGuessInputs + kGuessLanes) / 8;
  __m256i all[kVectors];
  for (int v = 0; v < kVectors; ++v) all[v] = _mm256_load_si256(reinterpret_cast<const __m256i*>(pairs + 8 * v));
  for (int i = 0; i < kGuessInputs; ++i) {
    std::int32_t both;
    std::memcpy(&both, pairs[i], sizeof both);
    const __m256i one = _mm256_set1_epi32(both);
    for (int v = i / 8; v < kVectors; ++v) {
      auto* sum = reinterpret_cast<__m256i*>(products.sums[i] + 8 * v);
      _mm256_storeu_si256(sum, _mm256_add_epi32(_mm256_loadu_si256(sum), _mm256_madd_epi16(one, all[v])));
    }
  }
#elif defined(__wasm_simd128__)
  constexpr int kVectors = (kGuessInputs + kGuessLanes) / 4;
  v128_t all[kVectors];
  for (int v = 0; v < kVectors; ++v) all[v] = wasm_v128_load(pairs + 4 * v);
  for (int i = 0; i < kGuessInputs; ++i) {
    const v128_t one = wasm_v128_load32_splat(pairs[i]);
    for (int v = i / 8 * 2; v < kVectors; ++v) {
      std::int32_t* sum = products.sums[i] + 4 * v;
      wasm_v128_store(sum, wasm_i32x4_add(wasm_v128_load(sum), wasm_i32x4_dot_i16x8(one, all[v])));
    }
  }
#else
  for (int i = 0; i < kGuessInputs; ++i)
    for (int j = i / 8 * 8; j < kGuessInputs + kGuessLanes; ++j)
      products.sums[i][j] += pairs[i][0] * pairs[j][0] + pairs[i][1] * pairs[j][1];
#endif
}

template <int Scale>
std::int32_t study_by(const std::int16_t* const* rows, int x, const std::int16_t* upscaler, const std::uint8_t* const* hr,
                      Products& products) {
  alignas(32) Lanes upscaled;
  filter_four<Scale>(rows, x, upscaler, 1 << 14, upscaled);
  std::int32_t all = 0;
  for (int down = 0; down < 2; ++down) {
    alignas(32) std::int16_t pairs[kGuessInputs + kGuessLanes][2] = {};
    for (int across = 0; across < 2; ++across) {
      const int at = x + across;
      const std::int16_t middle = rows[down + 2][at];
      int input = 0;
      for (int y = 0; y < 5; ++y)
        for (int i = -2; i <= 2; ++i)
          if (y != 2 || i) pairs[input++][across] = static_cast<std::int16_t>(rows[down + y][at + i] - middle);
      for (int phase = 0; phase < Scale * Scale; ++phase) {
        const int sample = hr[down * Scale + phase / Scale][at * Scale + phase % Scale];
        const int detail = 32 * sample - upscaled[2 * down + across][phase];
        pairs[kGuessInputs + phase][across] = static_cast<std::int16_t>(detail);
        all += detail;
      }
    }
    add_products(pairs, products);
  }
  return all;
}

std::int32_t study(const std::int16_t* const* rows, int x, const std::int16_t* upscaler, const std::uint8_t* const* hr,
                   int scale, Products& products) {
  return at_scale(scale, [&](auto constant) { return study_by<decltype(constant)::value>(rows, x, upscaler, hr, products); });
}

template <int Count>
void compose_of(std::uint8_t* row, const std::int16_t* const* target, const std::int16_t* const* low,
                const std::int16_t* weights, const std::int16_t* fade, const std::int16_t* detail, int width) {
  std::int16_t weight[Count];
  const std::int16_t *t[Count], *l[Count];
  for (int i = 0; i < Count; ++i) weight[i] = weights[i], t[i] = target[i], l[i] = low[i];
  int x = 0;
#ifdef __AVX2__
  for (; x + 16 <= width; x += 16) {
    __m256i up_target = _mm256_setzero_si256(), up_low = up_target;
    for (int i = 0; i < Count; ++i) {
      const __m256i w = _mm256_set1_epi16(weight[i]);
      up_target = _mm256_add_epi16(up_target, _mm256_mulhrs_epi16(load32(t[i] + x), w));
      up_low = _mm256_add_epi16(up_low, _mm256_mulhrs_epi16(load32(l[i] + x), w));
    }
    const __m256i prediction = _mm256_cvtepu8_epi16(load16(row + x));
    __m256i high = _mm256_sub_epi16(_mm256_slli_epi16(prediction, 5), up_low);
    high = _mm256_mulhrs_epi16(_mm256_add_epi16(high, high), load32(fade + x));
    high = _mm256_add_epi16(high, load32(detail + x));
    __m256i sum = _mm256_add_epi16(_mm256_add_epi16(up_target, high), _mm256_set1_epi16(16));
    sum = _mm256_srai_epi16(sum, 5);
    const __m128i out = _mm_packus_epi16(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(row + x), out);
  }
#elif defined(__wasm_simd128__)
  for (; x + 8 <= width; x += 8) {
    v128_t up_target = wasm_i16x8_const_splat(0), up_low = up_target;
    for (int i = 0; i < Count; ++i) {
      const v128_t w = wasm_i16x8_splat(weight[i]);
      up_target = wasm_i16x8_add(up_target, wasm_i16x8_q15mulr_sat(wasm_v128_load(t[i] + x), w));
      up_low = wasm_i16x8_add(up_low, wasm_i16x8_q15mulr_sat(wasm_v128_load(l[i] + x), w));
    }
    v128_t high = wasm_i16x8_sub(wasm_i16x8_shl(wasm_u16x8_load8x8(row + x), 5), up_low);
    high = wasm_i16x8_q15mulr_sat(wasm_i16x8_add(high, high), wasm_v128_load(fade + x));
    high = wasm_i16x8_add(high, wasm_v128_load(detail + x));
    v128_t sum = wasm_i16x8_add(wasm_i16x8_add(up_target, high), wasm_i16x8_const_splat(16));
    sum = wasm_i16x8_shr(sum, 5);
    wasm_v128_store64_lane(row + x, wasm_u8x16_narrow_i16x8(sum, sum), 0);
  }
#endif
  for (; x < width; ++x) {
    int up_target = 0, up_low = 0;
    for (int i = 0; i < Count; ++i) {
      up_target += scaled(t[i][x], weight[i]);
      up_low += scaled(l[i][x], weight[i]);
    }
    const auto high = static_cast<std::int16_t>(2 * (row[x] * 32 - up_low));
    row[x] = clip((up_target + scaled(high, fade[x]) + detail[x] + 16) >> 5);
  }
}

void compose(std::uint8_t* row, const std::int16_t* const* target, const std::int16_t* const* low,
             const std::int16_t* weights, int count, const std::int16_t* fade, const std::int16_t* detail, int width) {
  switch (count) {
    case 1: return compose_of<1>(row, target, low, weights, fade, detail, width);
    case 2: return compose_of<2>(row, target, low, weights, fade, detail, width);
    case 3: return compose_of<3>(row, target, low, weights, fade, detail, width);
    case 4: return compose_of<4>(row, target, low, weights, fade, detail, width);
    default: return compose_of<5>(row, target, low, weights, fade, detail, width);
  }
}

}  // namespace

const Kernels kKernels{filter_across, filter_down, filter_steps, average,  mix,   shrink, measure,
                       correct,       stretch,     gradients,    classify, guess, study,  compose};

}  // namespace ns_ray::reconstruction::NS_RAY_ISA
