// Samples between those of a reference (ITU-T H.264, section 8.4.2.2), to the bit.
#pragma once

#include <cstddef>
#include <cstdint>

#include "reconstruction/motion.hpp"
#include "reconstruction/picture.hpp"

namespace ns_ray::h264 {

// width x height samples, 64 x 64 at most, from (x, y) on, in 1/4 sample.
void interpolate_luma(reconstruction::Motion& motion, const reconstruction::Plane& reference, int x, int y, std::uint8_t* to,
                      std::ptrdiff_t stride, int width, int height);

// The same of a chroma plane, in 1/8 sample.
void interpolate_chroma(reconstruction::Motion& motion, const reconstruction::Plane& reference, int x, int y, std::uint8_t* to,
                        std::ptrdiff_t stride, int width, int height);

}  // namespace ns_ray::h264
