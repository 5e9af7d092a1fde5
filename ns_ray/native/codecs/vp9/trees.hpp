// Symbol trees (VP9 specification, section 9.3.1): pairs of next indices, leaves negated.
#pragma once

#include <cstdint>

#include "types.hpp"

namespace ns_ray::vp9 {

inline constexpr std::int8_t kPartitionTree[] = {-kNone, 2, -kHorizontal, 4, -kVertical, -kSplit};
inline constexpr std::int8_t kIntraModeTree[] = {-kDc,   2,    -kTm,  4,     -kV, 6,     8,   12,     -kH,
                                                 10,     -kD135, -kD117, -kD45, 14,  -kD63, 16,  -kD153, -kD207};
inline constexpr std::int8_t kSegmentTree[] = {2, 4, 6, 8, 10, 12, 0, -1, -2, -3, -4, -5, -6, -7};
inline constexpr std::int8_t kInterModeTree[] = {-(kZero - kNearest), 2,  -(kNearest - kNearest),
                                                 4, -(kNear - kNearest), -(kNew - kNearest)};
inline constexpr std::int8_t kFilterTree[] = {-kRegular, 2, -kSmooth, -kSharp};
inline constexpr std::int8_t kMvJointTree[] = {0, 2, -1, 4, -2, -3};
inline constexpr std::int8_t kMvClassTree[] = {0,  2,  -1, 4,  6,  8,  -2, -3, 10, 12,
                                               -4, -5, -6, 14, 16, 18, -7, -8, -9, -10};
inline constexpr std::int8_t kMvFractionTree[] = {0, 2, -1, 4, -2, -3};

}  // namespace ns_ray::vp9
