// Short runs of context bytes. Their lengths are powers of two up to 16, too short to be worth a call to memset.
#pragma once

#include <cstdint>
#include <cstring>

namespace ns_ray::vp9 {

template <int kLength>
bool any_set(const std::uint8_t* flags) {
  if constexpr (kLength > 8) {
    return any_set<8>(flags) || any_set<kLength - 8>(flags + 8);
  } else {
    std::uint64_t word = 0;
    std::memcpy(&word, flags, kLength);
    return word != 0;
  }
}

inline void fill_run(std::uint8_t* flags, int length, std::uint8_t value) {
  const std::uint64_t word = 0x0101010101010101u * value;
  switch (length) {
    case 1: *flags = value; break;
    case 2: std::memcpy(flags, &word, 2); break;
    case 4: std::memcpy(flags, &word, 4); break;
    case 8: std::memcpy(flags, &word, 8); break;
    default:
      std::memcpy(flags, &word, 8);
      std::memcpy(flags + 8, &word, 8);
  }
}

}  // namespace ns_ray::vp9
