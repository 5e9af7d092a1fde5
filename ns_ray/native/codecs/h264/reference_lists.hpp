// The reference lists of a slice (ITU-T H.264, section 8.2.4).
#pragma once

#include <array>

#include "reference_memory.hpp"

namespace ns_ray::h264 {

struct ReferenceLists {
  // Null where there is no such picture: streams may name one, as long as no block uses it.
  std::array<std::array<const Picture*, kMaxReferences>, 2> entries{};
  std::array<int, 2> counts{};
};

// poc: of the current picture. The pictures stay the memory's.
ReferenceLists make_lists(const SliceHeader& slice, const ReferenceMemory& memory, int poc);

}  // namespace ns_ray::h264
