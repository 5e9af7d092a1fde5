#include "adaptation.hpp"

#include <algorithm>

#include "trees.hpp"

namespace ns_ray::vp9 {
namespace {

Prob merge(Prob before, Count zeros, Count ones, int saturation, int max_factor) {
  const Count total = zeros + ones;
  if (total == 0) return before;
  const std::uint64_t rounded = (std::uint64_t{zeros} * 256 + total / 2) / total;
  const int observed = static_cast<int>(std::clamp<std::uint64_t>(rounded, 1, 255));
  const int factor = max_factor * static_cast<int>(std::min<Count>(total, saturation)) / saturation;
  return static_cast<Prob>((before * (256 - factor) + observed * factor + 128) >> 8);
}

Prob adapt(Prob before, const Count (&counts)[2]) { return merge(before, counts[0], counts[1], 20, 128); }

// Returns how often the subtree at `index` was reached.
Count adapt_tree(const std::int8_t* tree, int index, const Count* counts, const Prob* before, Prob* current) {
  Count reached[2];
  for (int branch = 0; branch < 2; ++branch) {
    const int next = tree[index + branch];
    reached[branch] = next <= 0 ? counts[-next] : adapt_tree(tree, next, counts, before, current);
  }
  current[index >> 1] = adapt(before[index >> 1], reached);
  return reached[0] + reached[1];
}

// Arrays of booleans, and arrays of trees, one beside another.
template <typename P, typename C>
void adapt_all(P& current, const P& before, const C& counts) {
  if constexpr (std::is_array_v<P>) {
    for (std::size_t i = 0; i < std::extent_v<P>; ++i) adapt_all(current[i], before[i], counts[i]);
  } else {
    current = adapt(before, counts);
  }
}

template <typename P, typename C>
void adapt_trees(const std::int8_t* tree, P& current, const P& before, const C& counts) {
  if constexpr (std::rank_v<P> > 1) {
    for (std::size_t i = 0; i < std::extent_v<P>; ++i) adapt_trees(tree, current[i], before[i], counts[i]);
  } else {
    adapt_tree(tree, 0, counts, before, current);
  }
}

// A transform size is said bit by bit, each asking whether it is larger.
template <std::size_t kSizes>
void adapt_tx(Prob* current, const Prob* before, const Count (&counts)[kSizes]) {
  Count larger = 0;
  for (std::size_t i = kSizes - 1; i > 0; --i) {
    larger += counts[i];
    const Count branch[2] = {counts[i - 1], larger};
    current[i - 1] = adapt(before[i - 1], branch);
  }
}

}  // namespace

void adapt_coefficients(Probabilities& current, const Probabilities& before, const Counts& counts, bool intra,
                        bool after_key) {
  const int max_factor = !intra && after_key ? 128 : 112;
  const auto blend = [&](Prob p, Count zeros, Count ones) { return merge(p, zeros, ones, 24, max_factor); };
  for (int tx = 0; tx < 4; ++tx) {
    for (int plane = 0; plane < 2; ++plane) {
      for (int inter = 0; inter < 2; ++inter) {
        for (int band = 0; band < 6; ++band) {
          for (int context = 0; context < (band == 0 ? 3 : 6); ++context) {
            const Count(&n)[4] = counts.coef[tx][plane][inter][band][context];
            const Count asked = counts.more_coefs[tx][plane][inter][band][context];
            const Prob(&old)[3] = before.coef[tx][plane][inter][band][context];
            Prob(&p)[3] = current.coef[tx][plane][inter][band][context];
            p[0] = blend(old[0], n[3], asked - n[3]);
            p[1] = blend(old[1], n[0], n[1] + n[2]);
            p[2] = blend(old[2], n[1], n[2]);
          }
        }
      }
    }
  }
}

void adapt_modes(Probabilities& current, const Probabilities& before, const Counts& counts, const FrameHeader& header,
                 int tx_mode) {
  adapt_all(current.is_inter, before.is_inter, counts.is_inter);
  adapt_all(current.comp_mode, before.comp_mode, counts.comp_mode);
  adapt_all(current.comp_ref, before.comp_ref, counts.comp_ref);
  adapt_all(current.single_ref, before.single_ref, counts.single_ref);
  adapt_all(current.skip, before.skip, counts.skip);
  adapt_trees(kInterModeTree, current.inter_mode, before.inter_mode, counts.inter_mode);
  adapt_trees(kIntraModeTree, current.y_mode, before.y_mode, counts.y_mode);
  adapt_trees(kIntraModeTree, current.uv_mode, before.uv_mode, counts.uv_mode);
  adapt_trees(kPartitionTree, current.partition, before.partition, counts.partition);
  if (header.filter == kSwitchable) adapt_trees(kFilterTree, current.filter, before.filter, counts.filter);
  if (tx_mode == kTxSelect) {
    for (int i = 0; i < 2; ++i) {
      adapt_tx(current.tx8[i], before.tx8[i], counts.tx8[i]);
      adapt_tx(current.tx16[i], before.tx16[i], counts.tx16[i]);
      adapt_tx(current.tx32[i], before.tx32[i], counts.tx32[i]);
    }
  }
  adapt_trees(kMvJointTree, current.mv_joint, before.mv_joint, counts.mv_joint);
  for (int i = 0; i < 2; ++i) {
    MvProbabilities& mv = current.mv[i];
    const MvProbabilities& old = before.mv[i];
    const MvCounts& n = counts.mv[i];
    mv.sign = adapt(old.sign, n.sign);
    adapt_trees(kMvClassTree, mv.classes, old.classes, n.classes);
    mv.class0 = adapt(old.class0, n.class0);
    adapt_all(mv.bits, old.bits, n.bits);
    adapt_trees(kMvFractionTree, mv.class0_fraction, old.class0_fraction, n.class0_fraction);
    adapt_trees(kMvFractionTree, mv.fraction, old.fraction, n.fraction);
    if (header.allow_high_precision) {
      mv.class0_hp = adapt(old.class0_hp, n.class0_hp);
      mv.hp = adapt(old.hp, n.hp);
    }
  }
}

}  // namespace ns_ray::vp9
