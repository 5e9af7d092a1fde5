#include "slice_data.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "cabac_syntax.hpp"
#include "cavlc_syntax.hpp"
#include "direct.hpp"
#include "macroblock_types.hpp"
#include "vector_prediction.hpp"

namespace ns_ray::h264 {
namespace {

constexpr Block kIntraBlock{{}, {-1, -1}, {-1, -1}};

template <class Syntax>
class SliceData {
 public:
  SliceData(const SliceContext& slice, BitReader bits)
      : slice_(slice), motion_(slice.motion), syntax_(bits, slice.header), direct_(slice), qp_(slice.header.qp) {}

  int read();

 private:
  void begin(int address);
  void end();
  void read_macroblock();
  void read_skipped();
  void read_intra(int type);
  void read_pcm();
  void read_inter(int type);
  void read_parts(const InterType& type);
  bool read_quarters(bool references_are_zero);
  void read_vector(int list, const PartitionRectangle& part, Shape shape, int index);
  int read_reference(int list, int x, int y);
  void set_references(int list, const PartitionRectangle& part, int reference);
  void set_all(const Block& block);
  void read_pattern(bool may_transform_8x8);
  void read_residual(bool intra_16x16);
  void read_luma(bool without_dc);
  void read_chroma();
  void mark_coded();

  const SliceContext& slice_;
  Motion& motion_;
  Syntax syntax_;
  DirectMotion direct_;
  int qp_;
  bool delta_not_zero_ = false;  // mb_qp_delta of the macroblock before

  // The macroblock being read.
  MacroblockState state_;
  Neighbourhood near_{};
  Position here_{};
  MacroblockType type_{};
};

template <class Syntax>
int SliceData<Syntax>::read() {
  int address = slice_.header.first_macroblock;
  do {
    if (address == static_cast<int>(motion_.count())) throw BitstreamError("a slice reaches beyond its picture");
    begin(address++);
    if (slice_.header.type != kI && syntax_.skip(near_)) {
      read_skipped();
    } else {
      read_macroblock();
    }
    end();
    syntax_.check();
  } while (syntax_.more());
  syntax_.finish();
  return address;
}

template <class Syntax>
void SliceData<Syntax>::begin(int address) {
  const int columns = motion_.columns;
  const int column = address % columns, row = address / columns;
  const int first = slice_.header.first_macroblock;
  here_.column = column;
  here_.row = row;
  here_.stride = motion_.stride();
  here_.blocks = motion_.blocks.data() + motion_.offset(column, row);
  // Without arbitrary orders of macroblocks a slice has all from its first one on.
  here_.left = column > 0 && address - 1 >= first;
  here_.above = address - columns >= first;
  here_.above_left = column > 0 && address - columns - 1 >= first;
  here_.above_right = column + 1 < columns && address - columns + 1 >= first;
  state_ = {};
  MacroblockState* const states = slice_.states.data() + column;
  near_ = {&state_, here_.left ? states - 1 : nullptr, here_.above ? states : nullptr};
}

template <class Syntax>
void SliceData<Syntax>::end() {
  slice_.states[static_cast<std::size_t>(here_.column)] = state_;
  Macroblock& out = motion_.macroblocks[static_cast<std::size_t>(here_.row * motion_.columns + here_.column)];
  out.type = type_;
  out.qp = static_cast<std::uint8_t>(qp_);
  out.transform_8x8 = state_.transform_8x8;
  out.coded = static_cast<std::uint8_t>(state_.luma_coded | state_.chroma_coded << 4);
  out.slice = slice_.number;
  mark_coded();
}

// A transform's coefficients change all of its samples.
template <class Syntax>
void SliceData<Syntax>::mark_coded() {
  std::uint8_t* const out = motion_.coded.data() + (here_.blocks - motion_.blocks.data());
  if (state_.luma_coded == 0 && state_.chroma_coded == 0 && state_.dc_coded == 0) {
    for (int y = 0; y < 4; ++y) std::memset(out + y * here_.stride, 0, 4);
    return;
  }
  const auto& [luma, cb, cr] = state_.coefficients;
  for (int y = 0; y < 4; ++y) {
    for (int x = 0; x < 4; ++x) {
      const int quarter = y / 2 * 2 + x / 2, first = y / 2 * 8 + x / 2 * 2;
      const bool any = (luma[first] | luma[first + 1] | luma[first + 4] | luma[first + 5]) != 0;
      const bool whole = state_.transform_8x8 && any;
      const bool luma_coded = whole || luma[4 * y + x] != 0 || (state_.dc_coded & 1);
      const bool chroma_coded = cb[quarter] != 0 || cr[quarter] != 0 || (state_.dc_coded & 6);
      const int coded = (luma_coded ? kLumaCoded : 0) | (chroma_coded ? kChromaCoded : 0);
      out[y * here_.stride + x] = static_cast<std::uint8_t>(coded);
    }
  }
}

template <class Syntax>
void SliceData<Syntax>::set_all(const Block& block) {
  for (int y = 0; y < 4; ++y) std::fill_n(&here_.at(0, y), 4, block);
}

template <class Syntax>
void SliceData<Syntax>::read_skipped() {
  type_ = kSkip;
  state_.skip = true;
  delta_not_zero_ = false;
  if (slice_.header.type == kB) {
    state_.direct = true;
    direct_.derive(here_, 15);
  } else {
    set_all({{predict_skip(here_), {}}, {0, -1}, {slice_.picture(0, 0), -1}});
  }
}

template <class Syntax>
void SliceData<Syntax>::read_macroblock() {
  const int type = syntax_.type(near_);
  const int first_intra = kFirstIntraType[slice_.header.type];
  if (type >= first_intra) {
    read_intra(type - first_intra);
  } else {
    read_inter(type);
  }
}

template <class Syntax>
void SliceData<Syntax>::read_pcm() {
  type_ = kPcm;
  syntax_.pcm();
  delta_not_zero_ = false;
  state_.luma_coded = 15;
  state_.chroma_coded = 2;
  state_.dc_coded = 7;
  std::memset(state_.coefficients, 16, sizeof state_.coefficients);
}

template <class Syntax>
void SliceData<Syntax>::read_intra(int type) {
  state_.intra = true;
  set_all(kIntraBlock);
  if (type == kIntraPcmType) return read_pcm();
  if (type == 0) {
    state_.intra_nxn = true;
    state_.transform_8x8 = slice_.header.pps->transform_8x8 && syntax_.transform_8x8(near_);
    type_ = state_.transform_8x8 ? kIntra8x8 : kIntra4x4;
    for (int i = 0; i < (state_.transform_8x8 ? 4 : 16); ++i) syntax_.intra_mode();
  } else {
    type_ = kIntra16x16;
  }
  state_.chroma_mode = static_cast<std::uint8_t>(syntax_.chroma_mode(near_));
  if (type == 0) {
    read_pattern(false);
  } else {
    state_.luma_coded = type > 12 ? 15 : 0;
    state_.chroma_coded = static_cast<std::uint8_t>((type - 1) / 4 % 3);
  }
  read_residual(type != 0);
}

template <class Syntax>
void SliceData<Syntax>::read_inter(int type) {
  type_ = kInter;
  const bool b = slice_.header.type == kB;
  bool may_transform_8x8 = true;
  if (b && type == kBDirectType) {
    state_.direct = true;
    direct_.derive(here_, 15);
    may_transform_8x8 = slice_.header.sps->direct_8x8_inference;
  } else if (type == (b ? kB8x8Type : kP8x8Type) || (!b && type == kP8x8ZeroType)) {
    may_transform_8x8 = read_quarters(!b && type == kP8x8ZeroType);
  } else {
    read_parts(b ? kBTypes[type] : kPTypes[type]);
  }
  read_pattern(may_transform_8x8);
  read_residual(false);
}

template <class Syntax>
int SliceData<Syntax>::read_reference(int list, int x, int y) {
  const int count = slice_.lists.counts[static_cast<std::size_t>(list)];
  return count > 1 ? syntax_.reference(near_, list, x, y, count) : 0;
}

// Also clears the list's vectors where it is not used (reference -1).
template <class Syntax>
void SliceData<Syntax>::set_references(int list, const PartitionRectangle& part, int reference) {
  const std::int8_t picture = reference < 0 ? std::int8_t{-1} : slice_.picture(list, reference);
  for (int y = part.y; y < part.y + part.height; ++y) {
    for (int x = part.x; x < part.x + part.width; ++x) {
      Block& block = here_.at(x, y);
      block.reference[list] = static_cast<std::int8_t>(reference);
      block.picture[list] = picture;
      if (reference < 0) block.mv[list] = {};
    }
  }
  if (reference > 0) {
    for (int y = part.y; y < part.y + part.height; y += 2) {
      for (int x = part.x; x < part.x + part.width; x += 2) {
        state_.far_reference[list] = static_cast<std::uint8_t>(state_.far_reference[list] | 1 << (y / 2 * 2 + x / 2));
      }
    }
  }
}

template <class Syntax>
void SliceData<Syntax>::read_vector(int list, const PartitionRectangle& part, Shape shape, int index) {
  const Mv predicted = predict_vector(here_, list, here_.at(part.x, part.y).reference[list], part, shape, index);
  const auto difference = syntax_.difference(near_, list, part.x, part.y);
  const Mv mv{static_cast<std::int16_t>(predicted.row + difference.row),
              static_cast<std::int16_t>(predicted.column + difference.column)};
  const auto row = static_cast<std::uint8_t>(std::min(std::abs(difference.row), 64));
  const auto column = static_cast<std::uint8_t>(std::min(std::abs(difference.column), 64));
  for (int y = part.y; y < part.y + part.height; ++y) {
    for (int x = part.x; x < part.x + part.width; ++x) {
      here_.at(x, y).mv[list] = mv;
      state_.difference[list][4 * y + x][0] = row;
      state_.difference[list][4 * y + x][1] = column;
    }
  }
}

template <class Syntax>
void SliceData<Syntax>::read_parts(const InterType& type) {
  const int parts = type.shape == kWhole ? 1 : 2;
  for (int list = 0; list < 2; ++list) {
    for (int i = 0; i < parts; ++i) {
      const PartitionRectangle& part = kPartitions[type.shape][i];
      set_references(list, part, type.uses[i] >> list & 1 ? read_reference(list, part.x, part.y) : -1);
    }
  }
  for (int list = 0; list < 2; ++list) {
    for (int i = 0; i < parts; ++i) {
      if (type.uses[i] >> list & 1) read_vector(list, kPartitions[type.shape][i], type.shape, i);
    }
  }
}

// Returns whether the macroblock may have an 8x8 transform.
template <class Syntax>
bool SliceData<Syntax>::read_quarters(bool references_are_zero) {
  const bool b = slice_.header.type == kB;
  SubType types[4];
  unsigned derived = 0;
  bool may_transform_8x8 = true;
  for (unsigned i = 0; i < 4; ++i) {
    types[i] = b ? kBSubTypes[syntax_.sub_type()] : kPSubTypes[syntax_.sub_type()];
    if (types[i].uses == kUsesNone) {
      derived |= 1u << i;
      may_transform_8x8 = may_transform_8x8 && slice_.header.sps->direct_8x8_inference;
    } else {
      may_transform_8x8 = may_transform_8x8 && types[i].shape == kWhole;
    }
  }
  if (derived != 0) direct_.derive(here_, derived);
  const auto quarter = [](int i) {
    return PartitionRectangle{static_cast<std::uint8_t>(i % 2 * 2), static_cast<std::uint8_t>(i / 2 * 2), 2, 2};
  };
  for (int list = 0; list < 2; ++list) {
    for (int i = 0; i < 4; ++i) {
      if (derived >> i & 1) continue;
      const PartitionRectangle part = quarter(i);
      const bool used = types[i].uses >> list & 1;
      set_references(list, part, !used ? -1 : references_are_zero ? 0 : read_reference(list, part.x, part.y));
    }
  }
  for (int list = 0; list < 2; ++list) {
    for (int i = 0; i < 4; ++i) {
      if (!(types[i].uses >> list & 1)) continue;
      const PartitionRectangle whole = quarter(i);
      for (int j = 0; j < kSubParts[types[i].shape]; ++j) {
        PartitionRectangle part = kSubPartitions[types[i].shape][j];
        part.x = static_cast<std::uint8_t>(part.x + whole.x);
        part.y = static_cast<std::uint8_t>(part.y + whole.y);
        read_vector(list, part, kQuarters, j);
      }
    }
  }
  return may_transform_8x8;
}

// coded_block_pattern, and of inter macroblocks transform_size_8x8_flag behind it.
template <class Syntax>
void SliceData<Syntax>::read_pattern(bool may_transform_8x8) {
  const int pattern = syntax_.coded_pattern(near_, state_.intra);
  state_.luma_coded = pattern & 15;
  state_.chroma_coded = static_cast<std::uint8_t>(pattern >> 4);
  if (may_transform_8x8 && state_.luma_coded != 0 && slice_.header.pps->transform_8x8) {
    state_.transform_8x8 = syntax_.transform_8x8(near_);
  }
}

template <class Syntax>
void SliceData<Syntax>::read_residual(bool intra_16x16) {
  if (state_.luma_coded == 0 && state_.chroma_coded == 0 && !intra_16x16) {
    delta_not_zero_ = false;
    return;
  }
  const int delta = syntax_.qp_delta(delta_not_zero_);
  delta_not_zero_ = delta != 0;
  qp_ = (qp_ + delta + 52) % 52;
  if (intra_16x16 && syntax_.luma_dc(near_) != 0) state_.dc_coded |= 1;
  read_luma(intra_16x16);
  if (state_.chroma_coded != 0) read_chroma();
}

template <class Syntax>
void SliceData<Syntax>::read_luma(bool without_dc) {
  for (int quarter = 0; quarter < 4; ++quarter) {
    if (!(state_.luma_coded >> quarter & 1)) continue;
    const int left = quarter % 2 * 2, top = quarter / 2 * 2;
    std::uint8_t* const out = state_.coefficients[0] + 4 * top + left;
    if (Syntax::kWhole8x8 && state_.transform_8x8) {
      const auto count = static_cast<std::uint8_t>(std::min(syntax_.luma_8x8(), 16));
      out[0] = out[1] = out[4] = out[5] = count;
      continue;
    }
    for (int i = 0; i < 4; ++i) {
      const int x = i % 2, y = i / 2;
      out[4 * y + x] = static_cast<std::uint8_t>(syntax_.luma(near_, left + x, top + y, without_dc));
    }
  }
}

template <class Syntax>
void SliceData<Syntax>::read_chroma() {
  for (int plane = 1; plane < 3; ++plane) {
    if (syntax_.chroma_dc(near_, plane) != 0) state_.dc_coded = static_cast<std::uint8_t>(state_.dc_coded | 1 << plane);
  }
  if (state_.chroma_coded != 2) return;
  for (int plane = 1; plane < 3; ++plane) {
    for (int i = 0; i < 4; ++i) {
      state_.coefficients[plane][i] = static_cast<std::uint8_t>(syntax_.chroma_ac(near_, plane, i % 2, i / 2));
    }
  }
}

}  // namespace

int read_slice_data(const SliceContext& slice, BitReader bits) {
  if (slice.header.pps->cabac) return SliceData<CabacSyntax>(slice, bits).read();
  return SliceData<CavlcSyntax>(slice, bits).read();
}

}  // namespace ns_ray::h264
