#include "cabac_syntax.hpp"

#include <algorithm>

namespace ns_ray::h264 {
namespace {

// First contexts (table 9-34); the last four are those that follow context 276 here.
enum Context : int {
  kITypePrefix = 3, kPSkip = 11, kPType = 14, kPIntra = 17, kPSubType = 21, kBSkip = 24, kBType = 27, kBIntra = 32,
  kBSubType = 36, kDifferenceColumn = 40, kDifferenceRow = 47, kReference = 54, kQpDelta = 60, kChromaMode = 64,
  kIntraMode = 68, kLumaPattern = 73, kChromaPattern = 77, kCodedBlock = 85, kSignificant = 105, kLast = 166,
  kLevel = 227, kTransform8x8 = 277, kSignificant8x8 = 280, kLast8x8 = 295, kLevel8x8 = 304,
};

// Table 9-40: by ctxBlockCat, luma DC, AC of Intra_16x16, other luma, chroma DC, chroma AC; luma 8x8 has its own bases.
constexpr int kCodedBlockOffset[5] = {0, 4, 8, 12, 16};
constexpr int kMapOffset[5] = {0, 15, 29, 44, 47};
constexpr int kLevelOffset[5] = {0, 10, 20, 30, 39};
constexpr int kCoefficients[6] = {16, 15, 16, 4, 15, 64};
enum Category { kLumaDc, kLumaAc, kLuma4x4, kChromaDc, kChromaAc, kLuma8x8 };

// Table 9-43, frame macroblocks.
constexpr std::uint8_t kSignificantIncrement[63] = {
    0,  1,  2,  3,  4,  5,  5,  4,  4,  3, 3,  4,  4,  4,  5,  5,  4,  4,  4,  4,  3,
    3,  6,  7,  7,  7,  8,  9,  10, 9,  8, 7,  7,  6,  11, 12, 13, 11, 6,  7,  8,  9,
    14, 10, 9,  8,  6,  11, 12, 13, 11, 6, 9,  14, 10, 9,  11, 12, 13, 11, 14, 10, 12};
constexpr std::uint8_t kLastIncrement[63] = {0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2,
                                             2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 4, 4,
                                             4, 4, 4, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7, 8, 8, 8};

constexpr int kPcmBits = 384 * 8;

BitReader aligned(BitReader bits) {
  while (bits.position() % 8 != 0) {
    if (!bits.bit()) throw BitstreamError("a bit of cabac_alignment_one_bit is not set");
  }
  return bits;
}

}  // namespace

CabacSyntax::CabacSyntax(BitReader bits, const SliceHeader& slice)
    : bits_(aligned(bits)), type_(slice.type), decoder_(bits_) {
  set_contexts(contexts_, slice.cabac_table, slice.qp);
}

void CabacSyntax::finish() const {
  if (!slice_ends_matter) return;
  const std::size_t stop = decoder_.position() - 1;
  // x264 sets the last bit of the last byte in every second picture, where zeros should follow the stop bit (7.3.2.11).
  const bool ends = stop == bits_.end() || (stop / 8 == bits_.end() / 8 && bits_.end() % 8 == 7);
  const int filled = ends ? bits_.data()[stop / 8] << stop % 8 & 255 : 0;
  if (filled != 128 && filled != (128 | 1 << stop % 8)) {
    throw BitstreamError("the slice data does not end with its macroblocks");
  }
}

bool CabacSyntax::skip(const Neighbourhood& here) {
  const int increment = (here.left && !here.left->skip) + (here.above && !here.above->skip);
  return bin((type_ == kP ? kPSkip : kBSkip) + increment) != 0;
}

// Table 9-36: the bins behind the first. In I slices each has its own context, elsewhere neighbours share one.
int CabacSyntax::intra_type(int first, int step, int context) {
  if (!bin(first)) return 0;
  if (decoder_.terminate()) return 25;
  int type = 1 + 12 * static_cast<int>(bin(context));
  if (bin(context + 1)) type += 4 + 4 * static_cast<int>(bin(context + 1 + step));
  type += 2 * static_cast<int>(bin(context + 2 + step));
  return type + static_cast<int>(bin(context + 2 + 2 * step));
}

int CabacSyntax::type(const Neighbourhood& here) {
  if (type_ == kI) {
    const int increment = (here.left && !here.left->intra_nxn) + (here.above && !here.above->intra_nxn);
    return intra_type(kITypePrefix + increment, 1, kITypePrefix + 3);
  }
  if (type_ == kP) {
    if (bin(kPType)) return 5 + intra_type(kPIntra, 0, kPIntra + 1);
    if (bin(kPType + 1)) return bin(kPType + 3) ? 1 : 2;
    return bin(kPType + 2) ? 3 : 0;
  }
  const int increment = (here.left && !here.left->direct) + (here.above && !here.above->direct);
  if (!bin(kBType + increment)) return 0;
  if (!bin(kBType + 3)) return 1 + static_cast<int>(bin(kBType + 5));
  unsigned code = bin(kBType + 4);
  for (int i = 0; i < 3; ++i) code = 2 * code + bin(kBType + 5);
  if (code < 8) return static_cast<int>(code) + 3;
  if (code == 13) return 23 + intra_type(kBIntra, 0, kBIntra + 1);
  if (code == 14) return 11;
  if (code == 15) return 22;
  return static_cast<int>(2 * code + bin(kBType + 5)) - 4;
}

int CabacSyntax::sub_type() {
  if (type_ == kP) {
    if (bin(kPSubType)) return 0;
    if (!bin(kPSubType + 1)) return 1;
    return bin(kPSubType + 2) ? 2 : 3;
  }
  if (!bin(kBSubType)) return 0;
  if (!bin(kBSubType + 1)) return 1 + static_cast<int>(bin(kBSubType + 3));
  int type = 3;
  if (bin(kBSubType + 2)) {
    if (bin(kBSubType + 3)) return 11 + static_cast<int>(bin(kBSubType + 3));
    type += 4;
  }
  type += 2 * static_cast<int>(bin(kBSubType + 3));
  return type + static_cast<int>(bin(kBSubType + 3));
}

bool CabacSyntax::transform_8x8(const Neighbourhood& here) {
  const int increment = (here.left && here.left->transform_8x8) + (here.above && here.above->transform_8x8);
  return bin(kTransform8x8 + increment) != 0;
}

void CabacSyntax::intra_mode() {
  if (bin(kIntraMode)) return;
  for (int i = 0; i < 3; ++i) bin(kIntraMode + 1);
}

int CabacSyntax::chroma_mode(const Neighbourhood& here) {
  const int increment = (here.left && here.left->chroma_mode != 0) + (here.above && here.above->chroma_mode != 0);
  if (!bin(kChromaMode + increment)) return 0;
  if (!bin(kChromaMode + 3)) return 1;
  return bin(kChromaMode + 3) ? 3 : 2;
}

int CabacSyntax::coded_pattern(const Neighbourhood& here, bool) {
  const unsigned left = here.left ? here.left->luma_coded : 15u, above = here.above ? here.above->luma_coded : 15u;
  const auto luma_bin = [&](bool left_coded, bool above_coded) {
    return bin(kLumaPattern + !left_coded + 2 * !above_coded);
  };
  unsigned luma = luma_bin(left & 2, above & 4);
  luma |= luma_bin(luma & 1, above & 8) << 1;
  luma |= luma_bin(left & 8, luma & 1) << 2;
  luma |= luma_bin(luma & 4, luma & 2) << 3;
  const int left_chroma = here.left ? here.left->chroma_coded : 0;
  const int above_chroma = here.above ? here.above->chroma_coded : 0;
  unsigned chroma = bin(kChromaPattern + (left_chroma != 0) + 2 * (above_chroma != 0));
  if (chroma) chroma += bin(kChromaPattern + 4 + (left_chroma == 2) + 2 * (above_chroma == 2));
  return static_cast<int>(luma | chroma << 4);
}

int CabacSyntax::qp_delta(bool previous_not_zero) {
  int code = 0;
  int context = kQpDelta + previous_not_zero;
  while (bin(context)) {
    context = kQpDelta + 2 + (code > 0);
    if (++code > 52) throw BitstreamError("mb_qp_delta is out of range");
  }
  return code & 1 ? (code + 1) / 2 : -code / 2;
}

int CabacSyntax::reference(const Neighbourhood& here, int list, int x, int y, int count) {
  const MacroblockState& current = *here.current;
  const int quarter = y / 2 * 2 + x / 2;
  const auto far = [&](const MacroblockState* state, int at) { return state && state->far_reference[list] >> at & 1; };
  const bool left = x > 0 ? far(&current, quarter - 1) : far(here.left, quarter + 1);
  const bool above = y > 0 ? far(&current, quarter - 2) : far(here.above, quarter + 2);
  int context = kReference + left + 2 * above;
  int reference = 0;
  while (bin(context)) {
    context = kReference + 4 + (reference > 0);
    if (++reference >= count) throw BitstreamError("a reference index is out of range");
  }
  return reference;
}

int CabacSyntax::difference_component(int context, int sum) {
  if (!bin(context + (sum > 2) + (sum > 32))) return 0;
  int value = 1;
  while (value < 9 && bin(context + std::min(2 + value, 6))) ++value;
  if (value == 9) {
    int bits = 3;
    while (decoder_.bypass()) {
      value += 1 << bits;
      if (++bits > 16) throw BitstreamError("a vector difference is out of range");
    }
    while (bits-- > 0) value += static_cast<int>(decoder_.bypass()) << bits;
  }
  return decoder_.bypass() ? -value : value;
}

CabacSyntax::Difference CabacSyntax::difference(const Neighbourhood& here, int list, int x, int y) {
  static constexpr std::uint8_t kNone[2] = {0, 0};
  const auto& current = here.current->difference[list];
  const auto& beside = here.left ? here.left->difference[list][4 * y + 3] : kNone;
  const auto& over = here.above ? here.above->difference[list][12 + x] : kNone;
  const auto& left = x > 0 ? current[4 * y + x - 1] : beside;
  const auto& above = y > 0 ? current[4 * y + x - 4] : over;
  const int column = difference_component(kDifferenceColumn, left[1] + above[1]);
  return {difference_component(kDifferenceRow, left[0] + above[0]), column};
}

void CabacSyntax::pcm() {
  const std::size_t start = (decoder_.position() + 7) / 8;
  if (8 * start + kPcmBits > bits_.end()) throw BitstreamError("the slice data ends early");
  bits_.skip(static_cast<unsigned>(8 * start + kPcmBits - bits_.position()));
  decoder_ = CabacDecoder(bits_);
}

// Section 9.3.3.1.1.9.
template <int kCategory>
bool CabacSyntax::block_is_coded(int left, int above, bool intra) {
  const int increment = (left < 0 ? intra : left > 0) + 2 * (above < 0 ? intra : above > 0);
  return bin(kCodedBlock + kCodedBlockOffset[kCategory] + increment) != 0;
}

template <int kCategory>
int CabacSyntax::block() {
  constexpr bool kWide = kCategory == kLuma8x8;
  constexpr int kLast8 = kCoefficients[kCategory] - 1;
  constexpr int kMap = kMapOffset[kCategory % 5];
  std::uint8_t* const significant = contexts_.data() + (kWide ? +kSignificant8x8 : kSignificant + kMap);
  std::uint8_t* const last = contexts_.data() + (kWide ? +kLast8x8 : kLast + kMap);
  std::uint8_t* const level = contexts_.data() + (kWide ? +kLevel8x8 : kLevel + kLevelOffset[kCategory % 5]);
  CabacDecoder decoder = decoder_;  // in registers
  int count = 0;
  int i = 0;
  for (; i < kLast8; ++i) {
    const int map = kWide ? kSignificantIncrement[i] : kCategory == kChromaDc ? std::min(i, 2) : i;
    if (!decoder.bin(significant[map])) continue;
    ++count;
    const int end = kWide ? kLastIncrement[i] : kCategory == kChromaDc ? std::min(i, 2) : i;
    if (decoder.bin(last[end])) break;
  }
  if (i == kLast8) ++count;  // what is left is the last coefficient
  int ones = 0, larger = 0;
  for (int left = count; left > 0; --left) {
    if (!decoder.bin(level[larger > 0 ? 0 : std::min(4, 1 + ones)])) {
      ++ones;
    } else {
      std::uint8_t& context = level[5 + std::min(4 - (kCategory == kChromaDc), larger)];
      ++larger;
      int magnitude = 2;
      while (magnitude < 15 && decoder.bin(context)) ++magnitude;
      if (magnitude == 15) {
        int bits = 0;
        while (decoder.bypass()) {
          if (++bits > 24) throw BitstreamError("a coefficient is out of range");
        }
        while (bits-- > 0) decoder.bypass();
      }
    }
    decoder.bypass();  // its sign
  }
  decoder_ = decoder;
  return count;
}

int CabacSyntax::luma_dc(const Neighbourhood& here) {
  const int left = here.left ? here.left->dc_coded & 1 : -1, above = here.above ? here.above->dc_coded & 1 : -1;
  return block_is_coded<kLumaDc>(left, above, true) ? block<kLumaDc>() : 0;
}

int CabacSyntax::luma(const Neighbourhood& here, int x, int y, bool without_dc) {
  const int left = here.left_coefficients(0, x, y, 4), above = here.above_coefficients(0, x, y, 4);
  if (without_dc) return block_is_coded<kLumaAc>(left, above, true) ? block<kLumaAc>() : 0;
  return block_is_coded<kLuma4x4>(left, above, here.current->intra) ? block<kLuma4x4>() : 0;
}

int CabacSyntax::luma_8x8() { return block<kLuma8x8>(); }

int CabacSyntax::chroma_dc(const Neighbourhood& here, int plane) {
  const int bit = 1 << plane;
  const int left = here.left ? here.left->dc_coded & bit : -1, above = here.above ? here.above->dc_coded & bit : -1;
  return block_is_coded<kChromaDc>(left, above, here.current->intra) ? block<kChromaDc>() : 0;
}

int CabacSyntax::chroma_ac(const Neighbourhood& here, int plane, int x, int y) {
  const int left = here.left_coefficients(plane, x, y, 2), above = here.above_coefficients(plane, x, y, 2);
  return block_is_coded<kChromaAc>(left, above, here.current->intra) ? block<kChromaAc>() : 0;
}

}  // namespace ns_ray::h264
