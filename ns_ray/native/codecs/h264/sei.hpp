// Supplemental enhancement information: of it, the recovery point (ITU-T H.264, sections 7.3.2.3 and D.2.8).
#pragma once

#include <optional>

#include "bit_reader.hpp"

namespace ns_ray::h264 {

// recovery_frame_cnt, where the unit holds one. Damaged messages are passed over: only frame types depend on them.
std::optional<int> find_recovery_point(BitReader bits);

}  // namespace ns_ray::h264
