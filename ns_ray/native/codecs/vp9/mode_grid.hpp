// The modes of a frame's blocks, found by position.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "types.hpp"

namespace ns_ray::vp9 {

struct ModeInfo {
  BlockSize size;
  std::uint8_t skip;
  std::uint8_t tx_size;
  std::uint8_t segment;
  std::uint8_t segment_predicted;
  Filter filter;
  std::uint8_t mode;         // a Mode; of the last part where there are parts
  std::uint8_t sub_modes[4]; // of each quarter
  std::uint8_t uv_mode;
  std::uint8_t refs[2];      // a Reference each
  Mv mv[4][2];               // [quarter][prediction]

  bool is_inter() const { return refs[0] != kIntra; }
  bool is_compound() const { return refs[1] != kIntra; }
};

// One cell for every 8x8 samples. A block is stored once, and every cell it covers points to it.
class ModeGrid {
 public:
  void reset(int rows, int columns) {
    rows_ = rows;
    columns_ = columns;
    const std::size_t cells = static_cast<std::size_t>(rows) * columns;
    cells_.assign(cells, nullptr);
    blocks_.clear();
    blocks_.reserve(cells);  // no block moves: each covers a cell of its own at least
  }

  int rows() const { return rows_; }
  int columns() const { return columns_; }

  const ModeInfo* at(int row, int column) const {
    return cells_[static_cast<std::size_t>(row) * columns_ + column];
  }

  ModeInfo& add(int row, int column, BlockSize size) {
    ModeInfo& block = blocks_.emplace_back();
    block.size = size;
    const int bottom = std::min(row + cells_high(size), rows_);
    const int wide = std::min(cells_wide(size), columns_ - column);
    for (int r = row; r < bottom; ++r) {
      std::fill_n(cells_.begin() + (static_cast<std::ptrdiff_t>(r) * columns_ + column), wide, &block);
    }
    return block;
  }

 private:
  int rows_ = 0, columns_ = 0;
  std::vector<const ModeInfo*> cells_;
  std::vector<ModeInfo> blocks_;
};

}  // namespace ns_ray::vp9
