#include "predictor.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "hr_filters.hpp"
#include "interpolation.hpp"

namespace ns_ray::h264 {

namespace {

using namespace reconstruction;

constexpr int kAlike = 1;  // 1/4 sample
constexpr float kCorrection = 0.6f;  // as chosen on x264's streams, of 30 and 36 for QP alike
constexpr float kBrightness = 0.3f;
constexpr int kMost = kMaxBlock;

std::uint8_t clipped(int v) { return static_cast<std::uint8_t>(std::clamp(v, 0, 255)); }

// Rows of a plane weighted (section 8.4.2.3.2).
struct PlaneWeights {
  const Weights& all;
  int plane;

  void one(std::uint8_t* row, int width) const {
    const int log2 = all.log2[plane], weight = all.weight[plane][0], offset = all.offset[plane][0];
    const int half = log2 ? 1 << (log2 - 1) : 0;
    for (int x = 0; x < width; ++x) row[x] = clipped(((row[x] * weight + half) >> log2) + offset);
  }

  void two(std::uint8_t* row, const std::uint8_t* other, int width) const {
    const int log2 = all.log2[plane], first = all.weight[plane][0], second = all.weight[plane][1];
    const int offset = (all.offset[plane][0] + all.offset[plane][1] + 1) >> 1;
    for (int x = 0; x < width; ++x)
      row[x] = clipped(((row[x] * first + other[x] * second + (1 << log2)) >> (log2 + 1)) + offset);
  }
};

class H264Predictor final : public Predictor {
 public:
  constexpr H264Predictor() : Predictor(1, kAlike, kCorrection, kBrightness) {}

  const char* misfit(const Held& reference, int width, int height) const override {
    return reference.width == width && reference.height == height ? nullptr : "H.264 allows for none of another size";
  }

  void block(Motion& motion, const Block& block, const References& from, const Picture& lr, const Picture& hr) const override {
    for (int plane = 0; plane < 3; ++plane) {
      const int half = plane > 0;
      const Plane& low = lr.planes[plane];
      const Plane& high = hr.planes[plane];
      const int part_width = block.sub_width >> half, part_height = block.sub_height >> half;
      const int x1 = std::min((block.x + block.width) >> half, low.width), y1 = std::min((block.y + block.height) >> half, low.height);
      for (int y = block.y >> half, down = 0; y < y1; y += part_height, ++down) {
        for (int x = block.x >> half, across = 0; x < x1; x += part_width, ++across) {
          const int part = 2 * (part_height << half < block.height ? down : 0) + (part_width << half < block.width ? across : 0);
          const Rectangle where{x, y, std::min(part_width, x1 - x), std::min(part_height, y1 - y)};
          predict(motion, block, part, from, false, plane, where, low.at(x, y), low.width);
          predict(motion, block, part, from, true, plane, where, high.at(from.scale * x, from.scale * y), high.width);
        }
      }
    }
  }

  void luma(Motion& motion, const Block& block, int part, const References& from, bool hr, const Rectangle& where,
            std::uint8_t* to, std::ptrdiff_t stride) const override {
    predict(motion, block, part, from, hr, 0, where, to, stride);
  }

 private:
  // A rectangle of a plane, in its LR samples.
  static void predict(Motion& motion, const Block& block, int part, const References& from, bool hr, int plane,
                      const Rectangle& where, std::uint8_t* to, std::ptrdiff_t stride) {
    const int scale = hr ? from.scale : 1, width = scale * where.width, height = scale * where.height;
    const Weights* const weights = block.weights ? &from.weights[block.weights - 1] : nullptr;
    for (int which = 0; which < 2 && block.slot[which] >= 0; ++which) {
      const Held& reference = *from.slots[block.slot[which]];
      const Plane& source = (hr ? reference.hr : reference.lr).planes[plane];
      // Vectors are in 1/4 luma sample, which is 1/8 of one of chroma.
      const int unit = plane ? 8 : 4;
      const int x = scale * (where.x * unit + block.mv[part][which][1]), y = scale * (where.y * unit + block.mv[part][which][0]);
      std::uint8_t other[kMost * kMost];
      const bool second = which == 1;
      if (scale == 1) {
        std::uint8_t* const out = second ? other : to;
        const std::ptrdiff_t out_stride = second ? kMost : stride;
        (plane ? interpolate_chroma : interpolate_luma)(motion, source, x, y, out, out_stride, width, height);
        if (second) combine(weights, plane, to, stride, other, width, height);
      } else if (second && weights) {
        motion.predict(source, 16 / unit * x, 16 / unit * y, plane ? kHrChroma : kHrLuma, other, kMost, width, height, false);
        combine(weights, plane, to, stride, other, width, height);
      } else {
        motion.predict(source, 16 / unit * x, 16 / unit * y, plane ? kHrChroma : kHrLuma, to, stride, width, height, second);
      }
    }
    if (weights && block.slot[1] < 0)
      for (int row = 0; row < height; ++row) PlaneWeights{*weights, plane}.one(to + row * stride, width);
  }

  static void combine(const Weights* weights, int plane, std::uint8_t* to, std::ptrdiff_t stride, const std::uint8_t* other,
                      int width, int height) {
    for (int row = 0; row < height; ++row, to += stride, other += kMost) {
      if (weights)
        PlaneWeights{*weights, plane}.two(to, other, width);
      else
        for (int x = 0; x < width; ++x) to[x] = static_cast<std::uint8_t>((to[x] + other[x] + 1) >> 1);
    }
  }
};

constexpr H264Predictor kH264Predictor;

}  // namespace

const Predictor& kPredictor = kH264Predictor;

}  // namespace ns_ray::h264
