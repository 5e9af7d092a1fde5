// The boolean decoder (VP9 specification, section 9.2).
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "types.hpp"

namespace ns_ray::vp9 {

#ifdef NS_RAY_FUZZ
inline bool padding_matters = true;  // a fuzzer cannot guess it: where it does not, later frames meet what earlier left
#else
constexpr bool padding_matters = true;
#endif

class BoolDecoder {
 public:
  BoolDecoder(const std::uint8_t* data, std::size_t size) : next_(data), end_(data + size) {
    if (size == 0) throw BitstreamError("a tile or compressed header is empty");
    if (read(128)) throw BitstreamError("the marker bit of a tile or compressed header is set");
  }

  // Inlined whole, so that a local copy of the decoder can live in registers.
  [[gnu::always_inline]] int read(int probability) {
    if (spare_ < 0) [[unlikely]] fill();
    const std::uint32_t split = 1 + (((range_ - 1) * probability) >> 8);
    const std::uint64_t threshold = std::uint64_t{split} << 56;
    const bool bit = value_ >= threshold;
    if (bit) {
      range_ -= split;
      value_ -= threshold;
    } else {
      range_ = split;
    }
    const int shift = __builtin_clz(range_) - 24;  // range_ is never 0
    range_ <<= shift;
    value_ <<= shift;
    spare_ -= shift;
    return bit;
  }

  int literal(int bits) {
    int value = 0;
    while (bits-- > 0) value = 2 * value + read(128);
    return value;
  }

  // A tree is pairs of next indices; leaves are negated values. Each pair has one probability.
  int tree(const std::int8_t* tree, const Prob* probabilities) {
    int i = 0;
    do {
      i = tree[i + read(probabilities[i >> 1])];
    } while (i > 0);
    return -i;
  }

  // Bits never shifted into the decoding window (BoolMaxBits); negative once zeros past the end were used.
  std::int64_t unread_bits() const { return spare_ + 8 * (end_ - next_) - (exhausted_ ? kEndless : 0); }

  bool overrun() const { return unread_bits() < 0; }

  // Where the zeros end that fill up the last byte in use and follow it: section 9.2.3 demands the end of the data. Null
  // where that byte is not filled up with zeros, or more was read than there is.
  const std::uint8_t* padding_end() const {
    const std::int64_t unread = unread_bits();
    if (unread < 0) return nullptr;
    if (!padding_matters) return end_;
    const int partial = static_cast<int>(unread % 8);
    if (partial != 0 && (value_ << 8) >> (64 - partial) != 0) return nullptr;
    return std::find_if(end_ - unread / 8, end_, [](std::uint8_t byte) { return byte != 0; });
  }

  bool padding_is_zero() const { return padding_end() == end_; }

  // What is left of the decoded number itself: an encoder that flushes with zeros leaves none.
  bool value_is_zero() const { return value_ == 0; }

 private:
  static constexpr std::int64_t kEndless = std::int64_t{1} << 40;

  [[gnu::always_inline]] void fill() {
    int filled = static_cast<int>(spare_) + 8;  // valid bits at the top of value_, 0 to 7
    if (end_ - next_ >= 8) {
      std::uint64_t big = 0;
      std::memcpy(&big, next_, 8);
      if constexpr (std::endian::native == std::endian::little) big = __builtin_bswap64(big);
      const int bytes = (64 - filled) / 8;
      const int unused = 64 - 8 * bytes;
      value_ |= (big >> unused << unused) >> filled;
      next_ += bytes;
      spare_ += 8 * bytes;
      return;
    }
    while (next_ < end_ && filled <= 56) {
      value_ |= std::uint64_t{*next_++} << (56 - filled);
      filled += 8;
    }
    spare_ = filled - 8;
    if (spare_ < 0) {
      exhausted_ = true;
      spare_ += kEndless;
    }
  }

  const std::uint8_t* next_;
  const std::uint8_t* end_;
  std::uint64_t value_ = 0;   // the window is its top byte
  std::uint32_t range_ = 255;
  std::int64_t spare_ = -8;   // valid bits below the window
  bool exhausted_ = false;
};

}  // namespace ns_ray::vp9
