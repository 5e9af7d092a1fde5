#include "header.hpp"

#include <string>

#include "bit_reader.hpp"

namespace ns_ray::vp9 {
namespace {

constexpr int kFeatureBits[4] = {8, 6, 2, 0};
constexpr bool kFeatureSigned[4] = {true, true, false, false};

void read_sync_code(BitReader& bits) {
  if (bits.bits(24) != kSyncCode) throw BitstreamError("the frame's sync code is wrong: it is damaged, or no VP9 frame");
}

// Section 7.2.2.
ColorConfig read_color(BitReader& bits, int profile) {
  constexpr int kRgb = 7;
  ColorConfig color;
  FrameFormat& format = color.format;
  if (profile >= 2) format.bit_depth = bits.bit() ? 12 : 10;
  color.color_space = bits.bits(3);
  const bool may_subsample_differently = profile == 1 || profile == 3;
  if (color.color_space != kRgb) {
    color.full_range = bits.bit();
    if (may_subsample_differently) {
      format.subsampling_x = bits.bit();
      format.subsampling_y = bits.bit();
      if (format.subsampling_x && format.subsampling_y) throw BitstreamError("profiles 1 and 3 do not allow 4:2:0");
      if (bits.bit()) throw BitstreamError("a reserved bit is set");
    }
  } else {
    if (!may_subsample_differently) throw BitstreamError("RGB needs profile 1 or 3");
    color.full_range = true;
    format.subsampling_x = format.subsampling_y = 0;
    if (bits.bit()) throw BitstreamError("a reserved bit is set");
  }
  return color;
}

void read_size(BitReader& bits, FrameHeader& header) {
  header.width = bits.bits(16) + 1;
  header.height = bits.bits(16) + 1;
}

void read_render_size(BitReader& bits, FrameHeader& header) {
  header.render_width = header.width;
  header.render_height = header.height;
  if (bits.bit()) {
    header.render_width = bits.bits(16) + 1;
    header.render_height = bits.bits(16) + 1;
  }
}

// An inter frame says its profile again, but not its format.
bool profile_has(int profile, const FrameFormat& format) {
  return (profile >= 2) == (format.bit_depth > 8) && (profile % 2 == 0) == (format.subsampling_x && format.subsampling_y);
}

void read_references(BitReader& bits, FrameHeader& header, const HeaderState& state) {
  for (int i = 0; i < 3; ++i) {
    header.reference_slots[i] = bits.bits(3);
    header.sign_bias[kLast + i] = bits.bit();
  }
  for (const int slot : header.reference_slots) {
    if (!state.slots[slot].valid) {
      throw MissingReference("reference slot " + std::to_string(slot) +
                             " is empty: the stream does not start at a key frame");
    }
  }
  bool found = false;
  for (int i = 0; i < 3 && !found; ++i) {
    found = bits.bit();
    if (found) {
      header.width = state.slots[header.reference_slots[i]].width;
      header.height = state.slots[header.reference_slots[i]].height;
    }
  }
  if (!found) read_size(bits, header);
  read_render_size(bits, header);
  if (!profile_has(header.profile, header.color.format)) throw BitstreamError("the profile is not that of the references");
  bool any = false;
  for (int i = 0; i < 3; ++i) {
    const ReferenceSlot& slot = state.slots[header.reference_slots[i]];
    if (slot.color.format != header.color.format) throw BitstreamError("a reference has another bit depth or subsampling");
    header.usable_reference[i] = slot.can_predict(header.width, header.height);
    any |= header.usable_reference[i];
  }
  if (!any) throw BitstreamError("no reference has a size that can be predicted from");
  header.allow_high_precision = bits.bit();
  constexpr Filter kLiteral[4] = {kSmooth, kRegular, kSharp, kBilinear};
  header.filter = bits.bit() ? kSwitchable : kLiteral[bits.bits(2)];
}

void read_loop_filter(BitReader& bits, FrameHeader& header) {
  header.loop_filter_level = bits.bits(6);
  header.loop_filter_sharpness = bits.bits(3);
  const bool enabled = bits.bit();
  if (!enabled || !bits.bit()) return;
  for (int& delta : header.deltas.reference) {
    if (bits.bit()) delta = bits.signed_bits(6);
  }
  for (int& delta : header.deltas.mode) {
    if (bits.bit()) delta = bits.signed_bits(6);
  }
}

void read_quantization(BitReader& bits, FrameHeader& header) {
  header.base_qindex = bits.bits(8);
  header.lossless = header.base_qindex == 0;
  for (int& delta : header.qindex_deltas) {
    if (bits.bit()) delta = bits.signed_bits(4);
    header.lossless = header.lossless && delta == 0;
  }
}

void read_segmentation(BitReader& bits, Segmentation& segmentation) {
  segmentation.update_map = segmentation.temporal_update = false;
  segmentation.enabled = bits.bit();
  if (!segmentation.enabled) return;
  segmentation.update_map = bits.bit();
  if (segmentation.update_map) {
    for (Prob& p : segmentation.tree_probs) p = bits.bit() ? bits.bits(8) : 255;
    segmentation.temporal_update = bits.bit();
    for (Prob& p : segmentation.predicted_probs) p = segmentation.temporal_update && bits.bit() ? bits.bits(8) : 255;
  }
  if (!bits.bit()) return;
  segmentation.absolute = bits.bit();
  for (int segment = 0; segment < 8; ++segment) {
    for (int feature = 0; feature < 4; ++feature) {
      int value = 0;
      const bool enabled = bits.bit();
      if (enabled) {
        value = bits.bits(kFeatureBits[feature]);
        if (kFeatureSigned[feature] && bits.bit()) value = -value;
      }
      segmentation.feature_enabled[segment][feature] = enabled;
      segmentation.feature_data[segment][feature] = value;
    }
  }
}

// Tiles are 256 to 4096 samples wide.
void read_tiles(BitReader& bits, FrameHeader& header) {
  const int superblocks = (header.columns() + 7) / 8;
  int least = 0;
  while ((64 << least) < superblocks) ++least;
  int most = 1;
  while ((superblocks >> most) >= 4) ++most;
  --most;
  header.tile_columns_log2 = least;
  while (header.tile_columns_log2 < most && bits.bit()) ++header.tile_columns_log2;
  header.tile_rows_log2 = bits.bit();
  if (header.tile_rows_log2) header.tile_rows_log2 += bits.bit();
}

}  // namespace

void HeaderState::follow(const FrameHeader& header) {
  if (header.show_existing_slot >= 0) return;
  color = header.color;
  deltas = header.deltas;
  segmentation = header.segmentation;
  for (int slot = 0; slot < 8; ++slot) {
    if (header.refresh_flags >> slot & 1) slots[slot] = {true, header.width, header.height, header.color};
  }
}

FrameHeader read_frame_header(std::span<const std::uint8_t> frame, const HeaderState& state, std::int64_t max_pixels) {
  BitReader bits(frame);
  FrameHeader header;
  if (bits.bits(2) != 2) throw BitstreamError("this is no VP9 frame: the frame marker is missing");
  header.profile = bits.bit();
  header.profile += 2 * bits.bit();
  if (header.profile == 3 && bits.bit()) throw BitstreamError("profiles above 3 are reserved");
  if (bits.bit()) {
    header.show_existing_slot = bits.bits(3);
    header.show = true;
    const ReferenceSlot& slot = state.slots[header.show_existing_slot];
    if (!slot.valid) {
      throw MissingReference("an existing frame is to be shown from slot " + std::to_string(header.show_existing_slot) +
                             ", which is empty");
    }
    header.width = header.render_width = slot.width;
    header.height = header.render_height = slot.height;
    header.color = slot.color;
    header.zeros_follow = bits.trailing_bits_are_zero();
    header.size = bits.bytes_read();
    return header;
  }

  header.key = !bits.bit();
  header.show = bits.bit();
  header.error_resilient = bits.bit();
  if (header.key) {
    read_sync_code(bits);
    header.color = read_color(bits, header.profile);
    header.refresh_flags = 0xFF;
    read_size(bits, header);
    read_render_size(bits, header);
  } else {
    header.intra_only = !header.show && bits.bit();
    header.reset_frame_context = header.error_resilient ? 0 : bits.bits(2);
    if (header.intra_only) {
      read_sync_code(bits);
      if (header.profile > 0) header.color = read_color(bits, header.profile);
      header.refresh_flags = bits.bits(8);
      read_size(bits, header);
      read_render_size(bits, header);
    } else {
      header.color = state.color;
      header.refresh_flags = bits.bits(8);
      read_references(bits, header, state);
    }
  }
  if (std::int64_t{header.width} * header.height > max_pixels) {
    throw BitstreamError("a frame of " + std::to_string(header.width) + "x" + std::to_string(header.height) +
                         " is larger than the limit of " + std::to_string(max_pixels) + " pixels");
  }

  if (!header.error_resilient) {
    header.refresh_frame_context = bits.bit();
    header.frame_parallel = bits.bit();
  }
  header.frame_context = bits.bits(2);
  if (header.past_independent()) {
    header.sign_bias = {};  // setup_past_independence forgets those just read, too
  } else {
    header.deltas = state.deltas;
    header.segmentation = state.segmentation;
  }
  read_loop_filter(bits, header);
  read_quantization(bits, header);
  read_segmentation(bits, header.segmentation);
  read_tiles(bits, header);
  header.compressed_header_size = bits.bits(16);
  if (header.compressed_header_size == 0) throw BitstreamError("the compressed header is empty");
  header.zeros_follow = bits.trailing_bits_are_zero();
  header.size = bits.bytes_read();
  return header;
}

}  // namespace ns_ray::vp9
