// Parses one tile: partitions, modes and coefficient tokens (VP9 specification, section 6.4).
#pragma once

#include <array>
#include <cstdint>

#include "bool_decoder.hpp"
#include "frame_context.hpp"
#include "tables.hpp"

namespace ns_ray::vp9 {

struct TileBounds {
  int row_start, row_end, column_start, column_end;  // in cells
};

class TileParser {
 public:
  TileParser(FrameContext& frame, const TileBounds& bounds, std::span<const std::uint8_t> data)
      : frame_(frame), bounds_(bounds), bool_(data.data(), data.size()) {}

  void parse();
  const BoolDecoder& decoder() const { return bool_; }

 private:
  // tile.cpp
  void parse_partition(int row, int column, BlockSize size);
  Partition read_partition(int row, int column, BlockSize size);
  void parse_block(int row, int column, BlockSize size);
  void emit_block(std::uint32_t tokens);

  // mode_info.cpp
  void read_intra_frame_modes();
  void read_inter_frame_modes();
  int read_segment();
  int predicted_segment() const;
  void store_segment(int segment);
  void read_intra_frame_segment();
  void read_inter_frame_segment();
  void read_skip();
  void read_tx_size(bool may_select);
  bool read_is_inter();
  void read_intra_modes();
  void read_inter_modes();
  Mode read_inter_mode(int context);
  Filter read_filter();
  Mode read_intra_mode(Prob (&probabilities)[9], Count (&counts)[10]);

  // references.cpp
  void read_references();
  int comp_mode_context() const;
  int comp_reference_context() const;
  int first_reference_context() const;
  int second_reference_context() const;

  // motion_vectors.cpp
  struct Candidates {
    std::array<Mv, 2> list{};
    int count = 0;
    int wanted = 2;
    bool add(Mv mv);
  };
  int inter_mode_context() const;
  const ModeInfo* neighbour(const std::int8_t (&offset)[2]) const;
  Candidates find_candidates(int reference, int quarter, int wanted) const;
  void collect_candidates(Candidates& found, int reference, int quarter) const;
  Mv clamp(Mv mv) const;
  Mv lower_precision(Mv mv) const;
  void part_candidates(int quarter, int prediction, Mv& nearest, Mv& near) const;
  void read_whole_vectors();
  void read_part_vectors(int context);
  Mv read_new_vector(Mv base);
  int read_vector_component(int component, bool high_precision);

  // residual.cpp
  struct Residual {
    std::uint32_t nonzero = 0;  // coefficients
    bool coded = false;         // whether any transform block had more than its end
  };
  Residual read_residual();
  void clear_residual_context();
  template <int kTx>
  void read_plane(int plane, Residual& residual);
  template <int kTx>
  int read_tokens(int plane, const ScanEntry* scan, int context, std::uint32_t& nonzero);

  FrameContext& frame_;
  const TileBounds bounds_;
  BoolDecoder bool_;

  // The block being parsed, and its neighbours where they can be used.
  int row_ = 0, column_ = 0;
  ModeInfo* block_ = nullptr;
  const ModeInfo* above_ = nullptr;
  const ModeInfo* left_ = nullptr;

  std::array<std::uint8_t, 8> left_partition_{};
  std::array<std::array<std::uint8_t, 16>, 3> left_nonzero_{};
};

}  // namespace ns_ray::vp9
