// Where the samples of a frame lie in a reference of another size (VP9 bitstream specification, sections 8.5.2.2 and
// 8.5.2.3), along one axis; in 1/16 sample of the plane.
#pragma once

#include <algorithm>
#include <cstdint>

namespace ns_ray::vp9 {

class Scaling {
 public:
  // Of a reference of `reference` luma samples and a frame of `frame`; one that `allowed` lets pass.
  Scaling(int reference, int frame) : ratio_((static_cast<std::int64_t>(reference) << kShift) / frame) {}

  // References are at most twice and at least a 16th of the frame's size.
  static bool allowed(int reference, int frame) {
    return 2 * static_cast<std::int64_t>(frame) >= reference && frame <= 16 * static_cast<std::int64_t>(reference);
  }

  // A vector, kept from leading further out of the frame than a block can be seen from. The block begins at `at` and has
  // `size` samples; `whole` are those of the plane, up to the end of its last 8 luma samples.
  static int kept_near(int vector, int at, int size, int whole) {
    return std::clamp(vector, -16 * (at + size + 4), 16 * (whole - at + 3));
  }

  // How far apart two samples side by side lie there: 1 to 32.
  int step() const { return static_cast<int>(16 * ratio_ >> kShift); }

  // Where sample `at`, displaced by a vector, lies. The fraction is that of the luma sample, in chroma planes too.
  int start(int at, bool halved, int vector) const {
    const int fraction = scaled(16 * (halved ? 2 * at : at)) & 15;
    return 16 * scaled(at) + fraction + scaled(vector);
  }

  // The same at HR, where LR sample `at` begins, so that the centre of its HR samples lies where the LR sample does.
  int hr_start(int lr_start, int scale) const { return scale * lr_start - ((scale - 1) * (step() - 16) >> 1); }

 private:
  static constexpr int kShift = 14;

  int scaled(int v) const { return static_cast<int>(v * ratio_ >> kShift); }

  std::int64_t ratio_;  // in 1/16384
};

}  // namespace ns_ray::vp9
