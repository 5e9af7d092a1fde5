// Picture order counts (ITU-T H.264, section 8.2.1).
#pragma once

#include <cstdint>

#include "slice_header.hpp"

namespace ns_ray::h264 {

class PictureOrder {
 public:
  // PicOrderCnt of the frame that the slice begins. Throws BitstreamError where it does not fit 32 bits.
  int begin(const SliceHeader& slice);

  // The frame is there. Returns its count as later frames see it: less its own after operation 5 (section 8.2.1).
  int finish(const SliceHeader& slice);

  // Frames that a gap in frame_num leaves out (section 8.2.5.2): the last of them.
  void pass_gap(int frame_num, int max_frame_num);

 private:
  std::int64_t follow(int frame_num, int max_frame_num) const;

  std::int64_t top_ = 0, bottom_ = 0;       // of the frame begun
  std::int64_t msb_ = 0, offset_ = 0;       // PicOrderCntMsb and FrameNumOffset of the frame begun
  std::int64_t previous_msb_ = 0, previous_lsb_ = 0;  // of the last reference
  std::int64_t previous_offset_ = 0;
  int previous_frame_num_ = 0;
};

}  // namespace ns_ray::h264
