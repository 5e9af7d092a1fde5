// What the coded blocks of any codec come down to: how each of a frame's blocks moved.
#pragma once

#include <cstdint>

namespace ns_ray {

// Plain and fixed in layout: an array of these is also a NumPy structured array (ns_ray/codecs/motion_field.py).
struct Block {
  std::uint16_t x, y;                  // top left luma sample; multiples of its size, inside the frame
  std::uint8_t width, height;          // luma samples, 8 to 64, powers of two; may reach beyond the frame's edge
  std::uint8_t sub_width, sub_height;  // size of the parts that have vectors of their own: the block's, or 4 or 8 in 8x8
  std::int8_t slot[2];                 // reference slot of each prediction, -1 for none; {-1, -1} is an intra block
  std::uint8_t filter;                 // interpolation filter, one of the codec's
  std::uint8_t skip;                   // 1: no coefficients were coded
  std::int16_t mv[4][2][2];  // [quarter, raster order][prediction][row, column], in the codec's unit; parts repeat theirs
};

static_assert(sizeof(Block) == 44);

}  // namespace ns_ray
