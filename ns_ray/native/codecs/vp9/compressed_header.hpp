// The compressed header: transform and reference mode, forward probability updates (VP9 specification, section 6.3).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "header.hpp"
#include "probabilities.hpp"

namespace ns_ray::vp9 {

struct CompressedHeader {
  int tx_mode = 0;  // a TxSize that bounds all blocks, or kTxSelect
  ReferenceMode reference_mode = kSingle;
  std::int64_t unread_bits = 0;  // zeros at its end
};

CompressedHeader read_compressed_header(std::span<const std::uint8_t> data, const FrameHeader& header,
                                        Probabilities& probabilities);

}  // namespace ns_ray::vp9
