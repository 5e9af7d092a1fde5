// All that the tiles of one frame share while it is parsed.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "block.hpp"
#include "compressed_header.hpp"
#include "header.hpp"
#include "mode_grid.hpp"
#include "probabilities.hpp"

namespace ns_ray::vp9 {

struct FrameContext {
  explicit FrameContext(const FrameHeader& header)
      : header(header), segmentation(header.segmentation), rows(header.rows()), columns(header.columns()) {}

  const FrameHeader& header;
  const Segmentation& segmentation;
  const int rows, columns;  // in cells of 8x8 samples
  CompressedHeader compressed;
  Probabilities probabilities;
  Counts counts{};

  ModeGrid* modes = nullptr;
  const ModeGrid* previous_modes = nullptr;  // null where UsePrevFrameMvs is 0
  std::uint8_t* segments = nullptr;          // this frame's map, one per cell
  const std::uint8_t* previous_segments = nullptr;
  std::vector<Block>* blocks = nullptr;

  // Compound prediction: one reference is fixed, the other is one of two (section 7.3.8).
  Reference fixed_reference = kIntra;
  Reference variable_references[2] = {kIntra, kIntra};

  // What lies above, by column, for the whole width of the frame: never reset within it, tile rows go on.
  std::vector<std::uint8_t> above_partition;
  std::array<std::vector<std::uint8_t>, 3> above_nonzero;  // by plane, units of 4 samples
};

}  // namespace ns_ray::vp9
