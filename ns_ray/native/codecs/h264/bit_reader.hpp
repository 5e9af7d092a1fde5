// Plain bits and Exp-Golomb codes (ITU-T H.264, sections 7.2 and 9.1).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "types.hpp"

namespace ns_ray::h264 {

constexpr std::size_t kPadding = 8;  // zero bytes that must be readable behind the data

inline std::uint64_t load_big(const std::uint8_t* data) {
  std::uint64_t word;
  std::memcpy(&word, data, 8);
  if constexpr (std::endian::native == std::endian::little) word = __builtin_bswap64(word);
  return word;
}

class BitReader {
 public:
  // Reads bits [0, end) of the data, which kPadding bytes must follow.
  BitReader(const std::uint8_t* data, std::size_t end) : data_(data), end_(end) {}

  // The next 32 bits.
  std::uint32_t peek() const { return static_cast<std::uint32_t>(load_big(data_ + (at_ >> 3)) << (at_ & 7) >> 32); }

  void skip(unsigned count) {
    at_ += count;
    if (at_ > end_) [[unlikely]] throw BitstreamError("the data ends early");
  }

  // 0 to 32 bits.
  std::uint32_t bits(unsigned count) {
    const auto value = static_cast<std::uint32_t>(std::uint64_t{peek()} >> (32 - count));
    skip(count);
    return value;
  }

  bool bit() { return bits(1) != 0; }

  // ue(v)
  std::uint32_t unsigned_code() {
    const std::uint32_t next = peek();
    if (next == 0) [[unlikely]] throw BitstreamError("an Exp-Golomb code is too long");
    const auto zeros = static_cast<unsigned>(std::countl_zero(next));
    if (zeros < 16) {
      const std::uint32_t value = (next >> (31 - 2 * zeros)) - 1;
      skip(2 * zeros + 1);
      return value;
    }
    skip(zeros);
    return bits(zeros + 1) - 1;
  }

  // ue(v) that must lie in [0, largest].
  int unsigned_code(std::uint32_t largest, const char* error) {
    const std::uint32_t value = unsigned_code();
    if (value > largest) [[unlikely]] throw BitstreamError(error);
    return static_cast<int>(value);
  }

  // se(v)
  std::int32_t signed_code() {
    const std::uint32_t code = unsigned_code();
    const auto half = static_cast<std::int32_t>(code >> 1);
    return code & 1 ? half + 1 : -half;
  }

  // se(v) that must lie in [least, largest].
  int signed_code(int least, int largest, const char* error) {
    const std::int32_t value = signed_code();
    if (value < least || value > largest) [[unlikely]] throw BitstreamError(error);
    return value;
  }

  std::size_t position() const { return at_; }
  std::size_t end() const { return end_; }
  bool at_end() const { return at_ == end_; }
  const std::uint8_t* data() const { return data_; }

 private:
  const std::uint8_t* data_;
  std::size_t end_;
  std::size_t at_ = 0;
};

}  // namespace ns_ray::h264
