// The motion field of a parsed frame, as any codec's.
#pragma once

#include <vector>

#include "codecs/motion_field.hpp"
#include "parser.hpp"

namespace ns_ray::h264 {

struct MotionField {
  std::vector<ns_ray::Block> blocks;  // in coded order; a macroblock of one motion is one block
  std::vector<Weights> weights;
};

MotionField motion_field(const ParsedFrame& frame);

}  // namespace ns_ray::h264
