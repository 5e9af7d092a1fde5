// libFuzzer harness of the block parser, the frame finder and the reader of records. An input is a stream: each packet a length (4 bytes, little
// endian; the highest bit says that it may hold several frames, the one below that any padding will do) and its bytes.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "bool_decoder.hpp"
#include "frame_finder.hpp"
#include "parser.hpp"
#include "record_reader.hpp"

using namespace ns_ray::vp9;

namespace {

constexpr std::int64_t kLargest = 1 << 19;

void require(bool condition) {
  if (!condition) std::abort();
}

void check(const ParsedFrame& frame, std::size_t bytes, bool alone) {
  const FrameHeader& header = frame.header;
  require(frame.size >= header.size && frame.size <= bytes && (!alone || frame.size == bytes));
  std::uint64_t covered = 0;
  for (const Block& block : frame.blocks) {
    require(block.x < header.width && block.y < header.height && block.x % 8 == 0 && block.y % 8 == 0);
    require(block.width >= 8 && block.width <= 64 && block.height >= 8 && block.height <= 64);
    require(block.segment < 8 && block.tx_size < 4 && block.filter < 4 && block.skip < 2 && block.qindex < 256);
    require(block.y_mode < 14 && block.uv_mode < 10);
    for (int i = 0; i < 2; ++i) {
      require(block.ref_frame[i] < 4 && block.ref_slot[i] >= -1 && block.ref_slot[i] < 8);
      require((block.ref_frame[i] == 0) == (block.ref_slot[i] == -1));
    }
    require(block.ref_frame[0] != 0 || block.ref_frame[1] == 0);
    const int right = std::min(block.x + block.width, header.columns() * 8);
    const int bottom = std::min(block.y + block.height, header.rows() * 8);
    covered += static_cast<std::uint64_t>(right - block.x) * (bottom - block.y);
  }
  if (header.show_existing_slot < 0) {
    require(covered == 64u * static_cast<std::uint64_t>(header.columns()) * header.rows());
  }
}

void check(const std::vector<std::size_t>& starts, std::size_t bytes) {
  require(!starts.empty() && starts[0] == 0);
  for (std::size_t i = 1; i < starts.size(); ++i) require(starts[i] > starts[i - 1] && starts[i] < bytes);
}

void check(const std::vector<FrameRecord>& records, std::span<const std::span<const std::uint8_t>> frames) {
  int shown = 0, before = -1;
  for (const FrameRecord& one : records) {
    require(one.super_index > before && one.super_index < static_cast<int>(frames.size()));
    require(one.size == frames[before = one.super_index].size() && (one.shown || one.refreshed != 0));
    require(one.width > 0 && one.height > 0 && std::int64_t{one.width} * one.height <= kLargest);
    shown += one.shown;
  }
  require(shown <= 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::span<const std::uint8_t> rest(data, size);
  FrameParser parser(kLargest);
  FrameFinder finder(kLargest);
  RecordReader records(kLargest);
  while (rest.size() >= 4) {
    std::size_t length = rest[0] | rest[1] << 8 | rest[2] << 16 | std::size_t{rest[3]} % 0x40 << 24;
    const bool alone = rest[3] < 0x80;
    padding_matters = (rest[3] & 0x40) == 0;
    rest = rest.subspan(4);
    length = std::min(length, rest.size());
    auto packet = rest.first(length);
    const auto starts = finder.find(packet);
    check(starts, length);
    std::vector<std::span<const std::uint8_t>> frames;
    for (std::size_t i = 0; i < starts.size(); ++i) {
      frames.push_back(packet.subspan(starts[i], (i + 1 < starts.size() ? starts[i + 1] : length) - starts[i]));
    }
    check(records.read(frames), frames);
    finder.follow(packet);
    try {
      do {
        const ParsedFrame frame = parser.parse(packet, alone);
        check(frame, packet.size(), alone);
        packet = packet.subspan(frame.size);
      } while (!packet.empty());
    } catch (const BitstreamError&) {
    }
    rest = rest.subspan(length);
  }
  return 0;
}
