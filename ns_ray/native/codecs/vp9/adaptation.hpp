// Backward adaptation of probabilities at the end of a frame (VP9 specification, section 8.4).
#pragma once

#include "header.hpp"
#include "probabilities.hpp"

namespace ns_ray::vp9 {

void adapt_coefficients(Probabilities& current, const Probabilities& before, const Counts& counts, bool intra,
                        bool after_key);

void adapt_modes(Probabilities& current, const Probabilities& before, const Counts& counts, const FrameHeader& header,
                 int tx_mode);

}  // namespace ns_ray::vp9
