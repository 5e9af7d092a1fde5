#include "record_reader.hpp"

namespace ns_ray::vp9 {
namespace {

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

std::vector<FrameRecord> RecordReader::read(std::span<const std::span<const std::uint8_t>> frames) {
  std::vector<FrameHeader> headers;
  try {
    for (const auto frame : frames) headers.push_back(headers_.read(frame));
  } catch (const MissingReference&) {
    return {};
  } catch (const BitstreamError&) {
    headers_.restart();
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
