#include "header_reader.hpp"

#include <algorithm>

namespace ns_ray::vp9 {

FrameHeader HeaderReader::read(std::span<const std::uint8_t> frame) {
  const FrameHeader header = read_frame_header(frame, state_, max_pixels_);
  if (!header.zeros_follow) throw BitstreamError("a bit behind the uncompressed header is set");
  if (header.show_existing_slot >= 0) {
    const auto rest = frame.subspan(header.size);
    if (std::ranges::any_of(rest, [](std::uint8_t byte) { return byte != 0; })) {
      throw BitstreamError("a frame that only shows another goes on after its header");
    }
    return header;
  }
  const unsigned contexts = contexts_ | header.contexts_reset();
  if (!(contexts >> (header.past_independent() ? 0 : header.frame_context) & 1)) {
    throw BitstreamError("the frame goes on from probabilities that nothing has set; start at a key frame");
  }
  state_.follow(header);
  contexts_ = contexts;
  return header;
}

void HeaderReader::restart() {
  state_ = {};
  contexts_ = 0;
}

}  // namespace ns_ray::vp9
