#include "sei.hpp"

namespace ns_ray::h264 {
namespace {

constexpr unsigned kRecoveryPoint = 6;

unsigned read_sum(BitReader& bits) {
  unsigned sum = 0, byte;
  do {
    byte = bits.bits(8);
    sum += byte;
  } while (byte == 255);
  return sum;
}

}  // namespace

std::optional<int> find_recovery_point(BitReader bits) {
  try {
    while (!bits.at_end()) {
      const unsigned type = read_sum(bits);
      const unsigned size = read_sum(bits);
      if (type == kRecoveryPoint) return bits.unsigned_code(65535, "recovery_frame_cnt is out of range");
      bits.skip(8 * size);
    }
  } catch (const BitstreamError&) {
  }
  return std::nullopt;
}

}  // namespace ns_ray::h264
