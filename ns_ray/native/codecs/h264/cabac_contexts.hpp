// Context variables of CABAC and their tables (ITU-T H.264, sections 9.3.1.1 and 9.3.3.2.1.1).
#pragma once

#include <array>
#include <cstdint>

namespace ns_ray::h264 {

// Those of frames: contexts 0 to 276 keep their ctxIdx, 399 to 435 (8x8 transform) follow them.
constexpr int kContexts = 314;

// Each is pStateIdx << 1 | valMPS.
using Contexts = std::array<std::uint8_t, kContexts>;

struct CabacTables {
  std::uint8_t range_lps[128][4];  // [context variable][codIRange >> 6 & 3]
  std::uint8_t next[2][128];       // [least probable symbol was read][context variable]
};
extern const CabacTables kCabacTables;

// table: 0 in I slices, else 1 + cabac_init_idc. qp: SliceQPY.
void set_contexts(Contexts& contexts, int table, int qp);

}  // namespace ns_ray::h264
