// Probabilities of a frame context and the symbol counts that adapt them (VP9 specification, section 8.4).
#pragma once

#include <cstdint>

#include "types.hpp"

namespace ns_ray::vp9 {

struct MvProbabilities {
  Prob sign;
  Prob classes[10];
  Prob class0;
  Prob bits[10];
  Prob class0_fraction[2][3];
  Prob fraction[3];
  Prob class0_hp;
  Prob hp;
};

struct Probabilities {
  Prob tx8[2][1];
  Prob tx16[2][2];
  Prob tx32[2][3];
  Prob coef[4][2][2][6][6][3];  // [transform size][chroma][inter][band][context]; band 0 has 3 contexts
  Prob skip[3];
  Prob inter_mode[7][3];
  Prob filter[4][2];
  Prob is_inter[4];
  Prob comp_mode[5];
  Prob single_ref[5][2];
  Prob comp_ref[5];
  Prob y_mode[4][9];
  Prob uv_mode[10][9];
  Prob partition[16][3];
  Prob mv_joint[3];
  MvProbabilities mv[2];  // row, column
};

using Count = std::uint32_t;

struct MvCounts {
  Count sign[2];
  Count classes[11];
  Count class0[2];
  Count bits[10][2];
  Count class0_fraction[2][4];
  Count fraction[4];
  Count class0_hp[2];
  Count hp[2];
};

struct Counts {
  Count tx8[2][2];
  Count tx16[2][3];
  Count tx32[2][4];
  Count coef[4][2][2][6][6][4];  // zero, one, more, end of block
  Count more_coefs[4][2][2][6][6];  // how often an end of block was possible
  Count skip[3][2];
  Count inter_mode[7][4];
  Count filter[4][3];
  Count is_inter[4][2];
  Count comp_mode[5][2];
  Count single_ref[5][2][2];
  Count comp_ref[5][2];
  Count y_mode[4][10];
  Count uv_mode[10][10];
  Count partition[16][4];
  Count mv_joint[4];
  MvCounts mv[2];
};

}  // namespace ns_ray::vp9
