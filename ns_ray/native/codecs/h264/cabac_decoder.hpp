// The arithmetic decoding engine (ITU-T H.264, section 9.3.3.2).
#pragma once

#include <cstddef>
#include <cstdint>

#include "bit_reader.hpp"
#include "cabac_contexts.hpp"

namespace ns_ray::h264 {

class CabacDecoder {
 public:
  // Begins at the reader's position, which must be at the beginning of a byte.
  explicit CabacDecoder(const BitReader& bits)
      : data_(bits.data()), next_(bits.position() / 8), size_((bits.end() + 8) / 8), stop_(bits.end()), start_(next_) {
    refill();
  }

  [[gnu::always_inline]] unsigned bin(std::uint8_t& context) {
    const unsigned state = context;
    const std::uint32_t lps = kCabacTables.range_lps[state][range_ >> 6 & 3];
    range_ -= lps;
    const std::uint64_t threshold = std::uint64_t{range_} << kShift;
    const std::uint64_t least = -static_cast<std::uint64_t>(value_ >= threshold);  // all ones or none: no branch
    value_ -= threshold & least;
    range_ += (lps - range_) & static_cast<std::uint32_t>(least);
    context = kCabacTables.next[least & 1][state];
    renormalize(__builtin_clz(range_) - 23);
    return (state ^ static_cast<unsigned>(least)) & 1;
  }

  [[gnu::always_inline]] unsigned bypass() {
    renormalize_value(1);
    const std::uint64_t threshold = std::uint64_t{range_} << kShift;
    const std::uint64_t one = -static_cast<std::uint64_t>(value_ >= threshold);
    value_ -= threshold & one;
    return one & 1;
  }

  // end_of_slice_flag, and the bin of I_PCM.
  bool terminate() {
    range_ -= 2;
    const bool end = value_ >= std::uint64_t{range_} << kShift;
    if (!end) renormalize(__builtin_clz(range_) - 23);
    return end;
  }

  // Bits shifted into codIOffset. Where terminate() was true the last one is a 1: at the end of a slice its stop bit.
  std::size_t position() const { return 8 * start_ + loaded_ - static_cast<std::size_t>(spare_); }

  bool overrun() const { return position() > stop_ + 1; }

 private:
  static constexpr int kShift = 54;  // codIOffset is the 9 bits from here on; one more is for bypass()

  [[gnu::always_inline]] void renormalize(int shift) {
    range_ <<= shift;
    renormalize_value(shift);
  }

  [[gnu::always_inline]] void renormalize_value(int shift) {
    value_ <<= shift;
    spare_ -= shift;
    if (spare_ < 0) refill();
  }

  // Past the end it reads zeros for ever.
  [[gnu::always_inline]] void refill() {
    std::uint64_t word = 0;
    if (next_ < size_) word = load_big(data_ + next_) >> 32;
    next_ += 4;
    loaded_ += 32;
    value_ |= word << (kShift - 32 - spare_);
    spare_ += 32;
  }

  const std::uint8_t* data_;
  std::size_t next_, size_, stop_, start_;
  std::uint64_t value_ = 0;
  std::uint32_t range_ = 510;
  int spare_ = -9;           // bits below codIOffset
  std::size_t loaded_ = 0;   // bits
};

}  // namespace ns_ray::h264
