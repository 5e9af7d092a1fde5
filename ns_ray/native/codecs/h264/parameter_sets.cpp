#include "parameter_sets.hpp"

#include <algorithm>
#include <limits>
#include <string>

namespace ns_ray::h264 {
namespace {

// Profiles whose parameter sets say the chroma format (section 7.3.2.1.1).
constexpr int kHighProfiles[] = {44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244};

constexpr int kAnything = std::numeric_limits<int>::max();

// Section 7.3.2.1.1.1: values are of no use here, so only their codes are stepped over.
void skip_scaling_lists(BitReader& bits, int count) {
  for (int i = 0; i < count; ++i) {
    if (!bits.bit()) continue;
    int last = 8, next = 8;
    for (int j = 0; j < (i < 6 ? 16 : 64) && next != 0; ++j) {
      next = (last + bits.signed_code(-128, 127, "a scaling list is damaged") + 256) % 256;
      if (next != 0) last = next;
    }
  }
}

void read_format(BitReader& bits) {
  const int chroma = bits.unsigned_code(3, "chroma_format_idc is out of range");
  if (chroma != 1) {
    static constexpr const char* kNames[] = {"monochrome", "4:2:0", "4:2:2", "4:4:4"};
    throw Unsupported(std::string(kNames[chroma]) + " video is not supported, only 4:2:0");
  }
  const int luma_depth = 8 + bits.unsigned_code(6, "bit_depth_luma is out of range");
  const int chroma_depth = 8 + bits.unsigned_code(6, "bit_depth_chroma is out of range");
  if (luma_depth != 8 || chroma_depth != 8) {
    throw Unsupported(std::to_string(std::max(luma_depth, chroma_depth)) + " bit video is not supported, only 8 bit");
  }
  if (bits.bit()) throw Unsupported("lossless video (qpprime_y_zero_transform_bypass) is not supported");
  if (bits.bit()) skip_scaling_lists(bits, 8);
}

void read_poc_cycle(BitReader& bits, Sps& sps) {
  const auto offset = [&] { return bits.signed_code(-kAnything, kAnything, "a picture order count is damaged"); };
  sps.delta_poc_always_zero = bits.bit();
  sps.offset_for_non_reference = offset();
  sps.offset_top_to_bottom = offset();
  sps.poc_cycle = bits.unsigned_code(255, "num_ref_frames_in_pic_order_cnt_cycle is out of range");
  for (int i = 0; i < sps.poc_cycle; ++i) sps.offset_for_reference[i] = offset();
}

void read_cropping(BitReader& bits, Sps& sps) {
  const int unit_y = sps.frames_only ? 2 : 4;
  const auto edge = [&](int unit) {
    return unit * bits.unsigned_code(kMaxSide, "the cropping rectangle is larger than the frame");
  };
  sps.crop_left = edge(2);
  sps.crop_right = edge(2);
  sps.crop_top = edge(unit_y);
  sps.crop_bottom = edge(unit_y);
  if (sps.width() <= 0 || sps.height() <= 0) throw BitstreamError("the cropping rectangle is larger than the frame");
}

void skip_hrd(BitReader& bits) {
  const int count = 1 + bits.unsigned_code(31, "cpb_cnt is out of range");
  bits.skip(8);
  for (int i = 0; i < count; ++i) {
    bits.unsigned_code();
    bits.unsigned_code();
    bits.skip(1);
  }
  bits.skip(20);
}

// Section E.1.1. What is meant for display alone is stepped over.
void read_usability(BitReader& bits, Sps& sps) {
  constexpr std::uint32_t kExtendedShape = 255;
  if (bits.bit() && bits.bits(8) == kExtendedShape) bits.skip(32);
  if (bits.bit()) bits.skip(1);  // overscan
  if (bits.bit()) {
    bits.skip(3);
    sps.full_range = bits.bit();
    if (bits.bit()) {
      bits.skip(16);
      sps.matrix = static_cast<int>(bits.bits(8));
    }
  }
  if (bits.bit()) {  // where chroma lies
    bits.unsigned_code();
    bits.unsigned_code();
  }
  if (bits.bit()) bits.skip(65);  // times
  const bool nal_hrd = bits.bit();
  if (nal_hrd) skip_hrd(bits);
  const bool vcl_hrd = bits.bit();
  if (vcl_hrd) skip_hrd(bits);
  if (nal_hrd || vcl_hrd) bits.skip(1);
  bits.skip(1);  // pic_struct_present_flag
  if (!bits.bit()) return;
  bits.skip(1);
  for (int i = 0; i < 4; ++i) bits.unsigned_code();
  sps.reorder = bits.unsigned_code(kMaxReferences, "max_num_reorder_frames is out of range");
}

}  // namespace

Sps read_sps(BitReader bits, std::int64_t max_pixels) {
  Sps sps;
  sps.profile = static_cast<int>(bits.bits(8));
  bits.skip(8);  // constraint_set flags
  sps.level = static_cast<int>(bits.bits(8));
  sps.id = bits.unsigned_code(31, "seq_parameter_set_id is out of range");
  if (std::ranges::find(kHighProfiles, sps.profile) != std::end(kHighProfiles)) read_format(bits);
  sps.log2_max_frame_num = 4 + bits.unsigned_code(12, "log2_max_frame_num is out of range");
  sps.poc_type = bits.unsigned_code(2, "pic_order_cnt_type is out of range");
  if (sps.poc_type == 0) {
    sps.log2_max_poc_lsb = 4 + bits.unsigned_code(12, "log2_max_pic_order_cnt_lsb is out of range");
  } else if (sps.poc_type == 1) {
    read_poc_cycle(bits, sps);
  }
  sps.max_references = bits.unsigned_code(kMaxReferences, "max_num_ref_frames is out of range");
  sps.gaps_allowed = bits.bit();
  sps.columns = 1 + bits.unsigned_code(kMaxSide / 16 - 1, "a frame is wider than 16384 samples");
  sps.rows = 1 + bits.unsigned_code(kMaxSide / 16 - 1, "a frame is higher than 16384 samples");
  sps.frames_only = bits.bit();
  if (!sps.frames_only) {
    sps.rows *= 2;
    sps.macroblock_adaptive = bits.bit();
  }
  if (sps.rows > kMaxSide / 16) throw BitstreamError("a frame is higher than 16384 samples");
  const std::int64_t pixels = std::int64_t{256} * sps.columns * sps.rows;
  if (pixels > max_pixels) throw BitstreamError("a frame is larger than max_pixels");
  sps.direct_8x8_inference = bits.bit();
  if (bits.bit()) read_cropping(bits, sps);
  if (bits.bit()) {
    const Sps before = sps;
    try {
      read_usability(bits, sps);
    } catch (const BitstreamError&) {
      sps = before;  // pictures can be decoded without it
    }
  }
  return sps;
}

Pps read_pps(BitReader bits) {
  Pps pps;
  pps.id = bits.unsigned_code(255, "pic_parameter_set_id is out of range");
  pps.sps_id = bits.unsigned_code(31, "seq_parameter_set_id is out of range");
  pps.cabac = bits.bit();
  pps.poc_in_slices = bits.bit();
  if (bits.unsigned_code() != 0) throw Unsupported("flexible macroblock ordering (FMO) is not supported");
  for (int& count : pps.active_references) count = 1 + bits.unsigned_code(31, "num_ref_idx_active is out of range");
  pps.weighted = bits.bit();
  pps.weighted_bi = static_cast<int>(bits.bits(2));
  if (pps.weighted_bi == 3) throw BitstreamError("weighted_bipred_idc is out of range");
  pps.initial_qp = 26 + bits.signed_code(-26, 25, "pic_init_qp is out of range");
  bits.signed_code(-26, 25, "pic_init_qs is out of range");
  bits.signed_code(-12, 12, "chroma_qp_index_offset is out of range");
  pps.deblocking_control = bits.bit();
  bits.skip(1);  // constrained_intra_pred_flag
  pps.redundant_pictures = bits.bit();
  if (!bits.at_end()) {
    pps.transform_8x8 = bits.bit();
    if (bits.bit()) skip_scaling_lists(bits, pps.transform_8x8 ? 8 : 6);
    bits.signed_code(-12, 12, "second_chroma_qp_index_offset is out of range");
  }
  return pps;
}

}  // namespace ns_ray::h264
