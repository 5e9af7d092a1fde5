// Reference frames of an inter block and the contexts they are coded in (VP9 specification, sections 6.4.18 and 9.3.2).
#include "tile.hpp"

namespace ns_ray::vp9 {
namespace {

bool uses(const ModeInfo& m, Reference reference) { return m.refs[0] == reference || m.refs[1] == reference; }

}  // namespace

void TileParser::read_references() {
  ModeInfo& m = *block_;
  Probabilities& p = frame_.probabilities;
  Counts& n = frame_.counts;
  if (frame_.segmentation.active(m.segment, kSegmentReference)) {
    m.refs[0] = static_cast<std::uint8_t>(frame_.segmentation.feature_data[m.segment][kSegmentReference]);
  } else {
    bool compound = frame_.compressed.reference_mode == kCompound;
    if (frame_.compressed.reference_mode == kReferenceSelect) {
      const int context = comp_mode_context();
      compound = bool_.read(p.comp_mode[context]);
      ++n.comp_mode[context][compound];
    }
    if (compound) {
      const int context = comp_reference_context();
      const int variable = bool_.read(p.comp_ref[context]);
      ++n.comp_ref[context][variable];
      const int fixed_index = frame_.header.sign_bias[frame_.fixed_reference];
      m.refs[fixed_index] = frame_.fixed_reference;
      m.refs[!fixed_index] = frame_.variable_references[variable];
    } else {
      const int first = first_reference_context();
      const int not_last = bool_.read(p.single_ref[first][0]);
      ++n.single_ref[first][0][not_last];
      m.refs[0] = kLast;
      if (not_last) {
        const int second = second_reference_context();
        const int altref = bool_.read(p.single_ref[second][1]);
        ++n.single_ref[second][1][altref];
        m.refs[0] = altref ? kAltref : kGolden;
      }
    }
  }
  for (const std::uint8_t reference : m.refs) {
    if (reference != kIntra && !frame_.header.usable_reference[reference - kLast]) {
      throw BitstreamError("a block uses a reference whose size does not allow prediction");
    }
  }
}

int TileParser::comp_mode_context() const {
  const auto fixed = frame_.fixed_reference;
  const auto is_fixed = [&](const ModeInfo& m) { return m.refs[0] == fixed; };
  if (above_ && left_) {
    if (!above_->is_compound() && !left_->is_compound()) return is_fixed(*above_) ^ is_fixed(*left_);
    if (!above_->is_compound()) return 2 + (is_fixed(*above_) || !above_->is_inter());
    if (!left_->is_compound()) return 2 + (is_fixed(*left_) || !left_->is_inter());
    return 4;
  }
  if (const ModeInfo* one = above_ ? above_ : left_) return one->is_compound() ? 3 : is_fixed(*one);
  return 1;
}

int TileParser::comp_reference_context() const {
  const auto fixed = frame_.fixed_reference;
  const Reference(&choice)[2] = frame_.variable_references;
  const int variable_index = !frame_.header.sign_bias[fixed];
  const auto variable = [&](const ModeInfo& m) { return m.is_compound() ? m.refs[variable_index] : m.refs[0]; };
  if (above_ && left_) {
    if (!above_->is_inter() && !left_->is_inter()) return 2;
    if (!above_->is_inter() || !left_->is_inter()) {
      return 1 + 2 * (variable(above_->is_inter() ? *above_ : *left_) != choice[1]);
    }
    const int above = variable(*above_);
    const int left = variable(*left_);
    if (above == left && above == choice[1]) return 0;
    if (!above_->is_compound() && !left_->is_compound()) {
      if ((above == fixed && left == choice[0]) || (left == fixed && above == choice[0])) return 4;
      return above == left ? 3 : 1;
    }
    if (!above_->is_compound() || !left_->is_compound()) {
      const int in_compound = above_->is_compound() ? above : left;
      const int alone = above_->is_compound() ? left : above;
      if (in_compound == choice[1] && alone != choice[1]) return 1;
      if (alone == choice[1] && in_compound != choice[1]) return 2;
      return 4;
    }
    return above == left ? 4 : 2;
  }
  if (const ModeInfo* one = above_ ? above_ : left_) {
    if (!one->is_inter()) return 2;
    return (one->is_compound() ? 4 : 3) * (variable(*one) != choice[1]);
  }
  return 2;
}

int TileParser::first_reference_context() const {
  const auto alone = [](const ModeInfo& m) {
    if (!m.is_inter()) return 2;
    return m.is_compound() ? 1 + uses(m, kLast) : 4 * (m.refs[0] == kLast);
  };
  if (above_ && left_) {
    if (!above_->is_inter()) return alone(*left_);
    if (!left_->is_inter()) return alone(*above_);
    if (!above_->is_compound() && !left_->is_compound()) {
      return 2 * (above_->refs[0] == kLast) + 2 * (left_->refs[0] == kLast);
    }
    if (above_->is_compound() && left_->is_compound()) return 1 + (uses(*above_, kLast) || uses(*left_, kLast));
    const ModeInfo& single = above_->is_compound() ? *left_ : *above_;
    const ModeInfo& compound = above_->is_compound() ? *above_ : *left_;
    return 3 * (single.refs[0] == kLast) + uses(compound, kLast);
  }
  if (const ModeInfo* one = above_ ? above_ : left_) return alone(*one);
  return 2;
}

int TileParser::second_reference_context() const {
  if (above_ && left_) {
    if (!above_->is_inter() && !left_->is_inter()) return 2;
    if (!above_->is_inter() || !left_->is_inter()) {
      const ModeInfo& one = above_->is_inter() ? *above_ : *left_;
      if (one.is_compound()) return 1 + 2 * uses(one, kGolden);
      return one.refs[0] == kLast ? 3 : 4 * (one.refs[0] == kGolden);
    }
    const int above = above_->refs[0];
    const int left = left_->refs[0];
    if (above_->is_compound() && left_->is_compound()) {
      if (above != left || above_->refs[1] != left_->refs[1]) return 2;
      return 3 * uses(*above_, kGolden);
    }
    if (!above_->is_compound() && !left_->is_compound()) {
      if (above == kLast && left == kLast) return 3;
      if (above == kLast) return 4 * (left == kGolden);
      if (left == kLast) return 4 * (above == kGolden);
      return 2 * (above == kGolden) + 2 * (left == kGolden);
    }
    const int single = above_->is_compound() ? left : above;
    const bool golden = uses(above_->is_compound() ? *above_ : *left_, kGolden);
    if (single == kGolden) return 3 + golden;
    return single == kAltref ? golden : 1 + 2 * golden;
  }
  if (const ModeInfo* one = above_ ? above_ : left_) {
    if (!one->is_inter() || (one->refs[0] == kLast && !one->is_compound())) return 2;
    return one->is_compound() ? 3 * uses(*one, kGolden) : 4 * (one->refs[0] == kGolden);
  }
  return 2;
}

}  // namespace ns_ray::vp9
