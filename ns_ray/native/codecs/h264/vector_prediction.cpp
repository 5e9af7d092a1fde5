#include "vector_prediction.hpp"

#include <algorithm>

namespace ns_ray::h264 {
namespace {

// Order in which the 4x4 blocks of a macroblock are decoded: [y][x].
constexpr std::uint8_t kOrder[4][4] = {{0, 1, 4, 5}, {2, 3, 6, 7}, {8, 9, 12, 13}, {10, 11, 14, 15}};

std::int16_t median(std::int16_t a, std::int16_t b, std::int16_t c) {
  return std::max(std::min(a, b), std::min(std::max(a, b), c));
}

void take(Candidates& found, int index, const Block* block, int list) {
  found.reference[index] = block ? block->reference[list] : -2;
  found.mv[index] = block ? block->mv[list] : Mv{};
}

}  // namespace

Candidates find_candidates(const Position& here, int list, int x, int y, int width) {
  Candidates found;
  take(found, 0, here.find(x - 1, y), list);
  take(found, 1, here.find(x, y - 1), list);
  const int right = x + width;
  const bool later = y > 0 && (right >= 4 || kOrder[y - 1][right] > kOrder[y][x]);
  const Block* const diagonal = later ? nullptr : here.find(right, y - 1);
  take(found, 2, diagonal ? diagonal : here.find(x - 1, y - 1), list);
  return found;
}

Mv predict_median(const Candidates& found, int reference) {
  const bool same[3] = {found.reference[0] == reference, found.reference[1] == reference,
                        found.reference[2] == reference};
  if (same[0] + same[1] + same[2] == 1) return found.mv[same[0] ? 0 : same[1] ? 1 : 2];
  if (found.reference[1] == -2 && found.reference[2] == -2) return found.mv[0];
  return {median(found.mv[0].row, found.mv[1].row, found.mv[2].row),
          median(found.mv[0].column, found.mv[1].column, found.mv[2].column)};
}

Mv predict_vector(const Position& here, int list, int reference, const PartitionRectangle& part, Shape shape,
                  int index) {
  const Candidates found = find_candidates(here, list, part.x, part.y, part.width);
  if (shape == kTwoRows || shape == kTwoColumns) {
    const int preferred = shape == kTwoRows ? !index : index == 0 ? 0 : 2;
    if (found.reference[preferred] == reference) return found.mv[preferred];
  }
  return predict_median(found, reference);
}

Mv predict_skip(const Position& here) {
  const Candidates found = find_candidates(here, 0, 0, 0, 4);
  for (int i = 0; i < 2; ++i) {
    if (found.reference[i] == -2 || (found.reference[i] == 0 && found.mv[i] == Mv{})) return {};
  }
  return predict_median(found, 0);
}

}  // namespace ns_ray::h264
