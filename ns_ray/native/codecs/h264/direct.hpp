// Motion of B blocks that is not coded but derived: both direct modes (ITU-T H.264, section 8.4.1.2).
#pragma once

#include <array>
#include <cstdint>

#include "slice_context.hpp"

namespace ns_ray::h264 {

// DistScaleFactor, in 1/256: how far the current picture is on the way from the first to the second. Each by its
// PicOrderCnt; those two must differ.
int distance_scale(int current, int first, int second);

class DirectMotion {
 public:
  explicit DirectMotion(const SliceContext& slice);

  // Writes motion into those 8x8 blocks of the macroblock whose bit is set. Throws MissingReference.
  void derive(const Position& here, unsigned quarters) const;

 private:
  void derive_spatial(const Position& here, unsigned quarters) const;
  void derive_temporal(const Position& here, unsigned quarters) const;
  // The block of RefPicList1[0] that block (x, y) goes by.
  const Block& colocated(const Position& here, int x, int y) const;
  Block temporal_block(const Block& colocated) const;

  const SliceContext& slice_;
  const Motion* colocated_ = nullptr;
  bool colocated_long_term_ = false;
  bool inference_ = false;                         // direct_8x8_inference_flag
  std::array<int, kMaxReferences> scale_{};        // of each entry of list 0; 0: vectors are taken as they are
  std::array<std::int8_t, kMaxReferences> list0_{};  // the colocated picture's references as entries of list 0, or -1
};

}  // namespace ns_ray::h264
