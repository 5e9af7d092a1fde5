// What the macroblocks of a slice share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "macroblock_state.hpp"
#include "motion.hpp"
#include "reference_lists.hpp"
#include "slice_header.hpp"

namespace ns_ray::h264 {

struct SliceContext {
  const SliceHeader& header;
  const ReferenceLists& lists;
  const std::int8_t (*pictures)[kMaxReferences];  // of each list's entries, as in Block
  int poc;                                        // of the current picture
  std::uint16_t number;                           // of the slice
  Motion& motion;
  // Of each column: the macroblock parsed last there, so above the current one or, left of it, in its row.
  std::vector<MacroblockState>& states;

  std::int8_t picture(int list, int reference) const {
    const std::int8_t picture = pictures[list][reference];
    if (picture < 0) [[unlikely]] throw MissingReference("a block refers to a picture that is not there, or damaged");
    return picture;
  }
};

// Where a macroblock lies among the blocks of its picture.
struct Position {
  int column, row;       // in macroblocks
  Block* blocks;         // its top left one
  std::ptrdiff_t stride;
  bool left, above, above_left, above_right;  // whether those macroblocks are in the same slice

  Block& at(int x, int y) const { return blocks[y * stride + x]; }

  // The block at (x, y), from (-1, -1) to (4, 3), or null: outside the slice, or right of the macroblock.
  const Block* find(int x, int y) const {
    const bool there = y >= 0 ? (x >= 0 ? x < 4 : left) : x < 0 ? above_left : x < 4 ? above : above_right;
    return there ? &at(x, y) : nullptr;
  }
};

}  // namespace ns_ray::h264
