// One block of a coded frame, as the parser hands it on and the reconstruction takes it.
#pragma once

#include <cstdint>

namespace ns_ray::vp9 {

// Plain and fixed in layout: an array of these is also a NumPy structured array (ns_ray/codecs/vp9/blocks.py).
struct Block {
  std::uint16_t x, y;           // top left luma sample; multiples of 8, inside the frame
  std::uint8_t width, height;   // luma samples, 8 to 64; may reach beyond the frame's edge
  std::uint8_t sub_width, sub_height;  // size of the parts that have vectors of their own: 4 or 8, or the block's size
  std::int8_t ref_slot[2];      // reference slot 0..7 of each prediction, -1 for none; {-1, -1} is an intra block
  std::uint8_t ref_frame[2];    // 0 none (or intra), 1 LAST, 2 GOLDEN, 3 ALTREF
  std::uint8_t filter;          // interpolation filter: 0 EIGHTTAP_SMOOTH, 1 EIGHTTAP, 2 EIGHTTAP_SHARP, 3 BILINEAR
  std::uint8_t skip;            // 1: no coefficients were coded
  std::uint8_t segment;         // segment_id, 0..7
  std::uint8_t tx_size;         // 0: 4x4, 1: 8x8, 2: 16x16, 3: 32x32
  std::uint8_t y_mode;          // prediction mode of the block (of its last part where it has parts)
  std::uint8_t uv_mode;         // intra blocks only
  std::uint16_t qindex;         // quantiser index in force, segment feature included
  std::uint16_t tokens;         // non-zero coefficients in all planes, at most 65535
  std::int16_t mv[4][2][2];     // [quarter, raster order][prediction][row, column], 1/8 luma sample; parts repeat theirs
};

static_assert(sizeof(Block) == 54);

}  // namespace ns_ray::vp9
