// The uncompressed header of a frame (VP9 specification, sections 6.2 and 7.2).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "types.hpp"

namespace ns_ray::vp9 {

struct FrameFormat {
  int bit_depth = 8;
  int subsampling_x = 1;
  int subsampling_y = 1;
  bool operator==(const FrameFormat&) const = default;
};

// Section 7.2.2. The colour space is that of frames without the field: BT.601.
struct ColorConfig {
  FrameFormat format;
  int color_space = 1;
  bool full_range = false;
};

// What a reference slot keeps of the frame in it.
struct ReferenceSlot {
  bool valid = false;
  int width = 0, height = 0;
  ColorConfig color;

  // A prediction may be scaled down by up to 2 and up by up to 16.
  bool can_predict(int other_width, int other_height) const {
    return 2 * other_width >= width && 2 * other_height >= height && other_width <= 16 * width &&
           other_height <= 16 * height;
  }
};

struct LoopFilterDeltas {
  std::array<int, 4> reference{1, 0, -1, -1};
  std::array<int, 2> mode{0, 0};
};

struct Segmentation {
  bool enabled = false;
  bool update_map = false;
  bool temporal_update = false;
  bool absolute = false;
  std::array<Prob, 7> tree_probs{};
  std::array<Prob, 3> predicted_probs{};
  std::array<std::array<bool, 4>, 8> feature_enabled{};
  std::array<std::array<int, 4>, 8> feature_data{};

  bool active(int segment, SegmentFeature feature) const { return enabled && feature_enabled[segment][feature]; }
};

constexpr int kSyncCode = 0x498342;
constexpr unsigned kAllContexts = 0xF;
constexpr std::int64_t kMaxPixels = 1 << 26;  // of the largest frame that is read unless told otherwise: 8192x8192

// Header fields that a frame inherits from those before it.
struct HeaderState {
  std::array<ReferenceSlot, 8> slots;
  ColorConfig color;
  LoopFilterDeltas deltas;
  Segmentation segmentation;

  void follow(const struct FrameHeader& header);  // takes what the frame leaves, and puts it into the slots it replaces
};

struct FrameHeader {
  int profile = 0;
  int show_existing_slot = -1;  // 0..7: only show that slot; nothing else follows
  bool key = false;
  bool show = false;
  bool error_resilient = false;
  bool intra_only = false;
  int reset_frame_context = 0;
  ColorConfig color;
  int width = 0, height = 0;
  int render_width = 0, render_height = 0;
  int refresh_flags = 0;
  std::array<int, 3> reference_slots{-1, -1, -1};  // LAST, GOLDEN, ALTREF
  std::array<bool, 3> usable_reference{};          // its size allows prediction (section 8.5.2.3)
  std::array<bool, 4> sign_bias{};                 // by Reference
  bool allow_high_precision = false;
  Filter filter = kRegular;
  bool refresh_frame_context = false;
  bool frame_parallel = true;
  int frame_context = 0;
  int loop_filter_level = 0, loop_filter_sharpness = 0;
  LoopFilterDeltas deltas;  // in force for this frame, as is the segmentation
  int base_qindex = 0;
  std::array<int, 3> qindex_deltas{};  // luma DC, chroma DC, chroma AC
  bool lossless = false;
  Segmentation segmentation;
  int tile_columns_log2 = 0, tile_rows_log2 = 0;
  int compressed_header_size = 0;
  std::size_t size = 0;        // bytes of the uncompressed header itself
  bool zeros_follow = false;   // the rest of its last byte is zero, as it must be

  bool intra() const { return key || intra_only; }
  bool past_independent() const { return intra() || error_resilient; }

  // The contexts whose probabilities it sets anew, bit i for context i. In a frame that goes on from those before it
  // reset_frame_context means nothing: setup_past_independence alone looks at it.
  unsigned contexts_reset() const {
    if (key || error_resilient) return kAllContexts;
    if (intra_only && reset_frame_context == 3) return kAllContexts;
    return intra_only && reset_frame_context == 2 ? 1u << frame_context : 0;
  }

  // The reference slots whose frames it builds on, bit i for slot i.
  int needed_slots() const {
    if (show_existing_slot >= 0) return 1 << show_existing_slot;
    int slots = 0;
    for (int i = 0; i < 3 && !intra(); ++i) slots |= 1 << reference_slots[i];
    return slots;
  }

  int rows() const { return (height + 7) / 8; }  // in units of 8 samples
  int columns() const { return (width + 7) / 8; }

  bool compound_allowed() const {
    return !intra() && (sign_bias[kGolden] != sign_bias[kLast] || sign_bias[kAltref] != sign_bias[kLast]);
  }
};

// Reads the header. The state is left to the caller, who knows whether the rest parses.
FrameHeader read_frame_header(std::span<const std::uint8_t> frame, const HeaderState& state, std::int64_t max_pixels);

// The filter's number in the specification: smooth, regular, sharp, bilinear, switchable.
constexpr int specification_filter(Filter filter) {
  return filter == kRegular ? 1 : filter == kSmooth ? 0 : static_cast<int>(filter);
}

}  // namespace ns_ray::vp9
