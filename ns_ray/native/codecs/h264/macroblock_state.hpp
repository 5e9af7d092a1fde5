// What a macroblock leaves to those right of it and below: contexts of their syntax elements.
#pragma once

#include <cstdint>

namespace ns_ray::h264 {

struct MacroblockState {
  bool intra = false;
  bool intra_nxn = false;    // Intra_4x4 or Intra_8x8
  bool skip = false;
  bool direct = false;       // B_Skip or B_Direct_16x16
  bool transform_8x8 = false;
  std::uint8_t chroma_mode = 0;    // intra_chroma_pred_mode
  std::uint8_t luma_coded = 0;     // CodedBlockPatternLuma
  std::uint8_t chroma_coded = 0;   // CodedBlockPatternChroma
  std::uint8_t dc_coded = 0;       // DC blocks with coefficients: 1 Y, 2 Cb, 4 Cr
  std::uint8_t far_reference[2] = {0, 0};  // 8x8 blocks whose coded reference index is not 0, a bit each
  // Coefficients of each 4x4 block, in raster order: Y, Cb, Cr.
  std::uint8_t coefficients[3][16] = {};
  // Vector differences of each 4x4 block, row and column, absolute, cut off at 64.
  std::uint8_t difference[2][16][2] = {};
};

// The macroblock being parsed, and its neighbours where they are in the same slice.
struct Neighbourhood {
  MacroblockState* current;
  const MacroblockState* left;
  const MacroblockState* above;

  // Coefficients of the blocks beside and above block (x, y) of a plane `width` blocks wide; -1 where there is none.
  int left_coefficients(int plane, int x, int y, int width) const {
    if (x > 0) return current->coefficients[plane][width * y + x - 1];
    return left ? left->coefficients[plane][width * y + width - 1] : -1;
  }
  int above_coefficients(int plane, int x, int y, int width) const {
    if (y > 0) return current->coefficients[plane][width * (y - 1) + x];
    return above ? above->coefficients[plane][width * (width - 1) + x] : -1;
  }
};

}  // namespace ns_ray::h264
