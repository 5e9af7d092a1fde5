// How a codec predicts blocks from references: the part of the reconstruction that each codec has its own of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "codecs/motion_field.hpp"
#include "motion.hpp"
#include "picture.hpp"

namespace ns_ray::reconstruction {

// A frame that may be referred to.
struct Held {
  int width = 0, height = 0;  // LR luma samples
  Picture lr, hr;
};

using Slots = std::span<const std::shared_ptr<const Held>>;

// What blocks are predicted from, and how much larger HR is.
struct References {
  Slots slots;
  int scale;
  std::span<const Weights> weights;
};

// A rectangle of LR luma.
struct Rectangle {
  int x, y, width, height;
};

// Its functions may be called by several threads at once. Blocks have been checked: their slots hold frames that
// fit, and their weights are there.
class Predictor {
 public:
  // Blocks have interpolation filters below `filters`; vectors `alike` apart at most, over both components, are the same
  // motion. Best mode corrects drift by `correction` times its gains, the less the noisier decoded samples are, and
  // brightness by `brightness` times its weight, the less the more DNNs exaggerate it.
  constexpr Predictor(int filters, int alike, float correction, float brightness)
      : filters(filters), alike(alike), correction(correction), brightness(brightness) {}

  const int filters, alike;
  const float correction, brightness;

  // Why a frame cannot refer to one of another size; nullptr where it can.
  virtual const char* misfit(const Held& reference, int width, int height) const = 0;

  // An inter block at LR, as the codec's decoder has it to the bit, and at HR; all planes, as far as they reach.
  virtual void block(Motion& motion, const Block& block, const References& from, const Picture& lr, const Picture& hr) const = 0;

  // Luma as if it had moved as a part of an inter block whose references have the frame's size; at LR, or at HR, where
  // the rectangle is `scale` times as large.
  virtual void luma(Motion& motion, const Block& block, int part, const References& from, bool hr, const Rectangle& where,
                    std::uint8_t* to, std::ptrdiff_t stride) const = 0;

 protected:
  ~Predictor() = default;
};

}  // namespace ns_ray::reconstruction
