#include "predictor.hpp"

#include <algorithm>

#include "filters.hpp"
#include "scaling.hpp"

namespace ns_ray::vp9 {
namespace {

using namespace reconstruction;

constexpr int kAlike = 1;  // 1/8 sample

// Samples of a plane up to the end of the frame's last 8 luma samples.
int whole(int luma, bool chroma) { return (luma + 7) / 8 * (chroma ? 4 : 8); }

// The mean of the four vectors of a block, for its chroma samples (round_mv_comp_q4 of the specification's 8.5.2.1).
int mean_of_four(int sum) { return (sum < 0 ? sum - 2 : sum + 2) / 4; }

class Vp9Predictor final : public Predictor {
 public:
  constexpr Vp9Predictor() : Predictor(4, kAlike, 1, 1) {}

  const char* misfit(const Held& reference, int width, int height) const override {
    const bool fits = Scaling::allowed(reference.width, width) && Scaling::allowed(reference.height, height);
    return fits ? nullptr : "VP9 allows for twice the frame's size to a 16th of it";
  }

  void block(Motion& motion, const Block& block, const References& from, const Picture& lr, const Picture& hr) const override {
    const int scale = from.scale;
    const auto& filters = kFilters[block.filter];
    for (int which = 0; which < 2 && block.slot[which] >= 0; ++which) {
      const Held& reference = *from.slots[block.slot[which]];
      const int frame_width = lr.planes[0].width, frame_height = lr.planes[0].height;
      const bool scaled = reference.width != frame_width || reference.height != frame_height;
      const bool parts = block.sub_width != block.width || block.sub_height != block.height;
      const Scaling to_reference_x(reference.width, frame_width), to_reference_y(reference.height, frame_height);
      for (int i = 0; i < 3; ++i) {
        const bool chroma = i > 0;
        const Plane &lr_to = lr.planes[i], &hr_to = hr.planes[i];
        // Where positions are rounded, it matters that parts are predicted in quarters.
        const bool quarters = scaled && parts && !chroma;
        const int part_width = quarters ? 4 : chroma ? block.width / 2 : block.sub_width;
        const int part_height = quarters ? 4 : chroma ? block.height / 2 : block.sub_height;
        const int x0 = chroma ? block.x / 2 : block.x, y0 = chroma ? block.y / 2 : block.y;
        const int block_width = chroma ? block.width / 2 : block.width, block_height = chroma ? block.height / 2 : block.height;
        const int x1 = std::min(x0 + block_width, lr_to.width), y1 = std::min(y0 + block_height, lr_to.height);
        for (int y = y0; y < y1; y += part_height) {
          for (int x = x0; x < x1; x += part_width) {
            const int part = (y - y0 >= 4 && block.height == 8 ? 2 : 0) + (x - x0 >= 4 && block.width == 8 ? 1 : 0);
            int down = block.mv[chroma ? 0 : part][which][0], across = block.mv[chroma ? 0 : part][which][1];
            if (chroma && parts) {
              down = across = 0;
              for (const auto& mv : block.mv) down += mv[which][0], across += mv[which][1];
              down = mean_of_four(down);
              across = mean_of_four(across);
            }
            if (!chroma) down *= 2, across *= 2;  // to 1/16 sample, which a vector is in halved planes
            const int width = std::min(part_width, x1 - x), height = std::min(part_height, y1 - y);
            std::uint8_t *const low = lr_to.at(x, y), *const high = hr_to.at(scale * x, scale * y);
            if (scaled) {
              across = Scaling::kept_near(across, x0, block_width, whole(frame_width, chroma));
              down = Scaling::kept_near(down, y0, block_height, whole(frame_height, chroma));
              const int from_x = to_reference_x.start(x, chroma, across), from_y = to_reference_y.start(y, chroma, down);
              const int step_x = to_reference_x.step(), step_y = to_reference_y.step();
              motion.predict_scaled(reference.lr.planes[i], from_x, from_y, step_x, step_y, filters, low, lr_to.width, width,
                                    height, which);
              motion.predict_scaled(reference.hr.planes[i], to_reference_x.hr_start(from_x, scale),
                                    to_reference_y.hr_start(from_y, scale), step_x, step_y, filters, high, hr_to.width,
                                    scale * width, scale * height, which);
              continue;
            }
            across += 16 * x;
            down += 16 * y;
            motion.predict(reference.lr.planes[i], across, down, filters, low, lr_to.width, width, height, which);
            motion.predict(reference.hr.planes[i], scale * across, scale * down, filters, high, hr_to.width, scale * width,
                           scale * height, which);
          }
        }
      }
    }
  }

  void luma(Motion& motion, const Block& block, int part, const References& from, bool hr, const Rectangle& where,
            std::uint8_t* to, std::ptrdiff_t stride) const override {
    const int scale = hr ? from.scale : 1;
    for (int which = 0; which < 2 && block.slot[which] >= 0; ++which) {
      const Held& reference = *from.slots[block.slot[which]];
      const auto& mv = block.mv[part][which];
      motion.predict((hr ? reference.hr : reference.lr).planes[0], scale * (where.x * 16 + 2 * mv[1]),
                     scale * (where.y * 16 + 2 * mv[0]), kFilters[block.filter], to, stride, scale * where.width,
                     scale * where.height, which);
    }
  }
};

constexpr Vp9Predictor kVp9Predictor;

}  // namespace

const Predictor& kPredictor = kVp9Predictor;

}  // namespace ns_ray::vp9
