#include "reconstructor.hpp"

#include <algorithm>
#include <string>

namespace ns_ray::reconstruction {

namespace {

constexpr int kMostLog2 = 7;  // of the denominators of weights

int half(int v) { return (v + 1) / 2; }

int cells(int v) { return (v + 7) / 8; }

std::string shape(int width, int height) { return std::to_string(width) + "x" + std::to_string(height); }

bool power_of_two(int v) { return v >= 8 && v <= 64 && (v & (v - 1)) == 0; }

// An intra block as if it had moved with an inter block next to it.
Block moved_like(const Block& block, const Block& neighbour) {
  Block moved = block;
  moved.sub_width = block.width;
  moved.sub_height = block.height;
  moved.filter = neighbour.filter;
  moved.weights = neighbour.weights;
  for (int which = 0; which < 2; ++which) {
    moved.slot[which] = neighbour.slot[which];
    for (auto& mv : moved.mv) std::copy_n(neighbour.mv[3][which], 2, mv[which]);
  }
  return moved;
}

int supported(int scale) {
  if (scale < 1 || scale > 4) throw Refused("scale " + std::to_string(scale) + " is not supported, only 1 to 4");
  return scale;
}

int fixed(float v) { return static_cast<int>(std::lround(16384 * v)); }

}  // namespace

Reconstructor::Reconstructor(int scale, bool best, int threads, bool simd, const Tuning& tuning)
    : kernels_(kernels(simd)),
      scale_(scale),
      best_(best),
      tuning_(tuning),
      upscaler_(supported(scale), best ? tuning.sharpness : 0.0f),
      detail_(kernels_, scale, upscaler_),
      pool_(threads) {
  for (int i = 0; i < kOverlap * scale; ++i) {
    const auto weight = [&](int size) {
      return static_cast<std::uint8_t>(std::lround(256 * tuning.overlap * std::max(0.0, 1 - (i + 0.5) / size)));
    };
    hr_ramps_[0][i] = hr_ramps_[1][kOverlap * scale - 1 - i] = weight(kOverlap * scale);
    if (i < kOverlap) lr_ramps_[0][i] = lr_ramps_[1][kOverlap - 1 - i] = weight(kOverlap);
  }
  for (int i = 0; i < threads; ++i) workers_.push_back(std::make_unique<Worker>(Worker{Motion(kernels_), {}, {}, {}, {}}));
}

// Everything the rest relies on: after this, no block, slot or plane can lead outside of what is allocated.
void Reconstructor::check(const FrameInput& input) const {
  const auto planes_fit = [](const PictureView& view, int width, int height) {
    for (int i = 0; i < 3; ++i)
      if (view[i].width != (i ? half(width) : width) || view[i].height != (i ? half(height) : height)) return false;
    return true;
  };
  const int width = input.width, height = input.height;
  if (width < 1 || height < 1 || width > 65536 || height > 65536) throw Refused("frame size " + shape(width, height));
  const std::int64_t hr_width = static_cast<std::int64_t>(scale_) * width, hr_height = static_cast<std::int64_t>(scale_) * height;
  if (hr_width > kMostSide || hr_height > kMostSide || hr_width * hr_height > kMostSamples)
    throw Refused("its HR picture would have " + std::to_string(hr_width) + "x" + std::to_string(hr_height) +
                  " samples; at most " + std::to_string(kMostSamples) + " are supported, and " + std::to_string(kMostSide) +
                  " a side");
  if (!planes_fit(input.lr, width, height))
    throw Refused("the decoded frame's planes are not those of " + shape(width, height) + " in 4:2:0");
  if (input.anchor && !planes_fit(*input.anchor, width * scale_, height * scale_))
    throw Refused("the anchor's planes are not those of " + shape(width * scale_, height * scale_) + " in 4:2:0");
  for (const auto& weights : input.weights)
    for (const int log2 : weights.log2)
      if (log2 > kMostLog2) throw Refused("the denominator of weights is 2 to the " + std::to_string(log2));
  std::int64_t area = 0;
  for (const auto& block : input.blocks) {
    const auto where = [&] { return "block at " + std::to_string(block.x) + "," + std::to_string(block.y) + ": "; };
    if (!power_of_two(block.width) || !power_of_two(block.height) || block.x % block.width || block.y % block.height ||
        block.x >= width || block.y >= height)
      throw Refused(where() + "its place or its size " + shape(block.width, block.height) + " is not one that blocks have");
    const bool parts = block.sub_width != block.width || block.sub_height != block.height;
    if (parts && (block.width != 8 || block.height != 8 || (block.sub_width != 4 && block.sub_width != 8) ||
                  (block.sub_height != 4 && block.sub_height != 8)))
      throw Refused(where() + "its parts " + shape(block.sub_width, block.sub_height) + " are not of the sizes that parts have");
    area += block.width * block.height;
    if (block.slot[0] < 0 && block.slot[1] >= 0) throw Refused(where() + "it has a second reference, but no first");
    if (block.weights > input.weights.size()) throw Refused(where() + "its weights are not there");
    if (block.slot[0] >= 0 && block.filter >= input.predictor->filters) throw Refused(where() + "its interpolation filter is unknown");
    for (const int slot : block.slot) {
      if (slot < 0) continue;
      if (slot >= kSlots) throw Refused(where() + "there is no reference slot " + std::to_string(slot));
      if (!slots_[slot]) throw Refused(where() + "reference slot " + std::to_string(slot) + " is empty");
      const Held& reference = *slots_[slot];
      if (const char* why = input.predictor->misfit(reference, width, height))
        throw Refused(where() + "its reference has the size " + shape(reference.width, reference.height) + " but the frame " +
                      shape(width, height) + "; " + why);
    }
  }
  if (area > static_cast<std::int64_t>(cells(width) + 7) * (cells(height) + 7) * 64)
    throw Refused("the blocks cover more than the frame");
  if (bytes_with(input, true) > kMostBytes && bytes_with(input, false) > kMostBytes)
    throw Refused("with the references held it would take " + std::to_string(bytes_with(input, false) >> 20) +
                  " MiB; at most " + std::to_string(kMostBytes >> 20) + " are supported");
}

// Whether the frame replaces what a slot holds without referring to it.
bool Reconstructor::leaves(int slot, const FrameInput& input) const {
  return input.refreshed >> slot & 1 && std::none_of(input.blocks.begin(), input.blocks.end(), [&](const Block& block) {
           return block.slot[0] == slot || block.slot[1] == slot;
         });
}

// What is held and worked with while the frame is rebuilt, with the slots that it replaces without need of them or without.
std::int64_t Reconstructor::bytes_with(const FrameInput& input, bool leaving) const {
  constexpr int kWork = 10;  // bytes for each LR luma sample: two bands, samples, classes, cells, the prediction
  const auto bytes = [this](int width, int height) {
    const int across = half(width), down = half(height);
    return static_cast<std::int64_t>(PicturePool::bytes(width, height, across, down)) +
           static_cast<std::int64_t>(PicturePool::bytes(scale_ * width, scale_ * height, scale_ * across, scale_ * down));
  };
  std::int64_t sum = bytes(input.width, input.height) + kWork * std::max<std::int64_t>(largest_, input.width * input.height);
  std::array<const Held*, kSlots> seen{};
  for (int i = 0; i < kSlots; ++i) {
    if (!slots_[i] || std::find(seen.begin(), seen.end(), slots_[i].get()) != seen.end()) continue;
    if (!leaving && leaves(i, input)) continue;
    sum += bytes(slots_[i]->width, slots_[i]->height);
    seen[i] = slots_[i].get();
  }
  return sum;
}

Picture Reconstructor::lr_picture(int width, int height) { return lr_pool_.take(width, height, half(width), half(height)); }

// Chroma is kept at exactly `scale` times LR chroma, where an odd size may have a sample more than 4:2:0 asks for.
Picture Reconstructor::hr_picture(int width, int height) {
  return hr_pool_.take(scale_ * width, scale_ * height, scale_ * half(width), scale_ * half(height));
}

Picture Reconstructor::copy_of(const PictureView& view, Picture to) const {
  for (int i = 0; i < 3; ++i) {
    const Plane& plane = to.planes[i];
    for (int y = 0; y < plane.height; ++y) {
      std::memcpy(plane.at(0, y), view[i].data + std::min(y, view[i].height - 1) * view[i].stride, view[i].width);
      for (int x = view[i].width; x < plane.width; ++x) *plane.at(x, y) = *plane.at(x - 1, y);
    }
  }
  return to;
}

const Held& Reconstructor::held(int slot) const {
  if (slot < 0 || slot >= kSlots) throw Refused("there is no reference slot " + std::to_string(slot));
  if (!slots_[slot]) throw Refused("reference slot " + std::to_string(slot) + " is empty");
  return *slots_[slot];
}

Picture Reconstructor::show(int slot) const { return held(slot).hr; }

std::pair<int, int> Reconstructor::size(int slot) const { return {held(slot).width, held(slot).height}; }

// Each superblock's blocks together, in the order in which they came.
void Reconstructor::sort(const FrameInput& input) {
  const int across = (input.width + kSuperblock - 1) / kSuperblock, down = (input.height + kSuperblock - 1) / kSuperblock;
  const auto index = [&](const Block& block) { return block.y / kSuperblock * across + block.x / kSuperblock; };
  starts_.assign(static_cast<std::size_t>(across) * down + 1, 0);
  for (const auto& block : input.blocks) ++starts_[index(block) + 1];
  for (std::size_t i = 1; i < starts_.size(); ++i) starts_[i] += starts_[i - 1];
  order_.resize(input.blocks.size());
  std::vector<std::uint32_t> next(starts_.begin(), starts_.end() - 1);
  for (std::size_t i = 0; i < input.blocks.size(); ++i) order_[next[index(input.blocks[i])]++] = static_cast<std::uint32_t>(i);
}

// All that the threads need: none of them can say that memory is gone.
void Reconstructor::Worker::prepare(int lr_width, int scale) {
  const auto stride = static_cast<std::size_t>(row_stride(scale * lr_width));
  rows.resize(stride * (2 * 8 + 1));
  detail.resize(stride * 2 * scale);
  samples.resize((static_cast<std::size_t>(lr_width) + 2 * Samples::kEdge) * 8);
  sums.resize((static_cast<std::size_t>(lr_width) + 1) / 2 * 3 * 3);
}

void Reconstructor::prepare(const FrameInput& input) {
  largest_ = std::max<std::int64_t>(largest_, input.width * input.height);
  for (const auto& worker : workers_) worker->prepare(input.width, scale_);
  cells_across_ = cells(input.width);
  cells_down_ = cells(input.height);
  fade_.resize(static_cast<std::size_t>(cells_across_) * cells_down_);
  if (best_) {
    block_at_.assign(fade_.size(), nullptr);
    for (const auto& block : input.blocks)
      for (int cy = block.y / kCell; cy < std::min((block.y + block.height) / kCell, cells_down_); ++cy)
        for (int cx = block.x / kCell; cx < std::min((block.x + block.width) / kCell, cells_across_); ++cx)
          block_at_[static_cast<std::size_t>(cy) * cells_across_ + cx] = &block;
  }
  for (int i = 0; i < 3; ++i) {
    Work& work = work_[i];
    work.width = i ? half(input.width) : input.width;
    work.height = i ? half(input.height) : input.height;
    work.stride = (work.width + 2 * kEdge + 15) / 16 * 16;
    work.cell = i ? kCell / 2 : kCell;
    work.target.resize(static_cast<std::size_t>(work.stride) * work.height + 64);
    work.low.resize(work.target.size());
  }
}

Picture Reconstructor::frame(const FrameInput& input) {
  check(input);
  if (bytes_with(input, true) > kMostBytes)
    for (int i = 0; i < kSlots; ++i)
      if (leaves(i, input)) slots_[i].reset();
  prepare(input);
  auto now = std::make_shared<Held>(Held{input.width, input.height, {}, {}});
  now->lr = copy_of(input.lr, lr_picture(input.width, input.height));
  now->hr = hr_picture(input.width, input.height);
  if (input.anchor) {
    copy_of(*input.anchor, now->hr);
    if (best_ && input.teach) {
      classify(now->lr);
      detail_.teach(samples_, classes_.data(), now->hr.planes[0]);
      brighter_ = static_cast<int>(std::lround(32 * input.predictor->brightness * tuning_.brightness * detail_.brightness()));
    }
  } else {
    if (detail_.taught()) classify(now->lr);
    sort(input);
    const Picture lr_prediction = lr_picture(input.width, input.height);
    pool_.run(static_cast<int>(starts_.size()) - 1,
              [&](int i, int worker) { superblock(*workers_[worker], i, input, *now, lr_prediction); });
    const int bands = (input.height + kSuperblock - 1) / kSuperblock;
    pool_.run(3 * bands, [&](int i, int worker) { compose(*workers_[worker], i % 3, i / 3, now->hr); });
  }
  for (int i = 0; i < kSlots; ++i)
    if (input.refreshed >> i & 1) slots_[i] = now;
  return now->hr;
}

Prediction Reconstructor::predict(const FrameInput& input) {
  check(input);
  Prediction prediction{lr_picture(input.width, input.height), hr_picture(input.width, input.height)};
  for (const Picture* picture : {&prediction.lr, &prediction.hr})
    for (const Plane& plane : picture->planes)
      std::memset(plane.data, 0, static_cast<std::size_t>(plane.width) * plane.height);
  for (const auto& block : input.blocks)
    if (block.slot[0] >= 0) input.predictor->block(workers_[0]->motion, block, references(input), prediction.lr, prediction.hr);
  return prediction;
}

// Luma near the block's edges, where the blocks beyond them moved otherwise, partly as if it had moved with those; not where
// those have references of another size.
void Reconstructor::overlap(Motion& motion, const Block& block, const FrameInput& input, const Picture& lr,
                            const Picture& hr) const {
  const Predictor& predictor = *input.predictor;
  std::uint8_t moved[kSuperblock * kOverlap * 4 * 4];
  const int right = std::min(block.x + block.width, lr.planes[0].width);
  const int bottom = std::min(block.y + block.height, lr.planes[0].height);
  const auto scaled = [&](int slot) {
    return slot >= 0 && (slots_[slot]->width != lr.planes[0].width || slots_[slot]->height != lr.planes[0].height);
  };
  // A strip along the edge, up to where the block beyond it ends; gives that place.
  const auto strip = [&](int x, int y, bool across, bool far) {
    const int cx = (across ? (far ? right : x - 1) : x) / kCell, cy = (across ? y : far ? bottom : y - 1) / kCell;
    const Block* other = block_at_[static_cast<std::size_t>(cy) * cells_across_ + cx];
    if (!other) return (across ? y : x) + kCell;
    const int end = across ? std::min(other->y + other->height, bottom) : std::min(other->x + other->width, right);
    const int near = far ? 0 : 3, own = 3 - near;  // of its and the block's parts, one at the edge
    bool alike = true;
    for (int which = 0; which < 2; ++which) {
      const auto &theirs = other->mv[near][which], &ours = block.mv[own][which];
      alike &= other->slot[which] == block.slot[which] && other->weights == block.weights &&
               (block.slot[which] < 0 || std::abs(theirs[0] - ours[0]) + std::abs(theirs[1] - ours[1]) <= predictor.alike);
    }
    if (alike || other->slot[0] < 0 || scaled(other->slot[0]) || scaled(other->slot[1])) return end;
    const int width = across ? std::min(kOverlap, right - x) : end - x, height = across ? end - y : std::min(kOverlap, bottom - y);
    const auto mix = [&](const Plane& to, bool high, int scale, const Ramp& ramp) {
      predictor.luma(motion, *other, near, references(input), high, {x, y, width, height}, moved, scale * width);
      kernels_.mix(moved, scale * width, to.at(scale * x, scale * y), to.width, scale * width, scale * height, ramp.data(), across);
    };
    mix(lr.planes[0], false, 1, lr_ramps_[far]);
    mix(hr.planes[0], true, scale_, hr_ramps_[far]);
    return end;
  };
  if (block.y > 0)
    for (int x = block.x; x < right;) x = strip(x, block.y, false, false);
  if (bottom < lr.planes[0].height)
    for (int x = block.x; x < right;) x = strip(x, bottom - kOverlap, false, true);
  if (block.x > 0)
    for (int y = block.y; y < bottom;) y = strip(block.x, y, true, false);
  if (right < lr.planes[0].width)
    for (int y = block.y; y < bottom;) y = strip(right - kOverlap, y, true, true);
}

void Reconstructor::superblock(Worker& worker, int index, const FrameInput& input, const Held& now, const Picture& lr_prediction) {
  const int across = (input.width + kSuperblock - 1) / kSuperblock;
  const int left = index % across * kSuperblock, top = index / across * kSuperblock;
  for (int cy = top / kCell; cy < std::min((top + kSuperblock) / kCell, cells_down_); ++cy)
    for (int cx = left / kCell; cx < std::min((left + kSuperblock) / kCell, cells_across_); ++cx)
      fade_[static_cast<std::size_t>(cy) * cells_across_ + cx] = 0;
  const int right = std::min(left + kSuperblock, input.width), bottom = std::min(top + kSuperblock, input.height);
  int moved = 0;  // samples
  for (std::uint32_t i = starts_[index]; i < starts_[index + 1]; ++i) {
    const Block& block = input.blocks[order_[i]];
    if (block.slot[0] >= 0)
      moved += (std::min(block.x + block.width, right) - block.x) * (std::min(block.y + block.height, bottom) - block.y);
  }
  if (!best_ || moved < (right - left) * (bottom - top))  // best mode aims at samples of its own in all blocks that moved
    for (int i = 0; i < 3; ++i)
      intra_rows(i, i ? left / 2 : left, i ? top / 2 : top, i ? half(right) : right, i ? half(bottom) : bottom, now.lr);
  const Predictor& predictor = *input.predictor;
  const Block* neighbour = nullptr;
  for (std::uint32_t i = starts_[index]; i < starts_[index + 1]; ++i) {
    const Block& block = input.blocks[order_[i]];
    if (block.slot[0] >= 0) {
      predictor.block(worker.motion, block, references(input), lr_prediction, now.hr);
      if (best_) overlap(worker.motion, block, input, lr_prediction, now.hr);
      blend_block(block, false, predictor.correction, now, lr_prediction);
      neighbour = &block;
    } else if (best_ && neighbour) {
      const Block guess = moved_like(block, *neighbour);
      predictor.block(worker.motion, guess, references(input), lr_prediction, now.hr);
      blend_block(guess, true, predictor.correction, now, lr_prediction);
    }
  }
  for (int i = 0; i < 3; ++i) {
    Work& work = work_[i];
    const int x0 = i ? left / 2 : left, y0 = i ? top / 2 : top, extent = i ? kSuperblock / 2 : kSuperblock;
    for (int y = y0; y < std::min(y0 + extent, work.height); ++y) {
      for (std::int16_t* row : {work.target_row(y), work.low_row(y)}) {
        if (x0 == 0) row[-1] = row[-2] = row[0];
        if (x0 + extent >= work.width) row[work.width] = row[work.width + 1] = row[work.width - 1];
      }
    }
  }
}

// Where nothing better is known: the decoded samples.
void Reconstructor::intra_rows(int plane, int x0, int y0, int x1, int y1, const Picture& lr) {
  const int brighter = best_ && plane == 0 ? brighter_ : 0;
  for (int y = y0; y < y1; ++y) {
    const std::uint8_t* from = lr.planes[plane].at(0, y);
    std::int16_t *target = work_[plane].target_row(y), *low = work_[plane].low_row(y);
    for (int x = x0; x < x1; ++x) {
      low[x] = static_cast<std::int16_t>(32 * from[x]);
      target[x] = static_cast<std::int16_t>(std::clamp(low[x] + brighter, 0, 32 * 255));
    }
  }
}

// Plain: the decoded samples are what is aimed at, the LR prediction what of the HR prediction is taken out of it.
// Best: what the HR prediction says of the low band counts too, and its high band as far as it can be trusted. With motion
// that was only guessed, the low band is what was decoded.
void Reconstructor::blend_block(const Block& block, bool guessed, float correction, const Held& now,
                                const Picture& lr_prediction) {
  const int residual_weight = fixed(block.skip ? tuning_.skip_residual : 1.0f);
  const int gain = fixed(correction * (block.skip ? tuning_.skip_gain : tuning_.gain));
  for (int i = 0; i < 3; ++i) {
    Work& work = work_[i];
    const int x0 = i ? block.x / 2 : block.x, y0 = i ? block.y / 2 : block.y;
    const int width = std::min(i ? block.width / 2 : +block.width, work.width - x0);
    const int height = std::min(i ? block.height / 2 : +block.height, work.height - y0);
    const Plane &hr = now.hr.planes[i], &prediction = lr_prediction.planes[i], &lr = now.lr.planes[i];
    for (int y = y0; y < y0 + height; ++y) {
      std::int16_t* low = work.low_row(y) + x0;
      const std::uint8_t* p = prediction.at(x0, y);
      if (best_) {
        kernels_.shrink(hr.at(scale_ * x0, scale_ * y), hr.width, low, width, scale_);
        if (guessed) continue;
        kernels_.correct(low, p, lr.at(x0, y), work.target_row(y) + x0, width, residual_weight, gain,
                         i ? 0 : (brighter_ * gain + 8192) >> 14);
      } else {
        for (int x = 0; x < width; ++x) low[x] = static_cast<std::int16_t>(32 * p[x]);
      }
    }
  }
  const int cx1 = std::min((block.x + block.width) / kCell, cells_across_);
  const int cy1 = std::min((block.y + block.height) / kCell, cells_down_);
  for (int cy = block.y / kCell; cy < cy1; ++cy)
    for (int cx = block.x / kCell; cx < cx1; ++cx)
      fade_[static_cast<std::size_t>(cy) * cells_across_ + cx] =
          static_cast<std::int16_t>(best_ ? trust(cx * kCell, cy * kCell, guessed, now, lr_prediction) : 16384);
}

// The share of the high band to keep, in 1/16384: detail against noise, as a Wiener filter weighs them.
int Reconstructor::trust(int x, int y, bool guessed, const Held& now, const Picture& lr_prediction) {
  Work& work = work_[0];
  if (x + kCell > work.width || y + kCell > work.height) return guessed ? 0 : fixed(tuning_.edge_fade);
  const Plane &prediction = lr_prediction.planes[0], &lr = now.lr.planes[0];
  const CellSums sums = kernels_.measure(work.low_row(y) + x, work.stride, prediction.at(x, y), prediction.width,
                                         lr.at(x, y), lr.width);
  const float detail = static_cast<float>(sums.detail) / (64 * 36);
  const float mismatch = guessed ? tuning_.guess_noise : tuning_.residual_noise;
  const float noise = tuning_.noise + mismatch * static_cast<float>(sums.residual) / 64 +
                      tuning_.drift_noise * static_cast<float>(sums.drift) / (64 * 64);
  return fixed(detail / (detail + noise * (detail_.taught() ? tuning_.rival : 1)));
}

void Reconstructor::classify(const Picture& lr) {
  const Plane& luma = lr.planes[0];
  samples_.resize(luma.width, luma.height);
  classes_.resize(static_cast<std::size_t>((luma.width + 1) / 2) * ((luma.height + 1) / 2));
  const int bands = (luma.height + kSuperblock - 1) / kSuperblock;
  pool_.run(bands, [&](int band, int) {
    for (int y = band * kSuperblock; y < std::min((band + 1) * kSuperblock, luma.height); ++y) {
      std::int16_t* row = samples_.row(y);
      std::copy_n(luma.at(0, y), luma.width, row);
      Samples::repeat_edges(row, luma.width);
    }
  });
  pool_.run(bands, [&](int band, int worker) { classify_band(*workers_[worker], band); });
}

// Of every other sample in every other row; the three beside and below share its class.
void Reconstructor::classify_band(Worker& worker, int band) {
  const int width = samples_.width, first = band * kSuperblock, last = std::min(first + kSuperblock, samples_.height);
  const int half_width = (width + 1) / 2;
  std::int32_t* sums[3][3];
  for (int i = 0; i < 9; ++i) sums[i / 3][i % 3] = worker.sums.data() + static_cast<std::ptrdiff_t>(i) * half_width;
  const auto gradients = [&](int y) {
    kernels_.gradients(samples_.row(y - 1), samples_.row(y), samples_.row(y + 1), sums[(y / 2 + 3) % 3], width);
  };
  gradients(first - 2);
  gradients(first);
  for (int y = first; y < last; y += 2) {
    gradients(y + 2);
    kernels_.classify(sums, classes_.data() + static_cast<std::ptrdiff_t>(y / 2) * half_width, width);
  }
}

void Reconstructor::compose(Worker& worker, int plane, int band, const Picture& hr) {
  Work& work = work_[plane];
  const int rows = plane ? kSuperblock / 2 : kSuperblock;
  const int first = band * rows, last = std::min(first + rows, work.height);
  if (first >= last) return;
  const int width = work.width * scale_;
  auto& buffer = worker.rows;
  const int stride = row_stride(width);
  const auto target = [&](int y) { return buffer.data() + static_cast<std::ptrdiff_t>(y & 7) * stride; };
  const auto low = [&](int y) { return buffer.data() + static_cast<std::ptrdiff_t>(8 + (y & 7)) * stride; };
  std::int16_t* fade = buffer.data() + static_cast<std::ptrdiff_t>(16) * stride;
  const auto stretch = [&](int y) {
    const int from = std::clamp(y, 0, work.height - 1);
    kernels_.stretch(work.target_row(from), target(y + 8), work.width, scale_, upscaler_.weights);
    kernels_.stretch(work.low_row(from), low(y + 8), work.width, scale_, upscaler_.weights);
  };
  const bool guesses = plane == 0 && detail_.taught();
  if (!guesses) std::fill_n(worker.detail.begin(), stride, std::int16_t{0});
  const auto detail = [&](int row) { return worker.detail.data() + static_cast<std::ptrdiff_t>(guesses ? row : 0) * stride; };
  const int samples_stride = work.width + 2 * Samples::kEdge;
  const auto samples = [&](int y) { return worker.samples.data() + static_cast<std::ptrdiff_t>(y & 7) * samples_stride + Samples::kEdge; };
  const auto whole = [&](int y) {
    const std::int16_t* from = work.target_row(std::clamp(y, 0, work.height - 1));
    std::int16_t* to = samples(y + 8);
    for (int x = 0; x < work.width; ++x) to[x] = static_cast<std::int16_t>((from[x] + 16) >> 5);
    Samples::repeat_edges(to, work.width);
  };
  for (int y = first - 2; y < first + 2; ++y) {
    stretch(y);
    if (guesses) whole(y);
  }
  for (int y = first; y < last; ++y) {
    stretch(y + 2);
    if (guesses && y % 2 == 0) {
      whole(y + 2);
      whole(y + 3);
      const std::int16_t* rows[6];
      std::int16_t* details[8];
      for (int i = 0; i < 6; ++i) rows[i] = samples(y + 8 + i - 2);
      for (int i = 0; i < 2 * scale_; ++i) details[i] = detail(i);
      kernels_.guess(rows, classes_.data() + static_cast<std::ptrdiff_t>(y / 2) * ((work.width + 1) / 2), detail_.weights(),
                     &fade_[static_cast<std::size_t>(y / work.cell) * cells_across_], work.cell, details, work.width, scale_);
    }
    if (y == first || y % work.cell == 0) {
      const std::int16_t* from = &fade_[static_cast<std::size_t>(y / work.cell) * cells_across_];
      const int wide = work.cell * scale_;
      for (int x = 0; x < width; x += wide) std::fill_n(fade + x, std::min(wide, width - x), *from++);
    }
    for (int phase = 0; phase < scale_; ++phase) {
      const std::int16_t *targets[kUpTaps], *lows[kUpTaps];
      std::int16_t weights[kUpTaps];
      int count = 0;
      for (int tap = 0; tap < kUpTaps; ++tap) {
        if (!upscaler_.weights[phase][tap]) continue;
        targets[count] = target(y + tap - 2 + 8);
        lows[count] = low(y + tap - 2 + 8);
        weights[count++] = upscaler_.weights[phase][tap];
      }
      kernels_.compose(hr.planes[plane].at(0, y * scale_ + phase), targets, lows, weights, count, fade, detail(y % 2 * scale_ + phase), width);
    }
  }
}

}  // namespace ns_ray::reconstruction
