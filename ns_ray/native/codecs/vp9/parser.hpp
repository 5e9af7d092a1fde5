// The frame parser: what one frame hands to the next, and the order of work within a frame.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
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
  std::uint8_t value_zero;      // nothing was left in the decoder either: true of encoders that flush with zeros
};
static_assert(sizeof(Tile) == 16);

struct ParsedFrame {
  FrameHeader header;
  std::array<ReferenceSlot, 3> references;  // as they were for this frame
  int reference_mode = 0;
  int tx_mode = 0;
  std::size_t size = 0;  // bytes that the frame takes, zeros that follow it included
  std::vector<Block> blocks;
  std::vector<Tile> tiles;
};

class FrameParser {
 public:
  // Memory stays under about 5 bytes per pixel of this limit.
  explicit FrameParser(std::int64_t max_pixels) : max_pixels_(max_pixels) {}

  // Parses the coded frame at the beginning of the data. Where it is alone (one element of a superframe) all that follows
  // it must be zeros, otherwise they may end in what looks like another frame. On an error the parser is left as it was.
  ParsedFrame parse(std::span<const std::uint8_t> data, bool alone = true);

 private:
  bool use_previous_vectors(const FrameHeader& header) const;
  // Returns how many bytes are left behind the last tile.
  std::size_t parse_tiles(struct FrameContext& frame, std::span<const std::uint8_t> data, bool alone,
                          std::vector<Tile>& tiles);

  std::int64_t max_pixels_;
  HeaderState state_;
  std::array<std::optional<Probabilities>, 4> contexts_;
  ModeGrid modes_, previous_modes_;
  std::vector<std::uint8_t> segments_, new_segments_;  // the last map coded, and the one being read
  std::size_t last_block_count_ = 0;
  int last_width_ = 0, last_height_ = 0;
  bool last_shown_ = false;
  bool last_key_ = false;
};

}  // namespace ns_ray::vp9
