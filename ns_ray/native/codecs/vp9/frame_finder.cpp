#include "frame_finder.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
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
class FirstByte {
 public:
  // behind_zero: whether only such bytes count as follow a zero bit.
  FirstByte(int profile, bool behind_zero)
      : mask_(profile == 3 ? 0xFC : 0xF8), value_(0x80 | (profile & 1) << 5 | (profile >> 1) << 4),
        before_(behind_zero ? 1 : 0) {}

  // Where such a byte comes next, from a position on, which is not the first; the data's size where none does.
  std::size_t next(std::span<const std::uint8_t> data, std::size_t from) const {
    constexpr std::uint64_t kOnes = 0x0101010101010101, kLow = 0x7F * kOnes;
    if constexpr (std::endian::native == std::endian::little) {
      for (; from + 8 <= data.size(); from += 8) {  // most eight bytes have none
        std::uint64_t word, before;
        std::memcpy(&word, data.data() + from, 8);
        std::memcpy(&before, data.data() + from - 1, 8);
        const std::uint64_t other = ((word & mask_ * kOnes) ^ value_ * kOnes) | (before & before_ * kOnes);
        const std::uint64_t found = ~(((other & kLow) + kLow) | other | kLow);  // the highest bit of bytes that are zero
        if (found != 0) return from + std::countr_zero(found) / 8;
      }
    }
    while (from < data.size() && ((data[from] & mask_) != value_ || (data[from - 1] & before_) != 0)) ++from;
    return from;
  }

 private:
  std::uint8_t mask_, value_, before_;
};

// Whether what comes first in a header fits: the sync code, or references of which one has a size to be predicted from.
// Most bytes fail here, where it costs no exception. There must be as many as in the shortest frame.
bool begins_well(std::span<const std::uint8_t> data, int profile, const HeaderState& state) {
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
  if (key || intra_only) return bits.bits(24) == kSyncCode;
  bits.bits(8);  // the slots that it refreshes
  std::array<const ReferenceSlot*, 3> references;
  for (const ReferenceSlot*& reference : references) {
    reference = &state.slots[bits.bits(3)];
    bits.bit();
    if (!reference->valid) return false;
  }
  for (int i = 0; i < 3; ++i) {
    if (bits.bit()) return true;
  }
  const int width = bits.bits(16) + 1, height = bits.bits(16) + 1;
  return std::ranges::any_of(references, [&](const ReferenceSlot* slot) { return slot->can_predict(width, height); });
}

// Whether data begins with a frame: the bytes of its uncompressed header, or 0.
std::size_t header_size(std::span<const std::uint8_t> data, const HeaderState& state, std::int64_t max_pixels) {
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
  state.follow(header);
  std::size_t from = header.size;
  if (header.show_existing_slot < 0) {
    const auto tile = last_tile(data, header);
    if (!tile) return 0;
    from = *tile + 1;
  }
  // libvpx's encoder leaves a zero bit at least at a frame's end, and its decoder goes on behind frames only if so.
  const FirstByte first(header.profile, header.show_existing_slot < 0);
  std::size_t found = 0, until = data.size();
  for (; (from = first.next(data, from)) + kShortestFrame <= until; ++from) {
    const auto rest = data.subspan(from);
    if (!begins_well(rest, header.profile, state)) continue;
    if (const std::size_t size = header_size(rest, state, max_pixels_)) {
      // The last bytes of a frame and the header of the next may look like a longer header: the shortest is right.
      found = from;
      until = std::min(until, from + size + kShortestFrame - 1);
    }
  }
  return found;
}

void FrameFinder::follow(std::span<const std::uint8_t> frame) {
  try {
    state_.follow(read_frame_header(frame, state_, max_pixels_));
  } catch (const BitstreamError&) {
  }
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
