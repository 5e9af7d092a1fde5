// Rebuilds HR frames from decoded LR frames, their blocks and the anchors.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include "detail.hpp"
#include "kernels.hpp"
#include "motion.hpp"
#include "picture.hpp"
#include "pool.hpp"
#include "predictor.hpp"
#include "tuning.hpp"

namespace ns_ray::reconstruction {

inline constexpr int kSlots = 16;

// Luma samples of an HR picture, and samples of its sides, at most: 7680x4320 is allowed.
inline constexpr std::int64_t kMostSamples = 1 << 25;
inline constexpr int kMostSide = 1 << 16;
// Bytes of what a reconstructor holds and works with at most; spare pictures (twice PicturePool::kSpareBytes), what threads
// need for a few rows (6 MB each at most) and learning (2 MB) are not counted.
inline constexpr std::int64_t kMostBytes = 704 << 20;

// What cannot be rebuilt; its text says why.
struct Refused : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// A plane of the caller's, with any row stride.
struct PlaneView {
  const std::uint8_t* data = nullptr;
  int width = 0, height = 0;
  std::ptrdiff_t stride = 0;
};

using PictureView = std::array<PlaneView, 3>;

struct FrameInput {
  int width = 0, height = 0;  // luma samples of the LR frame
  std::uint16_t refreshed = 0;  // bit i: the frame replaces slot i
  std::span<const Block> blocks;
  std::span<const Weights> weights;
  const Predictor* predictor = nullptr;  // of the codec
  PictureView lr;
  std::optional<PictureView> anchor;
  bool teach = true;  // whether the anchor is the DNN's work
};

struct Prediction {
  Picture lr, hr;
};

class Reconstructor {
 public:
  Reconstructor(int scale, bool best, int threads, bool simd, const Tuning& tuning);

  // The next coded frame. On Refused nothing has changed.
  Picture frame(const FrameInput& input);

  // What the slot holds.
  Picture show(int slot) const;

  // Its LR size in luma samples.
  std::pair<int, int> size(int slot) const;

  // The LR and the HR prediction of the next coded frame, 0 in intra blocks; changes nothing.
  Prediction predict(const FrameInput& input);

  int scale() const { return scale_; }

 private:
  static constexpr int kEdge = 8;
  static constexpr int kOverlap = 4;  // LR samples to which a neighbour's motion counts too
  static constexpr int kSuperblock = 64, kCell = 8;

  // One plane of the frame being rebuilt.
  struct Work {
    int width = 0, height = 0, stride = 0;  // LR samples; the stride is of `target` and `low`
    int cell = 0;                           // samples of a cell
    std::vector<std::int16_t> target, low;  // with kEdge samples to either side of each row

    std::int16_t* target_row(int y) { return target.data() + static_cast<std::ptrdiff_t>(y) * stride + kEdge; }
    std::int16_t* low_row(int y) { return low.data() + static_cast<std::ptrdiff_t>(y) * stride + kEdge; }
  };

  // What a neighbour's motion counts in the samples next to an edge, in 1/256; first falling, for edges above and to the
  // left, then rising.
  using Ramp = std::array<std::uint8_t, kOverlap * 4>;

  // What one thread needs for itself.
  struct Worker {
    Motion motion;
    std::vector<std::int16_t> rows;    // stretched to HR width
    std::vector<std::int32_t> sums;    // of gradients, of 5 LR rows
    std::vector<std::int16_t> detail;  // of 2 * `scale` HR rows
    std::vector<std::int16_t> samples;  // of 8 LR rows, to guess from

    void prepare(int lr_width, int scale);
  };

  // For frames of that width; rows of HR samples may be written a little too far.
  static int row_stride(int hr_width) { return hr_width + 32; }

  const Held& held(int slot) const;
  void check(const FrameInput& input) const;
  bool leaves(int slot, const FrameInput& input) const;
  std::int64_t bytes_with(const FrameInput& input, bool leaving) const;
  Picture lr_picture(int width, int height);
  Picture hr_picture(int width, int height);
  Picture copy_of(const PictureView& view, Picture to) const;
  void sort(const FrameInput& input);
  void prepare(const FrameInput& input);
  References references(const FrameInput& input) const { return {slots_, scale_, input.weights}; }
  void overlap(Motion& motion, const Block& block, const FrameInput& input, const Picture& lr, const Picture& hr) const;
  void superblock(Worker& worker, int index, const FrameInput& input, const Held& now, const Picture& lr_prediction);
  void intra_rows(int plane, int x0, int y0, int x1, int y1, const Picture& lr);
  void blend_block(const Block& block, bool guessed, float correction, const Held& now, const Picture& lr_prediction);
  int trust(int x, int y, bool guessed, const Held& now, const Picture& lr_prediction);
  void classify(const Picture& lr);
  void classify_band(Worker& worker, int band);
  void compose(Worker& worker, int plane, int band, const Picture& hr);

  const Kernels& kernels_;
  const int scale_;
  const bool best_;
  const Tuning tuning_;
  std::array<Ramp, 2> lr_ramps_, hr_ramps_;
  Upscaler upscaler_;
  Detail detail_;
  Pool pool_;
  std::vector<std::unique_ptr<Worker>> workers_;
  PicturePool lr_pool_, hr_pool_;
  std::array<std::shared_ptr<const Held>, kSlots> slots_;
  std::vector<std::uint32_t> order_, starts_;
  std::vector<const Block*> block_at_;  // each cell, in best mode
  std::array<Work, 3> work_;
  Samples samples_;
  std::vector<std::uint8_t> classes_;  // of the LR luma samples
  int brighter_ = 0;                   // the anchors than their LR frames as far as that is believed, in 1/32
  int cells_across_ = 0, cells_down_ = 0;
  std::int64_t largest_ = 0;  // LR luma samples of the largest frame so far: what works on frames does not shrink
  std::vector<std::int16_t> fade_;  // of each cell, in 1/16384
};

}  // namespace ns_ray::reconstruction
