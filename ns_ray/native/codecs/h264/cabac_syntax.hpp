// The syntax elements of a macroblock, coded by CABAC (ITU-T H.264, section 9.3).
#pragma once

#include <cstdint>

#include "cabac_decoder.hpp"
#include "macroblock_state.hpp"
#include "slice_header.hpp"

namespace ns_ray::h264 {

class CabacSyntax {
 public:
  static constexpr bool kWhole8x8 = true;  // an 8x8 transform block is coded as one

  CabacSyntax(BitReader bits, const SliceHeader& slice);

  // Whether another macroblock follows in the slice: asked after each.
  bool more() { return !decoder_.terminate(); }
  // Throws BitstreamError where the slice data does not end with its last macroblock.
  void finish() const;
  void check() const {
    if (decoder_.overrun()) [[unlikely]] throw BitstreamError("the slice data ends early");
  }

  bool skip(const Neighbourhood& here);
  int type(const Neighbourhood& here);
  int sub_type();
  bool transform_8x8(const Neighbourhood& here);
  void intra_mode();
  int chroma_mode(const Neighbourhood& here);
  // coded_block_pattern: luma in bits 0 to 3, chroma above.
  int coded_pattern(const Neighbourhood& here, bool intra);
  int qp_delta(bool previous_not_zero);
  // (x, y): the partition's first 4x4 block. count: active entries of the list, more than one.
  int reference(const Neighbourhood& here, int list, int x, int y, int count);
  struct Difference {
    int row, column;
  };
  Difference difference(const Neighbourhood& here, int list, int x, int y);
  // pcm_alignment_zero_bits and samples.
  void pcm();

  // The blocks of coefficients, each by its number of coefficients. without_dc: the block is of an Intra_16x16 one.
  int luma_dc(const Neighbourhood& here);
  int luma(const Neighbourhood& here, int x, int y, bool without_dc);
  int luma_8x8();
  int chroma_dc(const Neighbourhood& here, int plane);
  int chroma_ac(const Neighbourhood& here, int plane, int x, int y);

 private:
  unsigned bin(int context) { return decoder_.bin(contexts_[static_cast<std::size_t>(context)]); }
  int intra_type(int first, int step, int context);
  int difference_component(int context, int sum);
  template <int kCategory>
  bool block_is_coded(int left, int above, bool intra);
  template <int kCategory>
  int block();

  BitReader bits_;
  SliceType type_;
  Contexts contexts_;
  CabacDecoder decoder_;
};

}  // namespace ns_ray::h264
