#include "detail.hpp"

#include <algorithm>
#include <cmath>

namespace ns_ray::reconstruction {

Detail::Detail(const Kernels& kernels, int scale, const Upscaler& upscaler)
    : kernels_(kernels),
      scale_(scale),
      phases_(scale * scale),
      upscaler_(kGuessWeights),
      weights_(static_cast<std::size_t>(kClasses) * kGuessWeights),
      sums_(kClasses) {
  for (int phase = 0; phase < phases_; ++phase) {
    int rest = 4096;
    for (int tap = 0; tap < kTaps; ++tap) {
      if (tap == kMiddle) continue;
      const double weight = upscaler.weights[phase / scale][tap / kSide] / 16384.0 * upscaler.weights[phase % scale][tap % kSide] / 4;
      upscaler_[place(tap, phase)] = static_cast<std::int16_t>(std::lround(weight));
      rest -= upscaler_[place(tap, phase)];
    }
    upscaler_[place(kMiddle, phase)] = static_cast<std::int16_t>(rest);
  }
}

void Detail::Sums::collect() {
  for (int i = 0; i < kInputs; ++i) {
    for (int j = 0; j < kInputs; ++j) inputs[i][j] += latest.sums[i][j];
    for (int j = 0; j < kGuessLanes; ++j) outputs[i][j] += latest.sums[i][kInputs + j] / 32.0;
  }
  latest = {};
  samples = 0;
}

// Two by two samples at a time, as they share a class.
void Detail::teach(const Samples& lr, const std::uint8_t* classes, const Plane& hr) {
  const double memory = lr.width == width_ && lr.height == height_ ? kMemory : kMemoryOfOtherSize;
  width_ = lr.width, height_ = lr.height;
  for (auto& sums : sums_) {
    for (auto& row : sums.inputs)
      for (auto& v : row) v *= memory;
    for (auto& row : sums.outputs)
      for (auto& v : row) v *= memory;
  }
  light_ *= memory;
  weight_ *= memory;
  const std::int64_t across = (lr.width + 1) / 2, count = across * ((lr.height + 1) / 2);
  const std::int64_t step = 4 * count / kSamples | 1;  // odd, so that samples lie everywhere in the codec's blocks
  for (std::int64_t i = step / 2; i < count; i += step) {
    const int x = static_cast<int>(i % across) * 2, y = static_cast<int>(i / across) * 2;
    if (x < 2 || y < 2 || x + 3 >= lr.width || y + 3 >= lr.height) continue;
    const std::int16_t* rows[6];
    const std::uint8_t* hr_rows[8];
    for (int k = 0; k < 6; ++k) rows[k] = lr.row(y + k - 2);
    for (int k = 0; k < 2 * scale_; ++k) hr_rows[k] = hr.at(0, scale_ * y + k);
    Sums& sums = sums_[classes[i]];
    light_ += kernels_.study(rows, x, upscaler_.data(), hr_rows, scale_, sums.latest) / 32.0;
    weight_ += 4 * phases_;
    sums.samples += 4;
    if (sums.samples == Products::kMost) sums.collect();
  }
  for (auto& sums : sums_) sums.collect();
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
    const auto put = [&](int tap, int weight) { to[place(tap, phase)] = static_cast<std::int16_t>(weight); };
    for (int i = 0; i < kInputs; ++i) {
      const int weight = static_cast<int>(std::lround(std::clamp(fit[i][phase] * 4096, -1200.0 * 16, 1200.0 * 16)));
      put(i + (i >= kMiddle), weight);
      sum += weight;
    }
    put(kMiddle, std::clamp(-sum, -32767, 32767));
  }
}

}  // namespace ns_ray::reconstruction
