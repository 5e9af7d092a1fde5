// What is known of a coded picture once it is parsed: its blocks, in the layout that is handed on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "types.hpp"

namespace ns_ray::h264 {

// 4x4 luma samples. Plain and fixed in layout: arrays of these three are also NumPy structured arrays (ns_ray/codecs/h264/layout.py).
struct Block {
  Mv mv[2];                  // of each list, zero where it is not used
  std::int8_t reference[2];  // refIdxL0 and refIdxL1 of its slice, -1 where the list is not used; both: intra
  std::int8_t picture[2];    // the same as an index into Motion::references
  bool intra() const { return reference[0] < 0 && reference[1] < 0; }
};
static_assert(sizeof(Block) == 12);

enum MacroblockType : std::uint8_t { kIntra4x4, kIntra8x8, kIntra16x16, kPcm, kInter, kSkip };

struct Macroblock {
  std::uint8_t type;           // a MacroblockType
  std::uint8_t qp;             // QPY, 0 to 51
  std::uint8_t transform_8x8;  // transform_size_8x8_flag
  std::uint8_t coded;          // coded_block_pattern: a bit for each 8x8 luma block, 16 or 32 for chroma; 47 for PCM
  std::uint16_t slice;         // its number in the picture
};
static_assert(sizeof(Macroblock) == 6);

enum Coded : std::uint8_t { kLumaCoded = 1, kChromaCoded = 2 };  // of a 4x4 block: whether coefficients change it

struct Motion {
  Motion(int columns, int rows)
      : columns(columns), rows(rows), blocks(16 * count()), macroblocks(count()), coded(16 * count()) {}

  std::size_t count() const { return static_cast<std::size_t>(columns) * static_cast<std::size_t>(rows); }
  std::ptrdiff_t stride() const { return 4 * columns; }
  // Of the top left block of a macroblock.
  std::ptrdiff_t offset(int column, int row) const { return 4 * row * stride() + 4 * column; }

  int columns, rows;                      // in macroblocks
  std::vector<Block> blocks;              // [4 * rows][4 * columns]
  std::vector<Macroblock> macroblocks;    // [rows][columns]
  std::vector<std::uint8_t> coded;        // [4 * rows][4 * columns], Coded
  std::vector<std::int64_t> references;   // numbers of the pictures that its lists name
  std::vector<std::int8_t> slots;         // where those are kept
};

}  // namespace ns_ray::h264
