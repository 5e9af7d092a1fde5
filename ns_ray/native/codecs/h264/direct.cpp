#include "direct.hpp"

#include <algorithm>
#include <cstdlib>

#include "vector_prediction.hpp"

namespace ns_ray::h264 {
namespace {

constexpr int kTakenAsIs = 1 << 20;  // no factor: beyond the range of one

// Section 8.4.1.2.2: of A, B and C the lowest index that is one; -1 if none is.
int least_reference(const Candidates& found) {
  unsigned least = 255;
  for (const int reference : found.reference) {
    if (reference >= 0) least = std::min(least, static_cast<unsigned>(reference));
  }
  return least == 255 ? -1 : static_cast<int>(least);
}

bool nearly_still(const Block& block) {
  const int list = block.reference[0] >= 0 ? 0 : 1;
  const Mv mv = block.mv[list];
  return block.reference[list] == 0 && std::abs(mv.row) <= 1 && std::abs(mv.column) <= 1;
}

std::int16_t scaled(int scale, int value) { return static_cast<std::int16_t>((scale * value + 128) >> 8); }

}  // namespace

int distance_scale(int current, int first, int second) {
  const auto distance = [first](int to) {
    return static_cast<int>(std::clamp<std::int64_t>(std::int64_t{to} - first, -128, 127));
  };
  const int tb = distance(current), td = distance(second);
  const int tx = (16384 + std::abs(td / 2)) / td;
  return std::clamp((tb * tx + 32) >> 6, -1024, 1023);
}

DirectMotion::DirectMotion(const SliceContext& slice) : slice_(slice) {
  if (slice.header.type != kB) return;
  inference_ = slice.header.sps->direct_8x8_inference;
  const Picture* const second = slice.lists.entries[1][0];
  if (!second || !second->motion) return;
  colocated_ = second->motion.get();
  colocated_long_term_ = second->long_term;
  if (slice.header.direct_spatial) return;
  list0_.fill(-1);
  for (int i = slice.lists.counts[0]; i-- > 0;) {
    const Picture* const first = slice.lists.entries[0][static_cast<std::size_t>(i)];
    if (!first) continue;
    const bool as_is = first->long_term || first->poc == second->poc;
    scale_[static_cast<std::size_t>(i)] = as_is ? kTakenAsIs : distance_scale(slice.poc, first->poc, second->poc);
    const auto reference = std::ranges::find(colocated_->references, first->number);
    if (reference == colocated_->references.end()) continue;
    list0_[static_cast<std::size_t>(reference - colocated_->references.begin())] = static_cast<std::int8_t>(i);
  }
}

const Block& DirectMotion::colocated(const Position& here, int x, int y) const {
  if (inference_) {  // the corner of the macroblock
    x = x / 2 * 3;
    y = y / 2 * 3;
  }
  return colocated_->blocks[static_cast<std::size_t>(colocated_->offset(here.column, here.row) + y * here.stride + x)];
}

void DirectMotion::derive(const Position& here, unsigned quarters) const {
  if (!colocated_) throw MissingReference("a block's motion is derived from a picture that is not there, or damaged");
  if (slice_.header.direct_spatial) {
    derive_spatial(here, quarters);
  } else {
    derive_temporal(here, quarters);
  }
}

void DirectMotion::derive_spatial(const Position& here, unsigned quarters) const {
  Block block{};
  for (int list = 0; list < 2; ++list) {
    const Candidates found = find_candidates(here, list, 0, 0, 4);
    const int reference = least_reference(found);
    block.reference[list] = static_cast<std::int8_t>(reference);
    block.mv[list] = reference < 0 ? Mv{} : predict_median(found, reference);
  }
  const bool none = block.intra();
  if (none) block.reference[0] = block.reference[1] = 0;
  for (int list = 0; list < 2; ++list) {
    const int reference = block.reference[list];
    block.picture[list] = reference < 0 ? std::int8_t{-1} : slice_.picture(list, reference);
  }
  const bool may_stand = !none && !colocated_long_term_ && (block.reference[0] == 0 || block.reference[1] == 0);
  Block standing = block;
  for (int list = 0; list < 2; ++list) {
    if (block.reference[list] == 0) standing.mv[list] = {};
  }
  for (int y = 0; y < 4; ++y) {
    for (int x = 0; x < 4; ++x) {
      if (!(quarters >> (y / 2 * 2 + x / 2) & 1)) continue;
      here.at(x, y) = may_stand && nearly_still(colocated(here, x, y)) ? standing : block;
    }
  }
}

Block DirectMotion::temporal_block(const Block& colocated) const {
  Block block{};
  Mv mv{};
  if (!colocated.intra()) {
    const int list = colocated.reference[0] >= 0 ? 0 : 1;
    mv = colocated.mv[list];
    block.reference[0] = list0_[static_cast<std::size_t>(colocated.picture[list])];
    if (block.reference[0] < 0) throw MissingReference("a block refers to a picture that is not there, or damaged");
  }
  for (int list = 0; list < 2; ++list) block.picture[list] = slice_.picture(list, block.reference[list]);
  const int scale = scale_[static_cast<std::size_t>(block.reference[0])];
  if (scale == kTakenAsIs) {
    block.mv[0] = mv;
  } else {
    block.mv[0] = {scaled(scale, mv.row), scaled(scale, mv.column)};
    block.mv[1] = {static_cast<std::int16_t>(block.mv[0].row - mv.row),
                   static_cast<std::int16_t>(block.mv[0].column - mv.column)};
  }
  return block;
}

void DirectMotion::derive_temporal(const Position& here, unsigned quarters) const {
  for (int y = 0; y < 4; ++y) {
    for (int x = 0; x < 4; ++x) {
      if (!(quarters >> (y / 2 * 2 + x / 2) & 1)) continue;
      here.at(x, y) = temporal_block(colocated(here, x, y));
    }
  }
}

}  // namespace ns_ray::h264
