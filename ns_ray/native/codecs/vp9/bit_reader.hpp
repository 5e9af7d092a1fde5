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

  // Up to 32 bits.
  int bits(int n) {
    if (held_ < n) refill(n);
    const auto value = static_cast<int>(window_ >> 1 >> (63 - n));
    window_ <<= n;
    held_ -= n;
    return value;
  }

  bool bit() { return bits(1) != 0; }

  int signed_bits(int n) {
    const int value = bits(n);
    return bit() ? -value : value;
  }

  // Whether the rest of the last byte is zero (section 6.1, trailing_bits).
  bool trailing_bits_are_zero() const { return window_ >> 1 >> (63 - held_ % 8) == 0; }

  std::size_t bytes_read() const { return next_ - held_ / 8; }

 private:
  void refill(int n) {
    while (held_ <= 56 && next_ < data_.size()) {
      window_ |= std::uint64_t{data_[next_++]} << (56 - held_);
      held_ += 8;
    }
    if (held_ < n) throw BitstreamError("the frame ends inside its uncompressed header");
  }

  std::span<const std::uint8_t> data_;
  std::size_t next_ = 0;      // byte to be held
  std::uint64_t window_ = 0;  // the bits that are held, from its most significant one on
  int held_ = 0;
};

}  // namespace ns_ray::vp9
