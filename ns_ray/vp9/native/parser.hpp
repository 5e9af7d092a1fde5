// The frame parser: what one frame hands to the next, and the order of work within a frame.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "block.hpp"
#include "header.hpp"
#include "mode_grid.hpp"
#include "probabilities.hpp"

namespace ns_ray::vp9 {

// How one tile ended.
struct Tile {
  std::uint16_t row, column;
  std::uint32_t bytes;
  std::uint32_t unread_bits;    // never shifted into the bool decoder
  std::uint8_t padding_zero;    // all unread bits are zero, as the specification demands
  std::uint8_t value_zero;      // so is what was left in the decoder: true of encoders that flush with zeros
};
static_assert(sizeof(Tile) == 16);

struct ParsedFrame {
  FrameHeader header;
  std::array<ReferenceSlot, 3> references;  // as they were for this frame
  bool segmentation = false;
  bool segment_map = false;  // this frame codes one
  int reference_mode = 0;
  int tx_mode = 0;
  std::vector<Block> blocks;
  std::vector<Tile> tiles;
};

class FrameParser {
 public:
  // Memory stays under about 5 bytes per pixel of this limit.
  explicit FrameParser(std::int64_t max_pixels) : max_pixels_(max_pixels) {}

  // Parses one coded frame (one element of a superframe). On an error the parser is left as it was before the frame.
  ParsedFrame parse(std::span<const std::uint8_t> data);

 private:

  bool use_previous_vectors(const FrameHeader& header) const;
  void parse_tiles(struct FrameContext& frame, std::span<const std::uint8_t> data, std::vector<Tile>& tiles);

  std::int64_t max_pixels_;
  HeaderState state_;
  std::array<Probabilities, 4> contexts_{};
  ModeGrid modes_, previous_modes_;
  std::vector<std::uint8_t> segments_, new_segments_;  // the last map coded, and the one being read
  std::size_t last_block_count_ = 0;
  int last_width_ = 0, last_height_ = 0;
  bool last_shown_ = false;
  bool last_key_ = false;
};

}  // namespace ns_ray::vp9
