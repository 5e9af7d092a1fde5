// Inter prediction of H.264 (ITU-T H.264, section 8.4.2), at LR and at HR.
#pragma once

#include "reconstruction/predictor.hpp"

namespace ns_ray::h264 {

extern const reconstruction::Predictor& kPredictor;

}  // namespace ns_ray::h264
