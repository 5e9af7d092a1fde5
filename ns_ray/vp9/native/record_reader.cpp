#include "record_reader.hpp"

#include <algorithm>

namespace ns_ray::vp9 {
namespace {

// Which contexts hold probabilities once a frame has set those that it sets (section 7.2, reset_frame_context).
unsigned contexts_with(const FrameHeader& header, unsigned contexts) {
  if (header.key || header.error_resilient || header.reset_frame_context == 3) return 0xF;
  if (header.intra_only && header.reset_frame_context == 2) contexts |= 1u << header.frame_context;
  return contexts;
}

// A packet shows one picture: the last frame to be shown. Others, and hidden ones of another size, are lower layers.
bool is_lower_layer(const FrameHeader& header, const FrameHeader* top) {
  if (!top || &header == top) return false;
  return header.show || header.width != top->width || header.height != top->height;
}

FrameType type_of(const FrameHeader& header, bool shown) {
  if (header.key) return FrameType::kKey;
  return shown ? FrameType::kNormal : FrameType::kAltref;
}

}  // namespace

void RecordReader::restart() {
  state_ = {};
  contexts_ = 0;
}

FrameHeader RecordReader::read_header(std::span<const std::uint8_t> frame) {
  HeaderState state = state_;
  const FrameHeader header = read_frame_header(frame, state, max_pixels_);
  if (!header.zeros_follow) throw BitstreamError("a bit behind the uncompressed header is set");
  if (header.show_existing_slot >= 0) {
    const auto rest = frame.subspan(header.size);
    if (std::ranges::any_of(rest, [](std::uint8_t byte) { return byte != 0; })) {
      throw BitstreamError("a frame that only shows another goes on after its header");
    }
    return header;
  }
  const unsigned contexts = contexts_with(header, contexts_);
  if (!(contexts >> (header.past_independent() ? 0 : header.frame_context) & 1)) {
    throw BitstreamError("the frame goes on from probabilities that nothing has set; start at a key frame");
  }
  state.refresh(header);
  state_ = state;
  contexts_ = contexts;
  return header;
}

std::vector<FrameRecord> RecordReader::read(std::span<const std::span<const std::uint8_t>> frames) {
  std::vector<FrameHeader> headers;
  try {
    for (const auto frame : frames) headers.push_back(read_header(frame));
  } catch (const MissingReference&) {
    return {};
  } catch (const BitstreamError&) {
    restart();
    return {};
  }
  const FrameHeader* top = nullptr;
  for (const FrameHeader& header : headers) top = header.show ? &header : top;
  std::vector<FrameRecord> records;
  for (std::size_t i = 0; i < headers.size(); ++i) {
    const FrameHeader& header = headers[i];
    const bool lower_layer = is_lower_layer(header, top);
    const bool shown = header.show && !lower_layer;
    if (!shown && !header.refresh_flags) continue;  // of no use to any frame
    records.push_back({static_cast<int>(i), type_of(header, shown), frames[i].size(), shown, header.refresh_flags,
                       header.show_existing_slot >= 0, header.width, header.height, lower_layer});
  }
  return records;
}

}  // namespace ns_ray::vp9
