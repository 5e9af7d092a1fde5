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

  int bits(int n) {
    int value = 0;
    while (n-- > 0) {
      if (position_ / 8 >= data_.size()) throw BitstreamError("the uncompressed header is truncated");
      value = 2 * value + (data_[position_ / 8] >> (7 - position_ % 8) & 1);
      ++position_;
    }
    return value;
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
  std::span<const std::uint8_t> data_;
  std::size_t position_ = 0;
};

}  // namespace ns_ray::vp9
