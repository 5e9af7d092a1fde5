// Sequence and picture parameter sets (ITU-T H.264, sections 7.3.2.1 and 7.3.2.2).
#pragma once

#include <cstdint>

#include "bit_reader.hpp"

namespace ns_ray::h264 {

struct Sps {
  int id = 0;
  int profile = 0, level = 0;
  int log2_max_frame_num = 0;
  int poc_type = 0;
  int log2_max_poc_lsb = 0;
  bool delta_poc_always_zero = false;
  int offset_for_non_reference = 0, offset_top_to_bottom = 0;
  int poc_cycle = 0;
  int offset_for_reference[255] = {};
  int max_references = 0;  // max_num_ref_frames
  bool gaps_allowed = false;
  int columns = 0, rows = 0;  // in macroblocks
  bool frames_only = true;    // frame_mbs_only_flag
  bool macroblock_adaptive = false;
  bool direct_8x8_inference = false;
  bool full_range = false;
  int matrix = 2;    // matrix_coefficients, 2 where not said
  int reorder = -1;  // max_num_reorder_frames, -1 where not said
  int crop_left = 0, crop_right = 0, crop_top = 0, crop_bottom = 0;  // luma samples

  int width() const { return 16 * columns - crop_left - crop_right; }
  int height() const { return 16 * rows - crop_top - crop_bottom; }
  int max_frame_num() const { return 1 << log2_max_frame_num; }
  bool operator==(const Sps&) const = default;
};

struct Pps {
  int id = 0, sps_id = 0;
  bool cabac = false;
  bool poc_in_slices = false;  // bottom_field_pic_order_in_frame_present_flag
  int active_references[2] = {1, 1};
  bool weighted = false;
  int weighted_bi = 0;  // weighted_bipred_idc
  int initial_qp = 26;
  bool deblocking_control = false;
  bool redundant_pictures = false;
  bool transform_8x8 = false;
};

// Both throw Unsupported, naming what it is, or BitstreamError. max_pixels: of the largest frame to be parsed.
Sps read_sps(BitReader bits, std::int64_t max_pixels);
Pps read_pps(BitReader bits);

}  // namespace ns_ray::h264
