#include "weights.hpp"

#include "direct.hpp"

namespace ns_ray::h264 {
namespace {

std::int16_t second_weight(const Picture* first, const Picture* second, int poc) {
  if (!first || !second || first->long_term || second->long_term || first->poc == second->poc) return 32;
  const int weight = distance_scale(poc, first->poc, second->poc) >> 2;
  return weight < -64 || weight > 128 ? std::int16_t{32} : static_cast<std::int16_t>(weight);
}

}  // namespace

void set_implicit_weights(const ReferenceLists& lists, int poc, ImplicitWeights& weights) {
  for (std::size_t i = 0; i < kMaxReferences; ++i) {
    for (std::size_t j = 0; j < kMaxReferences; ++j) {
      weights[i][j] = second_weight(lists.entries[0][i], lists.entries[1][j], poc);
    }
  }
}

}  // namespace ns_ray::h264
