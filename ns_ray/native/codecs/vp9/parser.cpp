#include "parser.hpp"

#include <algorithm>
#include <string>

#include "adaptation.hpp"
#include "tables.hpp"
#include "tile.hpp"

namespace ns_ray::vp9 {
namespace {

// Section 7.3.8: of the three references the odd one out by sign bias is fixed.
void set_up_compound(FrameContext& frame) {
  const auto& bias = frame.header.sign_bias;
  const auto set = [&](Reference fixed, Reference first, Reference second) {
    frame.fixed_reference = fixed;
    frame.variable_references[0] = first;
    frame.variable_references[1] = second;
  };
  if (bias[kLast] == bias[kGolden]) {
    set(kAltref, kLast, kGolden);
  } else if (bias[kLast] == bias[kAltref]) {
    set(kGolden, kLast, kAltref);
  } else {
    set(kLast, kGolden, kAltref);
  }
}

// What may lie behind a frame that is not alone in its packet. Its frame marker must do: the rest is seen when it is parsed.
bool begins_frame(std::span<const std::uint8_t> data) { return !data.empty() && data[0] >> 6 == 2; }

int tile_edge(int index, int cells, int log2) {
  const int superblocks = (cells + 7) / 8;
  return std::min((index * superblocks >> log2) * 8, cells);
}

}  // namespace

// Section 7.2.6.
bool FrameParser::use_previous_vectors(const FrameHeader& header) const {
  return header.width == last_width_ && header.height == last_height_ && last_shown_ && !header.error_resilient;
}

std::size_t FrameParser::parse_tiles(FrameContext& frame, std::span<const std::uint8_t> data, bool alone,
                                     std::vector<Tile>& tiles) {
  const int tile_rows = 1 << frame.header.tile_rows_log2;
  const int tile_columns = 1 << frame.header.tile_columns_log2;
  for (int row = 0; row < tile_rows; ++row) {
    for (int column = 0; column < tile_columns; ++column) {
      std::size_t size = data.size();
      const bool last = row == tile_rows - 1 && column == tile_columns - 1;
      if (!last) {
        if (size < 4) throw BitstreamError("the size of a tile is missing");
        const std::size_t coded = std::size_t{data[0]} << 24 | data[1] << 16 | data[2] << 8 | data[3];
        data = data.subspan(4);
        if (coded > data.size()) throw BitstreamError("a tile reaches beyond its frame");
        size = coded;
      }
      const auto row_edge = [&](int i) { return tile_edge(i, frame.rows, frame.header.tile_rows_log2); };
      const auto column_edge = [&](int i) { return tile_edge(i, frame.columns, frame.header.tile_columns_log2); };
      const TileBounds bounds{row_edge(row), row_edge(row + 1), column_edge(column), column_edge(column + 1)};
      TileParser parser(frame, bounds, data.first(size));
      parser.parse();
      const BoolDecoder& decoder = parser.decoder();
      // Section 9.2.3. One symbol read wrongly and the rest of the tile is, too: it then practically never ends so.
      const std::uint8_t* const end = decoder.padding_end();
      if (last && !alone && end && begins_frame({end, data.data() + size})) size = end - data.data();
      if (end != data.data() + size) throw BitstreamError("a tile does not end in zeros: the frame is damaged");
      tiles.push_back({.row = static_cast<std::uint16_t>(row),
                       .column = static_cast<std::uint16_t>(column),
                       .bytes = static_cast<std::uint32_t>(size),
                       .unread_bits = static_cast<std::uint32_t>(decoder.unread_bits()),
                       .value_zero = decoder.value_is_zero()});
      data = data.subspan(size);
    }
  }
  return data.size();
}

ParsedFrame FrameParser::parse(std::span<const std::uint8_t> data, bool alone) {
  if (data.empty()) throw BitstreamError("the frame is empty");
  const std::size_t whole = data.size();
  ParsedFrame result;
  FrameHeader& header = result.header = read_frame_header(data, state_, max_pixels_);
  if (!header.zeros_follow) throw BitstreamError("a bit behind the uncompressed header is set");
  data = data.subspan(header.size);
  if (header.show_existing_slot >= 0) {
    const auto next = std::ranges::find_if(data, [](std::uint8_t byte) { return byte != 0; });
    const std::span<const std::uint8_t> rest(next, data.end());
    if (!rest.empty() && (alone || !begins_frame(rest))) {
      throw BitstreamError("a frame that only shows another goes on after its header");
    }
    result.size = whole - rest.size();
    return result;
  }
  const std::size_t compressed_size = header.compressed_header_size;
  if (compressed_size > data.size()) throw BitstreamError("the compressed header reaches beyond the frame");
  for (int i = 0; i < 3 && !header.intra(); ++i) result.references[i] = state_.slots[header.reference_slots[i]];

  auto contexts = contexts_;
  if (header.past_independent()) {
    const unsigned reset = header.contexts_reset();
    if (reset == kAllContexts) {
      contexts.fill(kDefaultProbabilities);
    } else if (reset != 0) {
      contexts[header.frame_context] = kDefaultProbabilities;
    }
    header.frame_context = 0;
  }

  FrameContext frame(header);
  if (!contexts[header.frame_context]) {
    throw BitstreamError("the frame goes on from probabilities that nothing has set; start at a key frame");
  }
  const Probabilities before = *contexts[header.frame_context];
  frame.probabilities = before;
  frame.compressed = read_compressed_header(data.first(compressed_size), header, frame.probabilities);
  set_up_compound(frame);

  const std::size_t cells = static_cast<std::size_t>(frame.rows) * frame.columns;
  const bool resized = header.width != last_width_ || header.height != last_height_;
  const std::vector<std::uint8_t> no_segments(header.past_independent() || resized ? cells : 0);
  const bool forget_segments = !no_segments.empty();
  new_segments_.assign(header.segmentation.update_map ? cells : 0, 0);
  modes_.reset(frame.rows, frame.columns);
  frame.modes = &modes_;
  frame.previous_modes = use_previous_vectors(header) ? &previous_modes_ : nullptr;
  frame.segments = new_segments_.data();
  frame.previous_segments = forget_segments ? no_segments.data() : segments_.data();
  frame.blocks = &result.blocks;
  result.blocks.reserve(std::min(cells, last_block_count_ + last_block_count_ / 4));
  const std::size_t whole_columns = static_cast<std::size_t>(frame.columns + 7) / 8 * 8;
  frame.above_partition.resize(whole_columns);
  for (auto& plane : frame.above_nonzero) plane.resize(2 * whole_columns);
  result.size = whole - parse_tiles(frame, data.subspan(compressed_size), alone, result.tiles);

  if (!header.error_resilient && !header.frame_parallel) {
    adapt_coefficients(frame.probabilities, before, frame.counts, header.intra(), last_key_);
    if (!header.intra()) adapt_modes(frame.probabilities, before, frame.counts, header, frame.compressed.tx_mode);
  }
  if (header.refresh_frame_context) contexts[header.frame_context] = frame.probabilities;

  // Nothing can fail from here on.
  state_.follow(header);
  result.reference_mode = frame.compressed.reference_mode;
  result.tx_mode = frame.compressed.tx_mode;
  contexts_ = contexts;
  std::swap(modes_, previous_modes_);
  if (!new_segments_.empty()) {
    std::swap(segments_, new_segments_);
  } else if (forget_segments) {
    segments_ = no_segments;
  }
  last_block_count_ = result.blocks.size();
  last_width_ = header.width;
  last_height_ = header.height;
  last_shown_ = header.show;
  last_key_ = header.key;
  return result;
}

}  // namespace ns_ray::vp9
