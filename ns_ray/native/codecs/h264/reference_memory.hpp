// The pictures that later ones may refer to (ITU-T H.264, sections 8.2.4.1 and 8.2.5).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "motion.hpp"
#include "slice_header.hpp"

namespace ns_ray::h264 {

struct Picture {
  std::int64_t number = -1;               // in decode order
  std::shared_ptr<const Motion> motion;  // null where it was left out by a gap, or is damaged
  int slot = -1;  // where it is kept; -1 where there is nothing to be kept
  int poc = 0;
  int frame_num = 0;
  int frame_num_wrap = 0;  // FrameNumWrap, as the frame being decoded sees it
  bool in_gap = false;     // "non-existing"
  bool long_term = false;
  int long_term_index = 0;
};

class ReferenceMemory {
 public:
  // Call before the lists of a picture's slices are made.
  void begin(const SliceHeader& slice);

  // Puts the frame in, as its slices say.
  void finish(const SliceHeader& slice, std::shared_ptr<Picture> current);

  // A frame that a gap in frame_num leaves out (section 8.2.5.2).
  void add_gap(int frame_num, const Sps& sps);

  // A slot, 0 to 15, that none of them lies in.
  int free_slot() const;

  // Pictures taken in last come last.
  const std::vector<std::shared_ptr<Picture>>& pictures() const { return pictures_; }

 private:
  void wrap_numbers(int frame_num, int max_frame_num);
  void slide(int max_references);
  void forget_long_term(int index);
  void apply(const MarkingOperation& operation, const SliceHeader& slice, Picture& current);

  std::vector<std::shared_ptr<Picture>> pictures_;
};

}  // namespace ns_ray::h264
