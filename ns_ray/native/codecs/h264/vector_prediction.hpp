// Motion vectors predicted from neighbouring blocks (ITU-T H.264, section 8.4.1.3).
#pragma once

#include "macroblock_types.hpp"
#include "slice_context.hpp"

namespace ns_ray::h264 {

// The neighbours A, B and C of a partition: reference -1 where a block does not use the list, -2 where there is none.
struct Candidates {
  int reference[3];
  Mv mv[3];
};

// (x, y): the partition's first 4x4 block; width: in 4x4 blocks.
Candidates find_candidates(const Position& here, int list, int x, int y, int width);

Mv predict_median(const Candidates& found, int reference);

// With the preferences of 16x8 and 8x16 partitions (section 8.4.1.3). index: of the partition.
Mv predict_vector(const Position& here, int list, int reference, const PartitionRectangle& part, Shape shape,
                  int index);

// Section 8.4.1.1: the vector of P_Skip.
Mv predict_skip(const Position& here);

}  // namespace ns_ray::h264
