#include "frame_finder.hpp"

#include <algorithm>
#include <optional>

#include "bit_reader.hpp"
#include "bool_decoder.hpp"
#include "compressed_header.hpp"

namespace ns_ray::vp9 {
namespace {

// Fewer bytes hold no frame that codes anything: 7 of header, 1 of compressed header, 1 of a tile.
constexpr std::size_t kShortestFrame = 9;

// Where the last tile of a frame begins; nothing where the sizes of its tiles do not fit or a tile does not begin with
// its marker, a zero bit.
std::optional<std::size_t> last_tile(std::span<const std::uint8_t> frame, const FrameHeader& header) {
  std::size_t at = header.size + header.compressed_header_size;
  const int tiles = 1 << (header.tile_rows_log2 + header.tile_columns_log2);
  const auto begins_tile = [&] { return at < frame.size() && frame[at] < 0x80; };
  for (int i = 1; i < tiles; ++i) {
    if (at + 4 > frame.size()) return {};
    const std::size_t size = std::size_t{frame[at]} << 24 | frame[at + 1] << 16 | frame[at + 2] << 8 | frame[at + 3];
    at += 4;
    if (size == 0 || !begins_tile() || size > frame.size() - at) return {};
    at += size;
  }
  if (!begins_tile()) return {};
  return at;
}

// The first byte of a frame that codes something, of its marker, its profile and show_existing_frame alone.
struct FirstByte {
  int mask, value;
  explicit FirstByte(int profile)
      : mask(profile == 3 ? 0xFC : 0xF8), value(0x80 | (profile & 1) << 5 | (profile >> 1) << 4) {}
  bool fits(std::uint8_t byte) const { return (byte & mask) == value; }
};

// Whether the sync code is there, where one is due.
bool sync_code_fits(std::span<const std::uint8_t> data, int profile) {
  BitReader bits(data);
  bits.bits(profile == 3 ? 6 : 5);
  const bool key = !bits.bit();
  const bool show = bits.bit();
  const bool error_resilient = bits.bit();
  bool intra_only = false;
  if (!key) {
    intra_only = !show && bits.bit();
    if (!error_resilient) bits.bits(2);
  }
  return !(key || intra_only) || bits.bits(24) == kSyncCode;
}

// Whether data begins with a frame: the bytes of its uncompressed header, or 0.
std::size_t header_size(std::span<const std::uint8_t> data, HeaderState state, std::int64_t max_pixels) {
  // What encoders that flush with zeros leave unread: up to 8 bits, and a byte where the last would look like an index.
  constexpr std::int64_t kMostUnread = 24;
  try {
    const FrameHeader header = read_frame_header(data, state, max_pixels);
    if (!header.zeros_follow || !last_tile(data, header)) return 0;
    Probabilities probabilities{};  // their values play no part in how it is read
    const auto compressed = data.subspan(header.size, header.compressed_header_size);
    return read_compressed_header(compressed, header, probabilities).unread_bits < kMostUnread ? header.size : 0;
  } catch (const BitstreamError&) {
    return 0;
  }
}

}  // namespace

// Takes the frame at the beginning of the data and returns where another begins, or 0.
std::size_t FrameFinder::next_frame(std::span<const std::uint8_t> data, HeaderState& state) const {
  const FrameHeader header = read_frame_header(data, state, max_pixels_);
  state.refresh(header);
  std::size_t from = header.size;
  if (header.show_existing_slot < 0) {
    const auto tile = last_tile(data, header);
    if (!tile) return 0;
    from = *tile + 1;
  }
  const FirstByte first(header.profile);
  std::size_t found = 0, until = data.size();
  for (; from + kShortestFrame <= until; ++from) {
    // libvpx's encoder leaves a zero bit at least at a frame's end, and its decoder goes on behind frames only if so.
    if (!first.fits(data[from]) || (header.show_existing_slot < 0 && (data[from - 1] & 1) != 0)) continue;
    const auto rest = data.subspan(from);
    if (!sync_code_fits(rest, header.profile)) continue;
    if (const std::size_t size = header_size(rest, state, max_pixels_)) {
      // The last bytes of a frame and the header of the next may look like a longer header: the shortest is right.
      found = from;
      until = std::min(until, from + size + kShortestFrame - 1);
    }
  }
  return found;
}

void FrameFinder::follow(std::span<const std::uint8_t> frame) {
  HeaderState state = state_;
  try {
    state.refresh(read_frame_header(frame, state, max_pixels_));
  } catch (const BitstreamError&) {
    return;
  }
  state_ = state;
}

std::vector<std::size_t> FrameFinder::find(std::span<const std::uint8_t> packet) const {
  constexpr std::size_t kMostFrames = 8;
  std::vector<std::size_t> starts{0};
  HeaderState state = state_;
  try {
    while (starts.size() < kMostFrames) {
      const std::size_t next = next_frame(packet.subspan(starts.back()), state);
      if (next == 0) break;
      starts.push_back(starts.back() + next);
    }
  } catch (const BitstreamError&) {
    // The first frame cannot be decoded either, so it does not matter whether others follow.
  }
  return starts;
}

}  // namespace ns_ray::vp9
