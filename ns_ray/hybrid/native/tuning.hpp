// The numbers of the best mode, and the kernels that upscale.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>

#include "kernels.hpp"

namespace ns_ray::hybrid {

struct Tuning {
  float fade = 0.95f;
  float gain = 0.15f;
  float dead_zone = 0.0f;
  float sharpness = 0.0f;  // of the upscaler: 0 bilinear, 1 Catmull-Rom
  float filter = -1;

  void set(const std::string& name, float value) {
    for (auto [key, field] : {std::pair{"fade", &Tuning::fade}, {"gain", &Tuning::gain}, {"dead_zone", &Tuning::dead_zone},
                              {"sharpness", &Tuning::sharpness}, {"filter", &Tuning::filter}})
      if (name == key) this->*field = value;
  }
};

// Centre-aligned upscaling weights, [phase][tap -2..2], in 1/16384; each phase sums to 16384 exactly.
struct Upscaler {
  std::int16_t weights[4][kUpTaps] = {};

  Upscaler() = default;
  Upscaler(int scale, float sharpness) {
    for (int phase = 0; phase < scale; ++phase) {
      const double at = (phase + 0.5) / scale - 0.5;
      int sum = 0;
      for (int tap = 0; tap < kUpTaps; ++tap) {
        const double d = std::abs(at - (tap - 2));
        const double linear = d < 1 ? 1 - d : 0;
        const double cubic = d < 1 ? 1.5 * d * d * d - 2.5 * d * d + 1 : d < 2 ? -0.5 * d * d * d + 2.5 * d * d - 4 * d + 2 : 0;
        const auto weight = static_cast<std::int16_t>(std::lround(16384 * (linear + sharpness * (cubic - linear))));
        weights[phase][tap] = weight;
        sum += weight;
      }
      weights[phase][2] = static_cast<std::int16_t>(weights[phase][2] + 16384 - sum);
    }
  }
};

}  // namespace ns_ray::hybrid
