// libFuzzer harness of the H.264 parser. An input is a stream: each packet a length (4 bytes, little endian; the highest bit
// says that slices may end anyhow, the one below, that it is a configuration record) and its bytes.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "look.hpp"
#include "motion_field.hpp"
#include "parser.hpp"

using namespace ns_ray::h264;

namespace {

constexpr std::int64_t kLargest = 1 << 18;

void require(bool condition) {
  if (!condition) std::abort();
}

void check(const ParsedFrame& frame) {
  const Motion& motion = *frame.motion;
  require(frame.sps && motion.columns == frame.sps->columns && motion.rows == frame.sps->rows);
  require(256 * static_cast<std::int64_t>(motion.count()) <= kLargest && frame.sps->width() > 0 && frame.sps->height() > 0);
  require(motion.references.size() <= kMaxReferences && !frame.slices.empty() && frame.slices.size() <= kMaxSlices);
  for (const std::int64_t number : motion.references) require(number >= 0 && number < frame.number);
  const auto known = static_cast<int>(motion.references.size());
  for (const Slice& slice : frame.slices) {
    require(slice.type <= kI && slice.weighting <= kImplicitWeights && slice.qp <= 51);
    for (int list = 0; list < 2; ++list) {
      require(slice.active[list] <= kMaxReferences);
      for (const std::int8_t picture : slice.pictures[list]) require(picture >= -1 && picture < known);
    }
  }
  std::size_t slice = 0;
  for (std::size_t i = 0; i < motion.count(); ++i) {
    const Macroblock& macroblock = motion.macroblocks[i];
    require(macroblock.type <= kSkip && macroblock.qp <= 51 && macroblock.coded <= 47 && macroblock.transform_8x8 <= 1);
    require(macroblock.slice == slice || macroblock.slice == slice + 1);
    slice = macroblock.slice;
    const Slice& its = frame.slices.at(slice);
    require(i >= its.first_macroblock);
    const auto first = motion.offset(static_cast<int>(i) % motion.columns, static_cast<int>(i) / motion.columns);
    for (int j = 0; j < 16; ++j) {
      const auto at = static_cast<std::size_t>(first + j / 4 * motion.stride() + j % 4);
      const Block& block = motion.blocks[at];
      require(block.intra() == (macroblock.type <= kPcm) && motion.coded[at] <= 3);
      for (int list = 0; list < 2; ++list) {
        const int reference = block.reference[list];
        require(reference >= -1 && reference < its.active[list]);
        require(block.picture[list] == (reference < 0 ? -1 : its.pictures[list][reference]));
        require((block.picture[list] < 0) == (reference < 0));
        require(reference >= 0 || block.mv[list] == Mv{});
      }
    }
  }
  require(slice + 1 == frame.slices.size());
  require(frame.slot >= -1 && frame.slot < kMaxReferences && (frame.slot < 0 || frame.reference));
  const MotionField field = motion_field(frame);
  std::size_t area = 0;
  for (const ns_ray::Block& block : field.blocks) {
    require(block.x % block.width == 0 && block.y % block.height == 0 && block.weights <= field.weights.size());
    require(block.x + block.width <= 16 * motion.columns && block.y + block.height <= 16 * motion.rows);
    require(block.slot[0] >= 0 || block.slot[1] < 0);
    area += std::size_t{block.width} * block.height;
  }
  require(area == 256 * motion.count());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::span<const std::uint8_t> rest(data, size);
  FrameParser parser(kLargest);
  int length_size = 0;
  while (rest.size() >= 4) {
    std::size_t length = rest[0] | rest[1] << 8 | rest[2] << 16 | std::size_t{rest[3]} % 0x40 << 24;
    slice_ends_matter = (rest[3] & 0x80) == 0;
    const bool record = (rest[3] & 0x40) != 0;
    rest = rest.subspan(4);
    length = std::min(length, rest.size());
    try {
      if (record) {
        parser.configure(rest.first(length));
        length_size = (rest[4] & 3) + 1;
      } else {
        const Look found = look(rest.first(length), length_size);
        require(found.shows || !found.begins);
        std::size_t bytes = 0;
        for (const ParsedFrame& frame : parser.parse(rest.first(length))) {
          require(found.shows);
          check(frame);
          bytes += frame.size;
        }
        require(bytes == 0 || bytes == length);
      }
    } catch (const BitstreamError&) {
    }
    rest = rest.subspan(length);
  }
  return 0;
}
