#include "slice_header.hpp"

#include <algorithm>
#include <limits>

namespace ns_ray::h264 {
namespace {

constexpr std::size_t kMostChanges = 66;  // more than any list or picture has a use for
constexpr int kAnything = std::numeric_limits<int>::max();

void read_list_changes(BitReader& bits, std::vector<ListChange>& changes) {
  if (!bits.bit()) return;
  for (;;) {
    const int operation = bits.unsigned_code(3, "modification_of_pic_nums_idc is out of range");
    if (operation == 3) return;
    if (changes.size() == kMostChanges) throw BitstreamError("a reference list is changed too often");
    changes.push_back({operation, bits.unsigned_code()});
  }
}

void read_weights(BitReader& bits, SliceHeader& slice) {
  ExplicitWeights& weights = slice.weights;
  weights.luma_log2 = bits.unsigned_code(7, "luma_log2_weight_denom is out of range");
  weights.chroma_log2 = bits.unsigned_code(7, "chroma_log2_weight_denom is out of range");
  const auto value = [&] { return static_cast<std::int16_t>(bits.signed_code(-128, 127, "a weight is out of range")); };
  for (int list = 0; list <= (slice.type == kB); ++list) {
    for (int i = 0; i < slice.active_references[list]; ++i) {
      auto& entry = weights.entries[list][i];
      entry[0][0] = static_cast<std::int16_t>(1 << weights.luma_log2);
      entry[1][0] = entry[2][0] = static_cast<std::int16_t>(1 << weights.chroma_log2);
      if (bits.bit()) {
        entry[0][0] = value();
        entry[0][1] = value();
      }
      if (bits.bit()) {
        for (int plane = 1; plane < 3; ++plane) {
          entry[plane][0] = value();
          entry[plane][1] = value();
        }
      }
    }
  }
}

void read_marking(BitReader& bits, SliceHeader& slice) {
  if (slice.idr) {
    bits.skip(1);  // no_output_of_prior_pics_flag
    slice.long_term_idr = bits.bit();
    return;
  }
  slice.adaptive_marking = bits.bit();
  if (!slice.adaptive_marking) return;
  for (;;) {
    const int operation = bits.unsigned_code(6, "memory_management_control_operation is out of range");
    if (operation == 0) return;
    if (slice.marking.size() == kMostChanges) throw BitstreamError("there are too many marking operations");
    MarkingOperation& marking = slice.marking.emplace_back(MarkingOperation{operation, 0, 0});
    if (operation == 1 || operation == 3) marking.difference = bits.unsigned_code();
    if (operation != 1 && operation != 5) {
      marking.long_term = bits.unsigned_code(kMaxReferences, "a long-term frame index is out of range");
    }
  }
}

void read_poc(BitReader& bits, SliceHeader& slice) {
  const auto delta = [&] { return bits.signed_code(-kAnything, kAnything, "a picture order count is damaged"); };
  if (slice.sps->poc_type == 0) {
    slice.poc_lsb = static_cast<int>(bits.bits(static_cast<unsigned>(slice.sps->log2_max_poc_lsb)));
    if (slice.pps->poc_in_slices) slice.delta_poc_bottom = delta();
  } else if (slice.sps->poc_type == 1 && !slice.sps->delta_poc_always_zero) {
    slice.delta_poc[0] = delta();
    if (slice.pps->poc_in_slices) slice.delta_poc[1] = delta();
  }
}

void read_references(BitReader& bits, SliceHeader& slice) {
  const int lists = slice.type == kI ? 0 : slice.type == kP ? 1 : 2;
  if (slice.type == kB) slice.direct_spatial = bits.bit();
  if (lists > 0) {
    const bool changed = bits.bit();
    for (int list = 0; list < lists; ++list) {
      const int count = changed ? 1 + bits.unsigned_code(31, "num_ref_idx_active is out of range")
                                : slice.pps->active_references[list];
      if (count > kMaxReferences) throw BitstreamError("a frame refers to more than 16 frames");
      slice.active_references[list] = count;
    }
  }
  for (int list = 0; list < lists; ++list) read_list_changes(bits, slice.changes[list]);
  if (slice.explicit_weights()) read_weights(bits, slice);
}

}  // namespace

bool SliceHeader::clears_memory() const {
  return std::ranges::any_of(marking, [](const MarkingOperation& one) { return one.operation == 5; });
}

SliceHeader read_slice_header(BitReader& bits, const Nal& nal, const ParameterSets& sets) {
  SliceHeader slice;
  slice.idr = nal.type == kIdrSlice;
  slice.reference = nal.reference_idc != 0;
  if (slice.idr && !slice.reference) throw BitstreamError("an IDR picture is not a reference");
  slice.first_macroblock = bits.unsigned_code(kMaxSide * (kMaxSide / 256), "first_mb_in_slice is out of range");
  const int type = bits.unsigned_code(9, "slice_type is out of range") % 5;
  if (type > kI) throw Unsupported("SP and SI slices are not supported");
  slice.type = static_cast<SliceType>(type);
  slice.pps = sets.pps[static_cast<std::size_t>(bits.unsigned_code(255, "pic_parameter_set_id is out of range"))];
  if (!slice.pps) throw MissingReference("a slice names a picture parameter set that has not come");
  slice.sps = sets.sps[static_cast<std::size_t>(slice.pps->sps_id)];
  if (!slice.sps) throw MissingReference("a slice names a sequence parameter set that has not come");
  const Sps& sps = *slice.sps;
  slice.frame_num = static_cast<int>(bits.bits(static_cast<unsigned>(sps.log2_max_frame_num)));
  if (!sps.frames_only && (bits.bit() || sps.macroblock_adaptive)) {
    throw Unsupported("interlaced video is not supported");
  }
  if (slice.idr) slice.idr_id = bits.unsigned_code(65535, "idr_pic_id is out of range");
  if (slice.idr && slice.type != kI) throw BitstreamError("an IDR picture refers to others");
  if (slice.idr && slice.frame_num != 0) throw BitstreamError("frame_num of an IDR picture is not 0");
  read_poc(bits, slice);
  if (slice.pps->redundant_pictures) slice.redundant = bits.unsigned_code(127, "redundant_pic_cnt is out of range");
  read_references(bits, slice);
  if (slice.reference) read_marking(bits, slice);
  if (slice.pps->cabac && slice.type != kI) {
    slice.cabac_table = 1 + bits.unsigned_code(2, "cabac_init_idc is out of range");
  }
  slice.qp = slice.pps->initial_qp + bits.signed_code(-51, 51, "slice_qp_delta is out of range");
  if (slice.qp < 0 || slice.qp > 51) throw BitstreamError("the quantiser of a slice is out of range");
  if (slice.pps->deblocking_control) {
    const int off = bits.unsigned_code(2, "disable_deblocking_filter_idc is out of range");
    slice.deblocking = off != 1;
    if (slice.deblocking) {
      bits.signed_code(-6, 6, "slice_alpha_c0_offset is out of range");
      bits.signed_code(-6, 6, "slice_beta_offset is out of range");
    }
  }
  return slice;
}

bool begins_picture(const SliceHeader& slice, const SliceHeader& before) {
  return slice.frame_num != before.frame_num || slice.pps->id != before.pps->id ||
         slice.reference != before.reference || slice.idr != before.idr || slice.idr_id != before.idr_id ||
         slice.poc_lsb != before.poc_lsb || slice.delta_poc_bottom != before.delta_poc_bottom ||
         slice.delta_poc[0] != before.delta_poc[0] || slice.delta_poc[1] != before.delta_poc[1];
}

}  // namespace ns_ray::h264
