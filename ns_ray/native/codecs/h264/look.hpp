// What a packet is, from its first bits.
#pragma once

#include <cstdint>
#include <span>

namespace ns_ray::h264 {

struct Look {
  bool shows = false;   // a slice
  bool begins = false;  // decoding can begin at it: an IDR picture, or I slices behind a recovery point
  bool plausible = true;
};

// length_size: of the NAL units' lengths, 0 for Annex B. What is damaged shows something, and begins nothing.
Look look(std::span<const std::uint8_t> packet, int length_size);

}  // namespace ns_ray::h264
