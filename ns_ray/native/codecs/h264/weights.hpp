// Implicit weights of bi-prediction (ITU-T H.264, section 8.4.2.3.1).
#pragma once

#include <cstdint>

#include "reference_lists.hpp"

namespace ns_ray::h264 {

using ImplicitWeights = std::int16_t[kMaxReferences][kMaxReferences];

// Writes the weight, in 1/64, of each entry of list 1 when it is paired with one of list 0, which has the rest of 64.
// 32 where either is not there.
void set_implicit_weights(const ReferenceLists& lists, int poc, ImplicitWeights& weights);

}  // namespace ns_ray::h264
