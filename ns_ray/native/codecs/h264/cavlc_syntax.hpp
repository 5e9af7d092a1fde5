// The syntax elements of a macroblock, coded by Exp-Golomb codes and CAVLC (ITU-T H.264, sections 9.1 and 9.2).
#pragma once

#include <cstdint>

#include "bit_reader.hpp"
#include "macroblock_state.hpp"
#include "slice_header.hpp"

namespace ns_ray::h264 {

// The same members as CabacSyntax.
class CavlcSyntax {
 public:
  static constexpr bool kWhole8x8 = false;  // an 8x8 transform block is coded as four of 16 coefficients

  CavlcSyntax(BitReader bits, const SliceHeader& slice) : bits_(bits), type_(slice.type) {}

  bool more() const { return skip_run_ > 0 || !bits_.at_end(); }
  void finish() const {}
  void check() const {}

  bool skip(const Neighbourhood& here);
  int type(const Neighbourhood& here);
  int sub_type();
  bool transform_8x8(const Neighbourhood&) { return bits_.bit(); }
  void intra_mode();
  int chroma_mode(const Neighbourhood& here);
  int coded_pattern(const Neighbourhood& here, bool intra);
  int qp_delta(bool previous_not_zero);
  int reference(const Neighbourhood& here, int list, int x, int y, int count);
  struct Difference {
    int row, column;
  };
  Difference difference(const Neighbourhood& here, int list, int x, int y);
  void pcm();

  int luma_dc(const Neighbourhood& here);
  int luma(const Neighbourhood& here, int x, int y, bool without_dc);
  int luma_8x8() { return 0; }
  int chroma_dc(const Neighbourhood& here, int plane);
  int chroma_ac(const Neighbourhood& here, int plane, int x, int y);

 private:
  // left, above: coefficients of the blocks there, -1 where there is none.
  int block(int left, int above, int length);
  void read_levels(int total, int trailing_ones);
  void read_runs(int total, int zeros);

  BitReader bits_;
  SliceType type_;
  int skip_run_ = -1;  // macroblocks left to skip; -1: not read yet
};

}  // namespace ns_ray::h264
