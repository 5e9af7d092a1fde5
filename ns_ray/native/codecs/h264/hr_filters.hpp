// Filters between samples of HR references, [1/16 sample].
#pragma once

#include "codecs/vp9/filters.hpp"

namespace ns_ray::h264 {

extern int hr_choice[2];

inline const reconstruction::Filter (&hr_filters(int plane))[16] { return vp9::kFilters[hr_choice[plane > 0]]; }

}  // namespace ns_ray::h264
