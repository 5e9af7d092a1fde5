// Modes of a block (VP9 specification, sections 6.4.5 to 6.4.17; contexts: section 9.3.2).
#include <algorithm>

#include "tile.hpp"
#include "trees.hpp"

namespace ns_ray::vp9 {
namespace {

constexpr TxSize kLargestTx[kBlockSizes] = {kTx4,  kTx4,  kTx4,  kTx8,  kTx8,  kTx8, kTx16,
                                            kTx16, kTx16, kTx32, kTx32, kTx32, kTx32};

constexpr int kSizeGroups[kBlockSizes] = {0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3};

// Runs over the parts of a block: f(first quarter), after which every quarter of that part shares its result.
template <typename Read, typename Store>
void for_each_part(BlockSize size, Read read, Store store) {
  const int wide = 1 << kWidthLog2[size];
  const int high = 1 << kHeightLog2[size];
  for (int y = 0; y < 2; y += high) {
    for (int x = 0; x < 2; x += wide) {
      const int quarter = 2 * y + x;
      const auto value = read(quarter);
      for (int dy = 0; dy < high; ++dy) {
        for (int dx = 0; dx < wide; ++dx) store(quarter + 2 * dy + dx, value);
      }
    }
  }
}

Mode mode_beside(const ModeInfo* neighbour, int quarter) {
  return neighbour && !neighbour->is_inter() ? static_cast<Mode>(neighbour->sub_modes[quarter]) : kDc;
}

}  // namespace

void TileParser::read_intra_frame_modes() {
  ModeInfo& m = *block_;
  read_intra_frame_segment();
  read_skip();
  read_tx_size(true);
  const auto read = [&](int quarter) {
    const Mode above = quarter >= 2 ? static_cast<Mode>(m.sub_modes[quarter - 2]) : mode_beside(above_, quarter + 2);
    const Mode left = quarter & 1 ? static_cast<Mode>(m.sub_modes[quarter - 1]) : mode_beside(left_, quarter + 1);
    return static_cast<Mode>(bool_.tree(kIntraModeTree, kKeyYModeProbs[above][left]));
  };
  if (m.size >= k8x8) {
    m.mode = read(0);
    std::fill_n(m.sub_modes, 4, m.mode);
  } else {
    for_each_part(m.size, read, [&](int quarter, Mode mode) { m.sub_modes[quarter] = m.mode = mode; });
  }
  m.uv_mode = static_cast<std::uint8_t>(bool_.tree(kIntraModeTree, kKeyUvModeProbs[m.mode]));
}

void TileParser::read_inter_frame_modes() {
  read_inter_frame_segment();
  read_skip();
  const bool inter = read_is_inter();
  read_tx_size(!block_->skip || !inter);
  if (inter) {
    read_inter_modes();
  } else {
    read_intra_modes();
  }
}

int TileParser::read_segment() { return bool_.tree(kSegmentTree, frame_.segmentation.tree_probs.data()); }

int TileParser::predicted_segment() const {
  const int bottom = std::min(row_ + cells_high(block_->size), frame_.rows);
  const int right = std::min(column_ + cells_wide(block_->size), frame_.columns);
  std::uint8_t least = 7;
  for (int row = row_; row < bottom; ++row) {
    for (int column = column_; column < right; ++column) {
      least = std::min(least, frame_.previous_segments[static_cast<std::size_t>(row) * frame_.columns + column]);
    }
  }
  return least;
}

void TileParser::store_segment(int segment) {
  const int bottom = std::min(row_ + cells_high(block_->size), frame_.rows);
  const int wide = std::min(cells_wide(block_->size), frame_.columns - column_);
  for (int row = row_; row < bottom; ++row) {
    std::fill_n(frame_.segments + (static_cast<std::size_t>(row) * frame_.columns + column_), wide,
                static_cast<std::uint8_t>(segment));
  }
}

void TileParser::read_intra_frame_segment() {
  if (!frame_.segmentation.enabled || !frame_.segmentation.update_map) return;
  block_->segment = static_cast<std::uint8_t>(read_segment());
  store_segment(block_->segment);
}

void TileParser::read_inter_frame_segment() {
  const Segmentation& segmentation = frame_.segmentation;
  if (!segmentation.enabled) return;
  ModeInfo& m = *block_;
  if (!segmentation.update_map) {
    m.segment = static_cast<std::uint8_t>(predicted_segment());
    return;
  }
  if (segmentation.temporal_update) {
    const int context = (above_ && above_->segment_predicted) + (left_ && left_->segment_predicted);
    m.segment_predicted = static_cast<std::uint8_t>(bool_.read(segmentation.predicted_probs[context]));
  }
  m.segment = static_cast<std::uint8_t>(m.segment_predicted ? predicted_segment() : read_segment());
  store_segment(m.segment);
}

void TileParser::read_skip() {
  if (frame_.segmentation.active(block_->segment, kSegmentSkip)) {
    block_->skip = 1;
    return;
  }
  const int context = (above_ && above_->skip) + (left_ && left_->skip);
  block_->skip = static_cast<std::uint8_t>(bool_.read(frame_.probabilities.skip[context]));
  ++frame_.counts.skip[context][block_->skip];
}

void TileParser::read_tx_size(bool may_select) {
  ModeInfo& m = *block_;
  const int largest = kLargestTx[m.size];
  if (!may_select || frame_.compressed.tx_mode != kTxSelect || m.size < k8x8) {
    m.tx_size = static_cast<std::uint8_t>(std::min(largest, frame_.compressed.tx_mode));
    return;
  }
  const auto expected = [&](const ModeInfo* neighbour) {
    return neighbour && !neighbour->skip ? static_cast<int>(neighbour->tx_size) : largest;
  };
  int above = expected(above_);
  int left = expected(left_);
  if (!left_) left = above;
  if (!above_) above = left;
  const int context = above + left > largest;
  Probabilities& p = frame_.probabilities;
  const Prob* probabilities = largest == kTx8 ? p.tx8[context] : largest == kTx16 ? p.tx16[context] : p.tx32[context];
  int size = 0;
  while (size < largest && bool_.read(probabilities[size])) ++size;
  Counts& n = frame_.counts;
  Count* counts = largest == kTx8 ? n.tx8[context] : largest == kTx16 ? n.tx16[context] : n.tx32[context];
  ++counts[size];
  m.tx_size = static_cast<std::uint8_t>(size);
}

bool TileParser::read_is_inter() {
  if (frame_.segmentation.active(block_->segment, kSegmentReference)) {
    return frame_.segmentation.feature_data[block_->segment][kSegmentReference] != kIntra;
  }
  const bool above = above_ && !above_->is_inter();
  const bool left = left_ && !left_->is_inter();
  const int context = above_ && left_ ? (above && left ? 3 : above || left) : 2 * (above || left);
  const int inter = bool_.read(frame_.probabilities.is_inter[context]);
  ++frame_.counts.is_inter[context][inter];
  return inter != 0;
}

Mode TileParser::read_intra_mode(Prob (&probabilities)[9], Count (&counts)[10]) {
  const int mode = bool_.tree(kIntraModeTree, probabilities);
  ++counts[mode];
  return static_cast<Mode>(mode);
}

void TileParser::read_intra_modes() {
  ModeInfo& m = *block_;
  Probabilities& p = frame_.probabilities;
  Counts& n = frame_.counts;
  if (m.size >= k8x8) {
    const int group = kSizeGroups[m.size];
    m.mode = read_intra_mode(p.y_mode[group], n.y_mode[group]);
    std::fill_n(m.sub_modes, 4, m.mode);
  } else {
    for_each_part(
        m.size, [&](int) { return read_intra_mode(p.y_mode[0], n.y_mode[0]); },
        [&](int quarter, Mode mode) { m.sub_modes[quarter] = m.mode = mode; });
  }
  m.uv_mode = read_intra_mode(p.uv_mode[m.mode], n.uv_mode[m.mode]);
}

Mode TileParser::read_inter_mode(int context) {
  const int mode = bool_.tree(kInterModeTree, frame_.probabilities.inter_mode[context]);
  ++frame_.counts.inter_mode[context][mode];
  return static_cast<Mode>(kNearest + mode);
}

Filter TileParser::read_filter() {
  if (frame_.header.filter != kSwitchable) return frame_.header.filter;
  constexpr int kNoFilter = 3;
  const int left = left_ && left_->is_inter() ? left_->filter : kNoFilter;
  const int above = above_ && above_->is_inter() ? above_->filter : kNoFilter;
  int context = kNoFilter;
  if (left == above || above == kNoFilter) {
    context = left;
  } else if (left == kNoFilter) {
    context = above;
  }
  const int filter = bool_.tree(kFilterTree, frame_.probabilities.filter[context]);
  ++frame_.counts.filter[context][filter];
  return static_cast<Filter>(filter);
}

void TileParser::read_inter_modes() {
  ModeInfo& m = *block_;
  read_references();
  const int context = inter_mode_context();
  const bool has_parts = m.size < k8x8;
  if (frame_.segmentation.active(m.segment, kSegmentSkip)) {
    if (has_parts) throw BitstreamError("a block smaller than 8x8 lies in a segment that is always skipped");
    m.mode = kZero;
  } else if (!has_parts) {
    m.mode = read_inter_mode(context);
  }
  m.filter = read_filter();
  if (has_parts) {
    read_part_vectors(context);
  } else {
    read_whole_vectors();
  }
}

}  // namespace ns_ray::vp9
