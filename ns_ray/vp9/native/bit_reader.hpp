// Plain bits, most significant first: the uncompressed header (VP9 specification, section 4.10).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "types.hpp"

namespace ns_ray::vp9 {

class BitReader {
 public:
  explicit BitReader(std::span<const std::uint8_t> data) : data_(data) {}

  // Up to 24 bits.
  int bits(int n) {
    const std::size_t at = position_ / 8, shift = position_ % 8;
    position_ += n;
    const std::uint32_t word = at + 4 <= data_.size() ? std::uint32_t{data_[at]} << 24 | data_[at + 1] << 16 |
                                                            data_[at + 2] << 8 | data_[at + 3]
                                                      : last_word(at);
    return static_cast<int>(word << shift >> 1 >> (31 - n));
  }

  bool bit() { return bits(1) != 0; }

  int signed_bits(int n) {
    const int value = bits(n);
    return bit() ? -value : value;
  }

  // Whether the rest of the last byte is zero (section 6.1, trailing_bits).
  bool trailing_bits_are_zero() const {
    return position_ % 8 == 0 || (data_[position_ / 8] & (0xFF >> position_ % 8)) == 0;
  }

  std::size_t bytes_read() const { return (position_ + 7) / 8; }

 private:
  // The last bytes, with zeros behind them.
  std::uint32_t last_word(std::size_t at) const {
    if (position_ > 8 * data_.size()) throw BitstreamError("the uncompressed header is truncated");
    std::uint32_t word = 0;
    for (std::size_t i = at; i < at + 4; ++i) word = word << 8 | (i < data_.size() ? data_[i] : 0);
    return word;
  }

  std::span<const std::uint8_t> data_;
  std::size_t position_ = 0;
};

}  // namespace ns_ray::vp9
