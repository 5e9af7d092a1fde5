// Variable length codes of CAVLC, found by their leading zeros.
#pragma once

#include <bit>
#include <cstdint>

namespace ns_ray::h264 {

// No code of CAVLC has more than 3 bits behind its first one.
struct Codebook {
  struct Entry {
    std::uint8_t length, value;  // length 0: no such code
  };
  Entry entries[17][8];  // [leading zeros, at most 16][3 bits behind the first one]

  Entry find(std::uint32_t next) const {
    const auto zeros = static_cast<unsigned>(std::countl_zero(next | 1u << 15));
    return entries[zeros][next << zeros >> 28 & 7];
  }
};

extern const Codebook kCoeffTokenBooks[3];  // nC 0 to 1, 2 to 3, 4 to 7; values: 4 * total_coeff + trailing_ones
extern const Codebook kChromaDcCoeffTokenBook;
extern const Codebook kTotalZerosBooks[15];  // [total_coeff - 1]
extern const Codebook kChromaDcTotalZerosBooks[3];
extern const Codebook kRunBeforeBooks[7];  // [min(zeros_left, 7) - 1]

}  // namespace ns_ray::h264
