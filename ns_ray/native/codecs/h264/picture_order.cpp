#include "picture_order.hpp"

#include <algorithm>
#include <limits>

namespace ns_ray::h264 {
namespace {

// Section 8.2.1.2: what a frame of this number would have without the offsets in its slices.
std::int64_t expected_count(const Sps& sps, std::int64_t frame_number, bool reference) {
  std::int64_t number = sps.poc_cycle != 0 ? frame_number : 0;
  if (!reference && number > 0) --number;
  std::int64_t expected = 0;
  if (number > 0) {
    std::int64_t cycle = 0;
    for (int i = 0; i < sps.poc_cycle; ++i) cycle += sps.offset_for_reference[i];
    expected = (number - 1) / sps.poc_cycle * cycle;
    for (int i = 0; i <= (number - 1) % sps.poc_cycle; ++i) expected += sps.offset_for_reference[i];
  }
  return reference ? expected : expected + sps.offset_for_non_reference;
}

}  // namespace

std::int64_t PictureOrder::follow(int frame_num, int max_frame_num) const {
  return previous_frame_num_ > frame_num ? previous_offset_ + max_frame_num : previous_offset_;
}

int PictureOrder::begin(const SliceHeader& slice) {
  const Sps& sps = *slice.sps;
  if (slice.idr) *this = {};
  offset_ = follow(slice.frame_num, sps.max_frame_num());
  if (sps.poc_type == 0) {
    const std::int64_t span = std::int64_t{1} << sps.log2_max_poc_lsb;
    msb_ = previous_msb_;
    if (slice.poc_lsb < previous_lsb_ && previous_lsb_ - slice.poc_lsb >= span / 2) msb_ += span;
    if (slice.poc_lsb > previous_lsb_ && slice.poc_lsb - previous_lsb_ > span / 2) msb_ -= span;
    top_ = msb_ + slice.poc_lsb;
    bottom_ = top_ + slice.delta_poc_bottom;
  } else if (sps.poc_type == 1) {
    top_ = expected_count(sps, offset_ + slice.frame_num, slice.reference) + slice.delta_poc[0];
    bottom_ = top_ + sps.offset_top_to_bottom + slice.delta_poc[1];
  } else {
    top_ = bottom_ = 2 * (offset_ + slice.frame_num) - !slice.reference;
  }
  const std::int64_t count = std::min(top_, bottom_);
  if (count != static_cast<std::int32_t>(count)) throw BitstreamError("a picture order count is out of range");
  return static_cast<int>(count);
}

int PictureOrder::finish(const SliceHeader& slice) {
  const std::int64_t count = std::min(top_, bottom_);
  const bool cleared = slice.clears_memory();
  if (cleared) {
    top_ -= count;
    bottom_ -= count;
    msb_ = offset_ = 0;
  }
  if (slice.reference) {
    previous_msb_ = msb_;
    previous_lsb_ = cleared ? top_ : slice.poc_lsb;
  }
  previous_offset_ = offset_;
  previous_frame_num_ = cleared ? 0 : slice.frame_num;
  return static_cast<int>(std::min(top_, bottom_));
}

void PictureOrder::pass_gap(int frame_num, int max_frame_num) {
  previous_offset_ = follow(frame_num, max_frame_num);
  previous_frame_num_ = frame_num;
}

}  // namespace ns_ray::h264
