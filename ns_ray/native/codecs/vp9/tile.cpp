#include "tile.hpp"

#include <algorithm>

#include "flags.hpp"
#include "trees.hpp"

namespace ns_ray::vp9 {
namespace {

// [partition][size 8, 16, 32, 64]
constexpr BlockSize kSubsizes[4][4] = {{k8x8, k16x16, k32x32, k64x64},
                                       {k8x4, k16x8, k32x16, k64x32},
                                       {k4x8, k8x16, k16x32, k32x64},
                                       {k4x4, k8x8, k16x16, k32x32}};

constexpr int square_index(BlockSize size) { return kWidthLog2[size] - 1; }

}  // namespace

void TileParser::parse() {
  for (int row = bounds_.row_start; row < bounds_.row_end; row += 8) {
    left_partition_ = {};
    left_nonzero_ = {};
    for (int column = bounds_.column_start; column < bounds_.column_end; column += 8) {
      parse_partition(row, column, k64x64);
      // Past its end a decoder reads zeros for ever: stop here, so that work stays in proportion to the data.
      if (bool_.overrun()) throw BitstreamError("a tile is truncated");
    }
  }
}

Partition TileParser::read_partition(int row, int column, BlockSize size) {
  const int level = square_index(size);
  const int bit = 1 << (3 - level);
  const bool above = frame_.above_partition[column] & bit;
  const bool left = left_partition_[row & 7] & bit;
  const int context = 4 * level + 2 * left + above;
  const Prob* p = frame_.header.intra() ? kKeyPartitionProbs[context] : frame_.probabilities.partition[context];
  const int half = cells_wide(size) / 2;
  const bool has_rows = row + half < frame_.rows;
  const bool has_columns = column + half < frame_.columns;
  int partition = kSplit;
  if (has_rows && has_columns) {
    partition = bool_.tree(kPartitionTree, p);
  } else if (has_columns) {
    partition = bool_.read(p[1]) ? kSplit : kHorizontal;
  } else if (has_rows) {
    partition = bool_.read(p[2]) ? kSplit : kVertical;
  }
  ++frame_.counts.partition[context][partition];
  return static_cast<Partition>(partition);
}

void TileParser::parse_partition(int row, int column, BlockSize size) {
  if (row >= frame_.rows || column >= frame_.columns) return;
  const Partition partition = read_partition(row, column, size);
  const BlockSize subsize = kSubsizes[partition][square_index(size)];
  const int half = cells_wide(size) / 2;
  if (subsize < k8x8 || partition == kNone) {
    parse_block(row, column, subsize);
  } else if (partition == kHorizontal) {
    parse_block(row, column, subsize);
    if (row + half < frame_.rows) parse_block(row + half, column, subsize);
  } else if (partition == kVertical) {
    parse_block(row, column, subsize);
    if (column + half < frame_.columns) parse_block(row, column + half, subsize);
  } else {
    parse_partition(row, column, subsize);
    parse_partition(row, column + half, subsize);
    parse_partition(row + half, column, subsize);
    parse_partition(row + half, column + half, subsize);
  }
  if (size == k8x8 || partition != kSplit) {
    const int cells = cells_wide(size);
    fill_run(frame_.above_partition.data() + column, cells, static_cast<std::uint8_t>(15 >> kWidthLog2[subsize]));
    fill_run(left_partition_.data() + (row & 7), cells, static_cast<std::uint8_t>(15 >> kHeightLog2[subsize]));
  }
}

void TileParser::parse_block(int row, int column, BlockSize size) {
  // Where chroma is halved one way alone, blocks twice as long the other way would have chroma blocks of 1 to 4.
  const int halved = frame_.header.color.format.subsampling_x - frame_.header.color.format.subsampling_y;
  if (halved != 0 && size >= k8x8 && kHeightLog2[size] - kWidthLog2[size] == halved) {
    throw BitstreamError("a block has a shape that its chroma cannot have");
  }
  row_ = row;
  column_ = column;
  above_ = row > 0 ? frame_.modes->at(row - 1, column) : nullptr;
  left_ = column > bounds_.column_start ? frame_.modes->at(row, column - 1) : nullptr;
  block_ = &frame_.modes->add(row, column, size);
  if (frame_.header.intra()) {
    read_intra_frame_modes();
  } else {
    read_inter_frame_modes();
  }
  std::uint32_t tokens = 0;
  if (block_->skip) {
    clear_residual_context();
  } else {
    const Residual residual = read_residual();
    tokens = residual.nonzero;
    // A large inter block that turned out empty counts as skipped from here on, also as a neighbour.
    if (!residual.coded && block_->is_inter() && size >= k8x8) block_->skip = 1;
  }
  emit_block(tokens);
}

void TileParser::emit_block(std::uint32_t tokens) {
  const ModeInfo& m = *block_;
  Block& out = frame_.blocks->emplace_back();
  out.x = static_cast<std::uint16_t>(column_ * 8);
  out.y = static_cast<std::uint16_t>(row_ * 8);
  out.width = static_cast<std::uint8_t>(cells_wide(m.size) * 8);
  out.height = static_cast<std::uint8_t>(cells_high(m.size) * 8);
  out.sub_width = static_cast<std::uint8_t>(4 << kWidthLog2[m.size]);
  out.sub_height = static_cast<std::uint8_t>(4 << kHeightLog2[m.size]);
  for (int i = 0; i < 2; ++i) {
    out.ref_frame[i] = m.refs[i];
    out.ref_slot[i] = static_cast<std::int8_t>(m.refs[i] ? frame_.header.reference_slots[m.refs[i] - kLast] : -1);
  }
  out.filter = static_cast<std::uint8_t>(specification_filter(m.filter));
  out.skip = m.skip;
  out.segment = m.segment;
  out.tx_size = m.tx_size;
  out.y_mode = m.mode;
  out.uv_mode = m.uv_mode;
  const Segmentation& segmentation = frame_.segmentation;
  int qindex = frame_.header.base_qindex;
  if (segmentation.active(m.segment, kAltQ)) {
    const int data = segmentation.feature_data[m.segment][kAltQ];
    qindex = std::clamp(segmentation.absolute ? data : qindex + data, 0, 255);
  }
  out.qindex = static_cast<std::uint16_t>(qindex);
  out.tokens = static_cast<std::uint16_t>(std::min<std::uint32_t>(tokens, 65535));
  for (int quarter = 0; quarter < 4; ++quarter) {
    for (int i = 0; i < 2; ++i) {
      out.mv[quarter][i][0] = m.mv[quarter][i].row;
      out.mv[quarter][i][1] = m.mv[quarter][i].column;
    }
  }
}

}  // namespace ns_ray::vp9
