#include "reference_lists.hpp"

#include <algorithm>
#include <vector>

namespace ns_ray::h264 {
namespace {

using Entries = std::vector<const Picture*>;

void append_long_term(Entries& list, const ReferenceMemory& memory) {
  const auto first = static_cast<std::ptrdiff_t>(list.size());
  for (const auto& one : memory.pictures()) {
    if (one->long_term) list.push_back(one.get());
  }
  std::ranges::sort(list.begin() + first, list.end(), {}, &Picture::long_term_index);
}

// Section 8.2.4.2.1.
Entries initial_p(const ReferenceMemory& memory) {
  Entries list;
  for (const auto& one : memory.pictures()) {
    if (!one->long_term) list.push_back(one.get());
  }
  std::ranges::sort(list, std::ranges::greater{}, &Picture::frame_num_wrap);
  append_long_term(list, memory);
  return list;
}

// Section 8.2.4.2.3.
std::array<Entries, 2> initial_b(const ReferenceMemory& memory, int poc) {
  Entries before, after;
  for (const auto& one : memory.pictures()) {
    if (one->long_term || one->in_gap) continue;
    (one->poc < poc ? before : after).push_back(one.get());
  }
  std::ranges::sort(before, std::ranges::greater{}, &Picture::poc);
  std::ranges::sort(after, {}, &Picture::poc);
  std::array<Entries, 2> lists{before, after};
  lists[0].insert(lists[0].end(), after.begin(), after.end());
  lists[1].insert(lists[1].end(), before.begin(), before.end());
  for (auto& list : lists) append_long_term(list, memory);
  if (lists[1].size() > 1 && lists[0] == lists[1]) std::swap(lists[1][0], lists[1][1]);
  return lists;
}

// Section 8.2.4.3.
void modify(Entries& list, const SliceHeader& slice, const std::vector<ListChange>& changes,
            const ReferenceMemory& memory) {
  const std::int64_t max_number = slice.sps->max_frame_num();
  std::int64_t predicted = slice.frame_num;
  std::size_t at = 0;
  for (const ListChange& change : changes) {
    if (at == list.size()) throw BitstreamError("a reference list has more changes than entries");
    const Picture* chosen = nullptr;
    if (change.operation == 2) {
      for (const auto& one : memory.pictures()) {
        if (one->long_term && one->long_term_index == static_cast<std::int64_t>(change.value)) chosen = one.get();
      }
    } else {
      const std::int64_t difference = std::int64_t{change.value} + 1;
      if (difference > max_number) throw BitstreamError("a change of a reference list is out of range");
      predicted += change.operation == 0 ? -difference : difference;
      predicted = (predicted + max_number) % max_number;
      const std::int64_t number = predicted > slice.frame_num ? predicted - max_number : predicted;
      for (const auto& one : memory.pictures()) {
        if (!one->long_term && one->frame_num_wrap == number) chosen = one.get();
      }
    }
    list.insert(list.begin() + static_cast<std::ptrdiff_t>(at), chosen);
    ++at;
    // The same picture further back makes room, otherwise the last one does.
    const auto behind = list.begin() + static_cast<std::ptrdiff_t>(at);
    const auto again = chosen ? std::find(behind, list.end(), chosen) : list.end();
    list.erase(again != list.end() ? again : list.end() - 1);
  }
}

}  // namespace

ReferenceLists make_lists(const SliceHeader& slice, const ReferenceMemory& memory, int poc) {
  ReferenceLists result;
  if (slice.type == kI) return result;
  std::array<Entries, 2> lists;
  if (slice.type == kP) {
    lists[0] = initial_p(memory);
  } else {
    lists = initial_b(memory, poc);
  }
  for (std::size_t i = 0; i < (slice.type == kB ? 2u : 1u); ++i) {
    lists[i].resize(static_cast<std::size_t>(slice.active_references[i]));
    modify(lists[i], slice, slice.changes[i], memory);
    std::ranges::copy(lists[i], result.entries[i].begin());
    result.counts[i] = slice.active_references[i];
  }
  return result;
}

}  // namespace ns_ray::h264
