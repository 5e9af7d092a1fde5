#include "look.hpp"

#include <algorithm>

#include "nal.hpp"
#include "sei.hpp"

namespace ns_ray::h264 {
namespace {

constexpr std::size_t kLookedAt = 16;  // bytes of a slice: enough for its first two codes

}  // namespace

Look look(std::span<const std::uint8_t> packet, int length_size) {
  Look found;
  bool recovery = false, intra = true, idr = false;
  Rbsp rbsp;
  try {
    for (const Nal& nal : length_size == 0 ? split_annex_b(packet) : split_avcc(packet, length_size)) {
      if (nal.type == kSei) {
        rbsp.assign(nal.payload);
        recovery = recovery || find_recovery_point(rbsp.reader()) == 0;
      } else if (nal.type == kSlice || nal.type == kIdrSlice) {
        found.shows = true;
        idr = idr || nal.type == kIdrSlice;
        rbsp.assign(nal.payload.first(std::min(nal.payload.size(), kLookedAt)));
        BitReader bits = rbsp.reader();
        bits.unsigned_code();  // first_mb_in_slice
        intra = intra && bits.unsigned_code() % 5 == kI;
      }
    }
  } catch (const BitstreamError&) {
    return {true, false, false};
  }
  found.begins = found.shows && (idr || (recovery && intra));
  return found;
}

}  // namespace ns_ray::h264
