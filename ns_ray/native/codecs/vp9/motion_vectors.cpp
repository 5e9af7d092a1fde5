// Motion vector candidates, prediction and reading (VP9 specification, sections 6.4.19, 6.4.20 and 6.5).
#include <cstdlib>

#include "tile.hpp"
#include "trees.hpp"

namespace ns_ray::vp9 {
namespace {

constexpr int kClampBorder = 16 * 8;         // 16 samples beyond the edge
constexpr int kHighPrecisionBelow = 8 * 8;   // longer vectors have no 1/8 sample bit
constexpr int kVectorLimit = 1 << 14;

// What two neighbours' modes say together: each adds its weight, the sum names the context.
constexpr int mode_weight(int mode) { return mode <= kTm ? 9 : mode == kZero ? 3 : mode == kNew ? 1 : 0; }
constexpr int kModeContexts[19] = {2, 3, 4, 1, 3, 0, 0, 0, 0, 5, 5, 0, 5, 0, 0, 0, 0, 0, 6};

// Which quarter of a divided neighbour touches a quarter of this block: [quarter][neighbour is above].
constexpr int kTouchingQuarter[4][2] = {{1, 2}, {1, 3}, {3, 2}, {3, 3}};

bool is_short(Mv mv) { return std::abs(mv.row) < kHighPrecisionBelow && std::abs(mv.column) < kHighPrecisionBelow; }

std::int16_t even(std::int16_t v) { return static_cast<std::int16_t>(v - v % 2); }

std::int16_t limit(int value, int low, int high) {
  // A block may reach so far outside that low > high: low then wins, as the specification's Clip3 has it.
  return static_cast<std::int16_t>(value < low ? low : value > high ? high : value);
}

}  // namespace

// Keeps two different vectors; true once no more are wanted.
bool TileParser::Candidates::add(Mv mv) {
  if (count == 1 && mv == list[0]) return false;
  list[count++] = mv;
  return count == wanted;
}

const ModeInfo* TileParser::neighbour(const std::int8_t (&offset)[2]) const {
  const int row = row_ + offset[0];
  const int column = column_ + offset[1];
  if (row < 0 || row >= frame_.rows || column < bounds_.column_start || column >= bounds_.column_end) return nullptr;
  return frame_.modes->at(row, column);
}

int TileParser::inter_mode_context() const {
  int weight = 0;
  for (int i = 0; i < 2; ++i) {
    if (const ModeInfo* m = neighbour(kCandidatePositions[block_->size][i])) weight += mode_weight(m->mode);
  }
  return kModeContexts[weight];
}

TileParser::Candidates TileParser::find_candidates(int reference, int quarter, int wanted) const {
  Candidates found{.wanted = wanted};
  collect_candidates(found, reference, quarter);
  for (Mv& mv : found.list) mv = clamp(mv);
  return found;
}

void TileParser::collect_candidates(Candidates& found, int reference, int quarter) const {
  const auto& positions = kCandidatePositions[block_->size];
  const ModeInfo* neighbours[8];
  for (int i = 0; i < 8; ++i) {
    const ModeInfo* m = neighbours[i] = neighbour(positions[i]);
    if (!m) continue;
    int from = 3;  // the last quarter's vector stands for the whole block
    if (i < 2 && quarter >= 0 && m->size < k8x8) from = kTouchingQuarter[quarter][positions[i][1] == 0];
    if (m->refs[0] == reference) {
      if (found.add(m->mv[from][0])) return;
    } else if (m->refs[1] == reference) {
      if (found.add(m->mv[from][1])) return;
    }
  }
  const ModeInfo* before = frame_.previous_modes ? frame_.previous_modes->at(row_, column_) : nullptr;
  if (before) {
    if (before->refs[0] == reference) {
      if (found.add(before->mv[3][0])) return;
    } else if (before->refs[1] == reference) {
      if (found.add(before->mv[3][1])) return;
    }
  }
  // Vectors to other references, turned round where those lie on the other side in time.
  const auto& bias = frame_.header.sign_bias;
  const auto add_other = [&](const ModeInfo* m) {
    if (!m || !m->is_inter()) return false;
    const Mv(&mv)[2] = m->mv[3];
    const auto turned = [&](int i) {
      if (bias[m->refs[i]] == bias[reference]) return mv[i];
      return Mv{static_cast<std::int16_t>(-mv[i].row), static_cast<std::int16_t>(-mv[i].column)};
    };
    if (m->refs[0] != reference && found.add(turned(0))) return true;
    // The comparison is made before turning: libvpx does so, and so does the specification.
    return m->is_compound() && m->refs[1] != reference && mv[0] != mv[1] && found.add(turned(1));
  };
  for (const ModeInfo* m : neighbours) {
    if (add_other(m)) return;
  }
  add_other(before);
}

Mv TileParser::clamp(Mv mv) const {
  const int top = -row_ * 64 - kClampBorder;
  const int left = -column_ * 64 - kClampBorder;
  const int bottom = (frame_.rows - cells_high(block_->size) - row_) * 64 + kClampBorder;
  const int right = (frame_.columns - cells_wide(block_->size) - column_) * 64 + kClampBorder;
  return {limit(mv.row, top, bottom), limit(mv.column, left, right)};
}

Mv TileParser::lower_precision(Mv mv) const {
  if (frame_.header.allow_high_precision && is_short(mv)) return mv;
  return {even(mv.row), even(mv.column)};
}

void TileParser::read_whole_vectors() {
  ModeInfo& m = *block_;
  if (m.mode == kZero) return;
  for (int i = 0; i < 1 + m.is_compound(); ++i) {
    const int index = m.mode == kNear;
    Mv mv = lower_precision(find_candidates(m.refs[i], -1, index + 1).list[index]);
    if (m.mode == kNew) mv = read_new_vector(mv);
    for (auto& quarter : m.mv) quarter[i] = mv;
  }
}

// Section 6.4.21, append_sub8x8_mvs: the parts already read come before the neighbours.
void TileParser::part_candidates(int quarter, int prediction, Mv& nearest, Mv& near) const {
  const ModeInfo& m = *block_;
  const auto found = find_candidates(m.refs[prediction], quarter, 2).list;
  const auto part = [&](int q) { return m.mv[q][prediction]; };
  if (quarter == 0) {
    nearest = found[0];
    near = found[1];
    return;
  }
  const Mv others[4] = {part(1), part(0), found[0], found[1]};
  nearest = part(quarter == 3 ? 2 : 0);
  near = {};
  for (int i = quarter == 3 ? 0 : 2; i < 4; ++i) {
    if (others[i] != nearest) {
      near = others[i];
      break;
    }
  }
}

void TileParser::read_part_vectors(int context) {
  ModeInfo& m = *block_;
  const int predictions = 1 + m.is_compound();
  Mv best[2];
  for (int i = 0; i < predictions; ++i) best[i] = lower_precision(find_candidates(m.refs[i], -1, 1).list[0]);
  const int wide = 1 << kWidthLog2[m.size];
  const int high = 1 << kHeightLog2[m.size];
  for (int y = 0; y < 2; y += high) {
    for (int x = 0; x < 2; x += wide) {
      const int quarter = 2 * y + x;
      m.mode = read_inter_mode(context);
      Mv mv[2];
      for (int i = 0; i < predictions; ++i) {
        if (m.mode == kNew) {
          mv[i] = read_new_vector(best[i]);
        } else if (m.mode != kZero) {
          Mv nearest, near;
          part_candidates(quarter, i, nearest, near);
          mv[i] = m.mode == kNear ? near : nearest;
        }
      }
      for (int dy = 0; dy < high; ++dy) {
        for (int dx = 0; dx < wide; ++dx) {
          for (int i = 0; i < predictions; ++i) m.mv[quarter + 2 * dy + dx][i] = mv[i];
        }
      }
    }
  }
}

Mv TileParser::read_new_vector(Mv base) {
  const bool high_precision = frame_.header.allow_high_precision && is_short(base);
  const int joint = bool_.tree(kMvJointTree, frame_.probabilities.mv_joint);
  ++frame_.counts.mv_joint[joint];
  const int row = base.row + (joint & 2 ? read_vector_component(0, high_precision) : 0);
  const int column = base.column + (joint & 1 ? read_vector_component(1, high_precision) : 0);
  if (std::abs(row) >= kVectorLimit || std::abs(column) >= kVectorLimit) {
    throw BitstreamError("a motion vector is out of range");
  }
  return {static_cast<std::int16_t>(row), static_cast<std::int16_t>(column)};
}

int TileParser::read_vector_component(int component, bool high_precision) {
  const MvProbabilities& p = frame_.probabilities.mv[component];
  MvCounts& n = frame_.counts.mv[component];
  const int sign = bool_.read(p.sign);
  ++n.sign[sign];
  const int mv_class = bool_.tree(kMvClassTree, p.classes);
  ++n.classes[mv_class];
  int whole = 0;  // in units of a sample
  if (mv_class == 0) {
    whole = bool_.read(p.class0);
    ++n.class0[whole];
  } else {
    for (int i = 0; i < mv_class; ++i) {
      const int bit = bool_.read(p.bits[i]);
      ++n.bits[i][bit];
      whole |= bit << i;
    }
  }
  const int fraction = bool_.tree(kMvFractionTree, mv_class ? p.fraction : p.class0_fraction[whole]);
  ++(mv_class ? n.fraction : n.class0_fraction[whole])[fraction];
  // The 1/8 bit is counted as one even where it is not coded.
  const int eighth = high_precision ? bool_.read(mv_class ? p.hp : p.class0_hp) : 1;
  ++(mv_class ? n.hp : n.class0_hp)[eighth];
  const int base = mv_class ? 8 << mv_class : 0;
  const int magnitude = base + 8 * whole + 2 * fraction + eighth + 1;
  return sign ? -magnitude : magnitude;
}

}  // namespace ns_ray::vp9
