// The numbers of the best mode, and the kernels that upscale.
#pragma once

#include <cmath>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>

#include "kernels.hpp"

namespace ns_ray::reconstruction {

struct Tuning {
  float noise = 0.05f;           // squared, a frame: what motion compensation itself costs
  float residual_noise = 0.05f;  // of the residual's square: where it is large, motion was no good
  float guess_noise = 0.5f;      // the same where the motion is only guessed
  float drift_noise = 0.03f;     // of the drift's square
  float edge_fade = 0.9f;        // in cells cut by the frame's edge
  float gain = 0.35f;            // of the drift's correction where coefficients were coded
  float skip_gain = 0.25f;       // and where none were
  float skip_residual = 0.8f;    // there the residual is but the loop filter's work
  float rival = 4.0f;            // times all noise once detail can be guessed too, as the anchors have taught
  float brightness = 0.7f;       // of what the anchors are brighter by than their LR frames
  float overlap = 0.4f;          // what a neighbour's motion counts at a block's very edge; 0 a few samples from it
  float sharpness = 0.6f;        // of the upscaler: 0 bilinear, 1 Catmull-Rom

  void set(const std::string& name, float value) {
    static const std::map<std::string, float Tuning::*> kFields{
        {"noise", &Tuning::noise},
        {"residual_noise", &Tuning::residual_noise},
        {"guess_noise", &Tuning::guess_noise},
        {"drift_noise", &Tuning::drift_noise},
        {"edge_fade", &Tuning::edge_fade},
        {"gain", &Tuning::gain},
        {"skip_gain", &Tuning::skip_gain},
        {"skip_residual", &Tuning::skip_residual},
        {"rival", &Tuning::rival},
        {"brightness", &Tuning::brightness},
        {"overlap", &Tuning::overlap},
        {"sharpness", &Tuning::sharpness},
    };
    const auto field = kFields.find(name);
    if (field == kFields.end()) throw std::invalid_argument("there is no setting " + name);
    this->*field->second = value;
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

}  // namespace ns_ray::reconstruction
