#include "detail.hpp"

#include <algorithm>
#include <cmath>

namespace ns_ray::hybrid {

Detail::Detail(int scale, const Upscaler& upscaler)
    : scale_(scale),
      phases_(scale * scale),
      upscaled_(static_cast<std::size_t>(phases_) * kTaps),
      sums_(kClasses),
      weights_(static_cast<std::size_t>(kClasses) * kGuessWeights) {
  for (int phase = 0; phase < phases_; ++phase)
    for (int tap = 0; tap < kTaps; ++tap)
      upscaled_[phase * kTaps + tap] = upscaler.weights[phase / scale][tap / kSide] / 16384.0 *
                                       upscaler.weights[phase % scale][tap % kSide] / 16384.0;
}

void Detail::teach(const Samples& lr, const std::uint8_t* classes, const Plane& hr) {
  for (auto& sums : sums_) {
    for (auto& row : sums.inputs)
      for (auto& v : row) v *= kMemory;
    for (auto& row : sums.outputs)
      for (auto& v : row) v *= kMemory;
  }
  light_ *= kMemory;
  weight_ *= kMemory;
  const std::int64_t area = static_cast<std::int64_t>(lr.width) * lr.height;
  const std::int64_t step = area / kSamples | 1;  // odd, so that samples lie everywhere in the codec's blocks
  for (std::int64_t i = step / 2; i < area; i += step) {
    const int x = static_cast<int>(i % lr.width), y = static_cast<int>(i / lr.width);
    if (x >= kSide / 2 && y >= kSide / 2 && x < lr.width - kSide / 2 && y < lr.height - kSide / 2)
      add(sums_[classes[static_cast<std::int64_t>(y / 2) * ((lr.width + 1) / 2) + x / 2]], lr, hr, x, y);
  }
  Sums all;
  for (const auto& sums : sums_) {
    for (int i = 0; i < kInputs; ++i) {
      for (int j = 0; j < kInputs; ++j) all.inputs[i][j] += sums.inputs[i][j];
      for (int j = 0; j < phases_; ++j) all.outputs[i][j] += sums.outputs[i][j];
    }
  }
  double energy = 0;
  for (int i = 0; i < kInputs; ++i) energy += all.inputs[i][i] / kInputs;
  if (energy <= 0) return;
  Fit none = {}, common, fit;
  solve(all, 1e-4 * energy, none, common);
  for (int kind = 0; kind < kClasses; ++kind) {
    solve(sums_[kind], 0.01 * energy / kClasses, common, fit);
    store(kind, fit);
  }
  taught_ = true;
}

void Detail::add(Sums& sums, const Samples& lr, const Plane& hr, int x, int y) {
  double samples[kTaps], inputs[kInputs], outputs[kGuessLanes];
  for (int tap = 0; tap < kTaps; ++tap) samples[tap] = lr.row(y + tap / kSide - kSide / 2)[x + tap % kSide - kSide / 2];
  for (int i = 0; i < kInputs; ++i) inputs[i] = samples[i + (i >= kMiddle)] - samples[kMiddle];
  for (int phase = 0; phase < phases_; ++phase) {
    double detail = *hr.at(scale_ * x + phase % scale_, scale_ * y + phase / scale_);
    for (int tap = 0; tap < kTaps; ++tap) detail -= upscaled_[phase * kTaps + tap] * samples[tap];
    outputs[phase] = detail;
    light_ += detail;
  }
  weight_ += phases_;
  for (int i = 0; i < kInputs; ++i) {
    for (int j = i; j < kInputs; ++j) sums.inputs[i][j] += inputs[i] * inputs[j];
    for (int j = 0; j < phases_; ++j) sums.outputs[i][j] += inputs[i] * outputs[j];
  }
}

// (inputs + ridge) fit = outputs + ridge prior, by Cholesky's factors; ridge keeps the matrix positive.
void Detail::solve(const Sums& sums, double ridge, const Fit& prior, Fit& fit) const {
  double factor[kInputs][kInputs];
  for (int i = 0; i < kInputs; ++i) {
    for (int j = 0; j <= i; ++j) {
      double v = sums.inputs[j][i] + (i == j ? ridge : 0);
      for (int k = 0; k < j; ++k) v -= factor[i][k] * factor[j][k];
      factor[i][j] = i == j ? std::sqrt(std::max(v, 1e-9 * ridge)) : v / factor[j][j];
    }
  }
  for (int phase = 0; phase < phases_; ++phase) {
    double y[kInputs];
    for (int i = 0; i < kInputs; ++i) {
      y[i] = sums.outputs[i][phase] + ridge * prior[i][phase];
      for (int k = 0; k < i; ++k) y[i] -= factor[i][k] * y[k];
      y[i] /= factor[i][i];
    }
    for (int i = kInputs - 1; i >= 0; --i) {
      for (int k = i + 1; k < kInputs; ++k) y[i] -= factor[k][i] * fit[k][phase];
      fit[i][phase] = y[i] / factor[i][i];
    }
  }
}

// The weights of a phase add up to exactly 0, so that flat areas have no detail.
void Detail::store(int kind, const Fit& fit) {
  std::int16_t* to = weights_.data() + static_cast<std::ptrdiff_t>(kind) * kGuessWeights;
  std::fill_n(to, kGuessWeights, std::int16_t{0});
  for (int phase = 0; phase < phases_; ++phase) {
    int sum = 0;
    const auto put = [&](int tap, int weight) {
      const int pair = tap / kSide * 3 + tap % kSide / 2;
      to[(pair * kGuessLanes + phase) * 2 + tap % kSide % 2] = static_cast<std::int16_t>(weight);
    };
    for (int i = 0; i < kInputs; ++i) {
      const int weight = static_cast<int>(std::lround(std::clamp(fit[i][phase] * 4096, -1200.0 * 16, 1200.0 * 16)));
      put(i + (i >= kMiddle), weight);
      sum += weight;
    }
    put(kMiddle, std::clamp(-sum, -32767, 32767));
  }
}

}  // namespace ns_ray::hybrid
