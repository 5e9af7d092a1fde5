// Numeric tables of the VP9 bitstream specification (section 10).
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include "probabilities.hpp"
#include "types.hpp"

namespace ns_ray::vp9 {

extern const Prob kKeyYModeProbs[kIntraModes][kIntraModes][kIntraModes - 1];  // [above][left]
extern const Prob kKeyUvModeProbs[kIntraModes][kIntraModes - 1];
extern const Prob kKeyPartitionProbs[16][3];
extern const Probabilities kDefaultProbabilities;

extern const std::array<std::array<Prob, 8>, 256> kPareto;

// A coefficient position and the two positions whose magnitudes give its context.
struct ScanEntry {
  std::uint16_t position, a, b;
};
extern const ScanEntry* const kScans[4][4];  // [transform size][transform type]

extern const std::int8_t kCandidatePositions[kBlockSizes][8][2];

}  // namespace ns_ray::vp9
