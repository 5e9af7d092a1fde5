// The headers of one stream, without anything that lies behind them.
#pragma once

#include <cstdint>
#include <span>

#include "header.hpp"

namespace ns_ray::vp9 {

class HeaderReader {
 public:
  explicit HeaderReader(std::int64_t max_pixels) : max_pixels_(max_pixels) {}

  // The header of the next coded frame, in decode order. On an error the reader is left as it was.
  FrameHeader read(std::span<const std::uint8_t> frame);

  // Forgets what came before, as behind damage.
  void restart();

 private:
  std::int64_t max_pixels_;
  HeaderState state_;
  unsigned contexts_ = 0;  // those that hold probabilities, bit i for context i
};

}  // namespace ns_ray::vp9
