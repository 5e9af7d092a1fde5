#include "motion_field.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace ns_ray::h264 {
namespace {

constexpr int kImplicitLog2 = 5;
constexpr std::size_t kMostWeights = std::numeric_limits<std::uint16_t>::max();

bool same_motion(const Block& a, const Block& b) {
  return a.mv[0] == b.mv[0] && a.mv[1] == b.mv[1] && a.reference[0] == b.reference[0] && a.reference[1] == b.reference[1];
}

// Weights of pairs of references, each slice's own; told apart once.
class WeightTable {
 public:
  explicit WeightTable(std::vector<Weights>& weights) : weights_(weights) {}

  void enter(const Slice& slice) {
    slice_ = &slice;
    known_.fill(kUnknown);
  }

  // As a block has it: 0 where there is nothing to be weighted.
  std::uint16_t of(const Block& block) {
    if (slice_->weighting == kDefaultWeights) return 0;
    if (slice_->weighting == kImplicitWeights && (block.reference[0] < 0 || block.reference[1] < 0)) return 0;
    int& known = known_[static_cast<std::size_t>((block.reference[0] + 1) * (kMaxReferences + 1) + block.reference[1] + 1)];
    if (known == kUnknown) known = add(made(block), 1 + (block.reference[0] >= 0 && block.reference[1] >= 0));
    return static_cast<std::uint16_t>(known);
  }

 private:
  static constexpr int kUnknown = -1;

  Weights made(const Block& block) const {
    Weights weights{};
    for (std::size_t plane = 0; plane < 3; ++plane) {
      if (slice_->weighting == kImplicitWeights) {
        const int second = slice_->implicit_weights[block.reference[0]][block.reference[1]];
        weights.log2[plane] = kImplicitLog2;
        weights.weight[plane][0] = static_cast<std::int16_t>(64 - second);
        weights.weight[plane][1] = static_cast<std::int16_t>(second);
        continue;
      }
      weights.log2[plane] = plane ? slice_->chroma_log2 : slice_->luma_log2;
      std::size_t which = 0;
      for (int list = 0; list < 2; ++list) {
        if (block.reference[list] < 0) continue;
        const auto& entry = slice_->explicit_weights[list][block.reference[list]][plane];
        weights.weight[plane][which] = entry[0];
        weights.offset[plane][which++] = entry[1];
      }
    }
    return weights;
  }

  int add(const Weights& made, std::size_t predictions) {
    bool plain = true;
    for (std::size_t plane = 0; plane < 3; ++plane)
      for (std::size_t which = 0; which < predictions; ++which)
        plain &= made.offset[plane][which] == 0 && made.weight[plane][which] == 1 << made.log2[plane];
    if (plain) return 0;
    if (weights_.size() == kMostWeights) throw Unsupported("the slices of a picture have more than 65535 pairs of weights");
    weights_.push_back(made);
    return static_cast<int>(weights_.size());
  }

  std::vector<Weights>& weights_;
  const Slice* slice_ = nullptr;
  std::array<int, (kMaxReferences + 1) * (kMaxReferences + 1)> known_{};
};

}  // namespace

MotionField motion_field(const ParsedFrame& frame) {
  const Motion& motion = *frame.motion;
  MotionField field;
  field.blocks.reserve(motion.count());
  WeightTable table(field.weights);
  const auto stride = motion.stride();
  int slice = -1;
  for (std::size_t i = 0; i < motion.count(); ++i) {
    const Macroblock& macroblock = motion.macroblocks[i];
    if (macroblock.slice != slice) table.enter(frame.slices[macroblock.slice]);
    slice = macroblock.slice;
    const int column = static_cast<int>(i) % motion.columns, row = static_cast<int>(i) / motion.columns;
    const Block* const first = motion.blocks.data() + motion.offset(column, row);
    const std::uint8_t* const coded = motion.coded.data() + motion.offset(column, row);
    const auto at = [&](int x, int y) -> const Block& { return first[y * stride + x]; };

    // A rectangle of 4x4 blocks, of one motion or a quarter of the macroblock.
    const auto add = [&](int x, int y, int width, int height) {
      ns_ray::Block block{};
      block.x = static_cast<std::uint16_t>(16 * column + 4 * x);
      block.y = static_cast<std::uint16_t>(16 * row + 4 * y);
      block.width = block.sub_width = static_cast<std::uint8_t>(4 * width);
      block.height = block.sub_height = static_cast<std::uint8_t>(4 * height);
      block.skip = 1;
      for (int down = y; down < y + height; ++down)
        for (int across = x; across < x + width; ++across)
          if (coded[down * stride + across]) block.skip = 0;
      const Block& its = at(x, y);
      int count = 0;
      block.slot[0] = block.slot[1] = -1;
      std::array<int, 2> lists{};
      for (int list = 0; list < 2; ++list) {
        if (its.picture[list] < 0) continue;
        block.slot[count] = motion.slots[static_cast<std::size_t>(its.picture[list])];
        lists[static_cast<std::size_t>(count++)] = list;
      }
      if (count == 0) block.skip = 0;
      block.weights = count ? table.of(its) : 0;
      for (int quarter = 0; quarter < 4; ++quarter) {
        const Block& part = at(x + quarter % 2 * width / 2, y + quarter / 2 * height / 2);
        for (int which = 0; which < count; ++which) {
          const Mv mv = part.mv[lists[static_cast<std::size_t>(which)]];
          block.mv[quarter][which][0] = mv.row;
          block.mv[quarter][which][1] = mv.column;
        }
      }
      if (width == 2 && height == 2) {
        const bool rows = same_motion(at(x, y), at(x + 1, y)) && same_motion(at(x, y + 1), at(x + 1, y + 1));
        const bool columns = same_motion(at(x, y), at(x, y + 1)) && same_motion(at(x + 1, y), at(x + 1, y + 1));
        if (!rows) block.sub_width = 4;
        if (!columns) block.sub_height = 4;
      }
      field.blocks.push_back(block);
    };
    const auto alike = [&](int x, int y, int width, int height) {
      for (int down = y; down < y + height; ++down)
        for (int across = x; across < x + width; ++across)
          if (!same_motion(at(x, y), at(across, down))) return false;
      return true;
    };
    if (macroblock.type <= kPcm || alike(0, 0, 4, 4)) {
      add(0, 0, 4, 4);
    } else if (alike(0, 0, 4, 2) && alike(0, 2, 4, 2)) {
      add(0, 0, 4, 2);
      add(0, 2, 4, 2);
    } else if (alike(0, 0, 2, 4) && alike(2, 0, 2, 4)) {
      add(0, 0, 2, 4);
      add(2, 0, 2, 4);
    } else {
      for (int quarter = 0; quarter < 4; ++quarter) add(quarter % 2 * 2, quarter / 2 * 2, 2, 2);
    }
  }
  return field;
}

}  // namespace ns_ray::h264
