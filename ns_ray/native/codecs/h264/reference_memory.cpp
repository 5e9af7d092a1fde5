#include "reference_memory.hpp"

#include <algorithm>

namespace ns_ray::h264 {

void ReferenceMemory::wrap_numbers(int frame_num, int max_frame_num) {
  for (const auto& one : pictures_) {
    one->frame_num_wrap = one->frame_num > frame_num ? one->frame_num - max_frame_num : one->frame_num;
  }
}

void ReferenceMemory::begin(const SliceHeader& slice) {
  if (slice.idr) pictures_.clear();
  wrap_numbers(slice.frame_num, slice.sps->max_frame_num());
}

// Section 8.2.5.3. Damaged streams may hold more than they are allowed to, so that more than one may go.
void ReferenceMemory::slide(int max_references) {
  while (static_cast<int>(pictures_.size()) >= std::max(max_references, 1)) {
    auto oldest = pictures_.begin();
    for (auto one = pictures_.begin(); one != pictures_.end(); ++one) {
      if ((*one)->long_term) continue;
      if ((*oldest)->long_term || (*one)->frame_num_wrap < (*oldest)->frame_num_wrap) oldest = one;
    }
    pictures_.erase(oldest);
  }
}

void ReferenceMemory::forget_long_term(int index) {
  std::erase_if(pictures_, [&](const auto& one) { return one->long_term && one->long_term_index == index; });
}

// Section 8.2.5.4. Pictures that are not there were lost before, or come from before decoding began.
void ReferenceMemory::apply(const MarkingOperation& operation, const SliceHeader& slice, Picture& current) {
  const auto is_short = [&](const auto& one) {
    return !one->long_term && one->frame_num_wrap == slice.frame_num - std::int64_t{operation.difference} - 1;
  };
  const auto become_long_term = [&](Picture& picture) {
    picture.long_term = true;
    picture.long_term_index = operation.long_term;
  };
  switch (operation.operation) {
    case 1: std::erase_if(pictures_, is_short); break;
    case 2: forget_long_term(operation.long_term); break;
    case 3: {
      const auto chosen = std::ranges::find_if(pictures_, is_short);
      if (chosen == pictures_.end()) break;
      const auto picture = *chosen;
      forget_long_term(operation.long_term);
      become_long_term(*picture);
      break;
    }
    case 4:
      std::erase_if(pictures_, [&](const auto& one) {
        return one->long_term && one->long_term_index >= operation.long_term;
      });
      break;
    case 5: pictures_.clear(); break;
    default:
      forget_long_term(operation.long_term);
      become_long_term(current);
  }
}

void ReferenceMemory::finish(const SliceHeader& slice, std::shared_ptr<Picture> current) {
  if (!slice.reference) return;
  if (slice.idr) {
    current->long_term = slice.long_term_idr;
  } else if (slice.adaptive_marking) {
    for (const MarkingOperation& one : slice.marking) apply(one, slice, *current);
    if (slice.clears_memory()) current->frame_num = 0;
  }
  slide(slice.sps->max_references);
  if (current->motion) current->slot = free_slot();
  pictures_.push_back(std::move(current));
}

int ReferenceMemory::free_slot() const {
  int slot = 0;
  while (std::ranges::any_of(pictures_, [&](const auto& one) { return one->slot == slot; })) ++slot;
  return slot;
}

void ReferenceMemory::add_gap(int frame_num, const Sps& sps) {
  wrap_numbers(frame_num, sps.max_frame_num());
  slide(sps.max_references);
  auto picture = std::make_shared<Picture>();
  picture->frame_num = picture->frame_num_wrap = frame_num;
  picture->in_gap = true;
  pictures_.push_back(std::move(picture));
}

}  // namespace ns_ray::h264
