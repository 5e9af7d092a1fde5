// Inter prediction of VP9 (bitstream specification, section 8.5.2), at LR and at HR.
#pragma once

#include "reconstruction/predictor.hpp"

namespace ns_ray::vp9 {

extern const reconstruction::Predictor& kPredictor;

}  // namespace ns_ray::vp9
