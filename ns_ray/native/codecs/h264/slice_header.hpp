// The header of a slice (ITU-T H.264, section 7.3.3).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "nal.hpp"
#include "parameter_sets.hpp"

namespace ns_ray::h264 {

// The parameter sets seen so far, by their ids. Slices hold on to theirs.
struct ParameterSets {
  std::array<std::shared_ptr<const Sps>, 32> sps;
  std::array<std::shared_ptr<const Pps>, 256> pps;
};

// One step of section 7.3.3.1: modification_of_pic_nums_idc and what follows it.
struct ListChange {
  int operation;
  std::uint32_t value;
};

// One memory_management_control_operation (section 7.3.3.3) with its operands.
struct MarkingOperation {
  int operation;
  std::uint32_t difference;  // difference_of_pic_nums_minus1
  int long_term;             // long_term_pic_num, long_term_frame_idx or max_long_term_frame_idx_plus1
};

// Explicit weights (section 7.3.3.2): weight and offset of Y, Cb and Cr.
struct ExplicitWeights {
  int luma_log2 = 0, chroma_log2 = 0;
  std::int16_t entries[2][kMaxReferences][3][2] = {};
};

struct SliceHeader {
  std::shared_ptr<const Sps> sps;
  std::shared_ptr<const Pps> pps;
  bool idr = false;
  bool reference = false;  // nal_ref_idc is not 0
  int first_macroblock = 0;
  SliceType type = kI;
  int frame_num = 0;
  int idr_id = 0;
  int poc_lsb = 0;
  int delta_poc_bottom = 0;
  int delta_poc[2] = {0, 0};
  int redundant = 0;  // redundant_pic_cnt
  bool direct_spatial = false;
  int active_references[2] = {0, 0};
  std::vector<ListChange> changes[2];
  ExplicitWeights weights;
  bool long_term_idr = false;             // long_term_reference_flag
  bool adaptive_marking = false;
  std::vector<MarkingOperation> marking;
  int cabac_table = 0;  // of the contexts' initial values: 0 for I slices, else 1 + cabac_init_idc
  int qp = 0;
  bool deblocking = true;

  bool explicit_weights() const { return type == kP ? pps->weighted : type == kB && pps->weighted_bi == 1; }
  bool implicit_weights() const { return type == kB && pps->weighted_bi == 2; }
  bool clears_memory() const;  // whether it has memory_management_control_operation 5
};

// Leaves the reader at the slice data. Throws BitstreamError, Unsupported for interlaced pictures and SP or SI slices.
SliceHeader read_slice_header(BitReader& bits, const Nal& nal, const ParameterSets& sets);

// Whether a slice begins another primary coded picture than the one before (section 7.4.1.2.4).
bool begins_picture(const SliceHeader& slice, const SliceHeader& before);

}  // namespace ns_ray::h264
