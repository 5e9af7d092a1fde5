// Filters between samples of HR references: those of the specification in one pass a direction.
#pragma once

#include "reconstruction/kernels.hpp"

namespace ns_ray::h264 {

// [1/16 sample]; vectors lead to 1/4 of them at most. Its six taps halfway, and the mean of that and a sample beside it.
inline constexpr reconstruction::Filter kHrLuma[16] = {
    {{0, 0, 0, 128, 0, 0, 0, 0}},    {}, {}, {}, {{0, 2, -10, 104, 40, -10, 2, 0}}, {}, {}, {},
    {{0, 4, -20, 80, 80, -20, 4, 0}}, {}, {}, {}, {{0, 2, -10, 40, 104, -10, 2, 0}}, {}, {}, {}};

// Linear, in 1/8 sample.
inline constexpr reconstruction::Filter kHrChroma[16] = {
    {{0, 0, 0, 128, 0, 0, 0, 0}}, {}, {{0, 0, 0, 112, 16, 0, 0, 0}}, {},
    {{0, 0, 0, 96, 32, 0, 0, 0}}, {}, {{0, 0, 0, 80, 48, 0, 0, 0}},  {},
    {{0, 0, 0, 64, 64, 0, 0, 0}}, {}, {{0, 0, 0, 48, 80, 0, 0, 0}},  {},
    {{0, 0, 0, 32, 96, 0, 0, 0}}, {}, {{0, 0, 0, 16, 112, 0, 0, 0}}, {}};

}  // namespace ns_ray::h264
