// The detail of a frame as it can be guessed from its LR samples alone, learned from the anchors: each shows what the DNN
// made of which samples, and a linear filter for every class of neighbourhood is fitted to that.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels.hpp"
#include "picture.hpp"
#include "tuning.hpp"

namespace ns_ray::reconstruction {

// LR luma samples as int16, kEdge of them repeated to either side of a row; rows outside the frame are its first and last.
struct Samples {
  static constexpr int kEdge = 8;
  int width = 0, height = 0, stride = 0;
  std::vector<std::int16_t> data;

  void resize(int w, int h) {
    width = w, height = h, stride = (w + 2 * kEdge + 15) / 16 * 16;
    data.resize(static_cast<std::size_t>(stride) * h + 64);
  }
  std::int16_t* row(int y) {
    const int inside = y < 0 ? 0 : y >= height ? height - 1 : y;
    return data.data() + static_cast<std::ptrdiff_t>(inside) * stride + kEdge;
  }
  const std::int16_t* row(int y) const { return const_cast<Samples*>(this)->row(y); }

  static void repeat_edges(std::int16_t* row, int width) {
    std::fill_n(row - kEdge, kEdge, row[0]);
    std::fill_n(row + width, kEdge, row[width - 1]);
  }
};

class Detail {
 public:
  Detail(const Kernels& kernels, int scale, const Upscaler& upscaler);

  // Whether any anchor came: before that there is nothing to guess with.
  bool taught() const { return taught_; }

  // Fit the filters anew, with one more anchor: its LR samples, their classes (row by row) and its HR luma.
  void teach(const Samples& lr, const std::uint8_t* classes, const Plane& hr);

  // How much brighter the anchors are than their LR frames, in grey levels.
  double brightness() const { return weight_ > 0 ? light_ / weight_ : 0; }

  // For Kernels::guess.
  const std::int16_t* weights() const { return weights_.data(); }

 private:
  static constexpr int kSide = 5, kTaps = kSide * kSide, kMiddle = kTaps / 2;
  static constexpr int kInputs = kGuessInputs;
  static constexpr int kSamples = 1 << 17;  // taken of an anchor, about
  static constexpr double kMemory = 0.95;   // what earlier anchors weigh against the latest
  static constexpr double kMemoryOfOtherSize = 0.1;  // and where the stream has changed its size in between

  // Normal equations of a least-squares fit: inputs by inputs, and inputs by phases.
  struct Sums {
    double inputs[kInputs][kInputs] = {};
    double outputs[kInputs][kGuessLanes] = {};
    Products latest;  // not yet in the sums
    int samples = 0;  // of those

    void collect();
  };
  using Fit = double[kInputs][kGuessLanes];

  int place(int tap, int phase) const { return guess_place(tap / kSide, tap % kSide, phase, scale_); }
  void solve(const Sums& sums, double ridge, const Fit& prior, Fit& fit) const;
  void store(int kind, const Fit& fit);

  const Kernels& kernels_;
  const int scale_, phases_;
  bool taught_ = false;
  int width_ = 0, height_ = 0;  // LR samples of the latest anchor
  double light_ = 0, weight_ = 0;  // sum of what anchors are brighter by, and its weight
  std::vector<std::int16_t> upscaler_, weights_;
  std::vector<Sums> sums_;
};

}  // namespace ns_ray::reconstruction
