#include "cavlc_syntax.hpp"

#include <algorithm>
#include <cstdlib>

#include "cavlc_codebooks.hpp"

namespace ns_ray::h264 {
namespace {

// Table 9-4 for 4:2:0: codeNum to coded_block_pattern, of Intra_4x4 and Intra_8x8, then of inter macroblocks.
constexpr std::uint8_t kPatterns[2][48] = {
    {47, 31, 15, 0,  23, 27, 29, 30, 7,  11, 13, 14, 39, 43, 45, 46, 16, 3, 5,  10, 12, 19, 21, 26,
     28, 35, 37, 42, 44, 1,  2,  4,  8,  17, 18, 20, 24, 6,  9,  22, 25, 32, 33, 34, 36, 40, 38, 41},
    {0,  16, 1,  2,  4,  8,  32, 3,  5,  10, 12, 15, 47, 7,  11, 13, 14, 6,  9,  31, 35, 37, 42, 44,
     33, 34, 36, 40, 39, 43, 45, 46, 17, 18, 20, 24, 19, 21, 26, 28, 23, 27, 29, 30, 22, 25, 38, 41}};

constexpr int kMostTypes[3] = {30, 48, 25};  // mb_type by slice type
constexpr int kChromaDcLength = 4;

}  // namespace

bool CavlcSyntax::skip(const Neighbourhood&) {
  if (skip_run_ < 0) skip_run_ = static_cast<int>(std::min<std::uint32_t>(bits_.unsigned_code(), kMaxSide * kMaxSide));
  return skip_run_-- > 0;
}

int CavlcSyntax::type(const Neighbourhood&) {
  return bits_.unsigned_code(static_cast<std::uint32_t>(kMostTypes[type_]), "mb_type is out of range");
}

int CavlcSyntax::sub_type() {
  return bits_.unsigned_code(type_ == kP ? 3 : 12, "sub_mb_type is out of range");
}

void CavlcSyntax::intra_mode() {
  if (!bits_.bit()) bits_.skip(3);
}

int CavlcSyntax::chroma_mode(const Neighbourhood&) {
  return bits_.unsigned_code(3, "intra_chroma_pred_mode is out of range");
}

int CavlcSyntax::coded_pattern(const Neighbourhood&, bool intra) {
  return kPatterns[!intra][bits_.unsigned_code(47, "coded_block_pattern is out of range")];
}

int CavlcSyntax::qp_delta(bool) { return bits_.signed_code(-26, 25, "mb_qp_delta is out of range"); }

int CavlcSyntax::reference(const Neighbourhood&, int, int, int, int count) {
  if (count == 2) return !bits_.bit();
  return bits_.unsigned_code(static_cast<std::uint32_t>(count - 1), "a reference index is out of range");
}

CavlcSyntax::Difference CavlcSyntax::difference(const Neighbourhood&, int, int, int) {
  const auto component = [&] { return bits_.signed_code(-65536, 65536, "a vector difference is out of range"); };
  const int column = component();
  return {component(), column};
}

void CavlcSyntax::pcm() {
  const auto aligned = static_cast<unsigned>(-bits_.position() % 8);
  if (aligned != 0 && bits_.bits(aligned) != 0) throw BitstreamError("a bit of pcm_alignment_zero_bit is set");
  bits_.skip(384 * 8);
}

// Section 9.2.1: which table there is for coeff_token depends on the neighbours' coefficients.
int CavlcSyntax::block(int left, int above, int length) {
  const int around = left < 0 ? std::max(above, 0) : above < 0 ? left : (left + above + 1) / 2;
  int total, trailing_ones;
  if (around >= 8) {
    const auto code = static_cast<int>(bits_.bits(6));
    total = code == 3 ? 0 : code / 4 + 1;
    trailing_ones = code == 3 ? 0 : code % 4;
    if (trailing_ones > total) throw BitstreamError("coeff_token is out of range");
  } else {
    const Codebook::Entry token = kCoeffTokenBooks[around < 2 ? 0 : around < 4 ? 1 : 2].find(bits_.peek());
    if (token.length == 0) throw BitstreamError("coeff_token is out of range");
    bits_.skip(token.length);
    total = token.value / 4;
    trailing_ones = token.value % 4;
  }
  if (total > length) throw BitstreamError("a block has more coefficients than samples");
  if (total == 0) return 0;
  read_levels(total, trailing_ones);
  if (total == length) return total;
  const Codebook::Entry zeros = kTotalZerosBooks[total - 1].find(bits_.peek());
  if (zeros.length == 0 || zeros.value + total > length) throw BitstreamError("total_zeros is out of range");
  bits_.skip(zeros.length);
  read_runs(total, zeros.value);
  return total;
}

// Section 9.2.2: the levels.
void CavlcSyntax::read_levels(int total, int trailing_ones) {
  bits_.skip(static_cast<unsigned>(trailing_ones));
  unsigned suffix_length = total > 10 && trailing_ones < 3;
  for (int i = trailing_ones; i < total; ++i) {
    const auto prefix = static_cast<unsigned>(std::countl_zero(bits_.peek()));
    if (prefix > 25) throw BitstreamError("level_prefix is out of range");
    bits_.skip(prefix + 1);
    const unsigned size = prefix >= 15 ? prefix - 3 : prefix == 14 && suffix_length == 0 ? 4 : suffix_length;
    int code = static_cast<int>((std::min(prefix, 15u) << suffix_length) + bits_.bits(size));
    if (prefix >= 15 && suffix_length == 0) code += 15;
    if (prefix >= 16) code += (1 << (prefix - 3)) - 4096;
    if (i == trailing_ones && trailing_ones < 3) code += 2;
    if (suffix_length == 0) suffix_length = 1;
    if (suffix_length < 6 && code / 2 + 1 > 3 << (suffix_length - 1)) ++suffix_length;
  }
}

// Section 9.2.3: the zeros before each coefficient.
void CavlcSyntax::read_runs(int total, int zeros) {
  for (int i = 1; i < total && zeros > 0; ++i) {
    const Codebook::Entry run = kRunBeforeBooks[std::min(zeros, 7) - 1].find(bits_.peek());
    if (run.length == 0 || run.value > zeros) throw BitstreamError("run_before is out of range");
    bits_.skip(run.length);
    zeros -= run.value;
  }
}

int CavlcSyntax::luma_dc(const Neighbourhood& here) {
  return block(here.left_coefficients(0, 0, 0, 4), here.above_coefficients(0, 0, 0, 4), 16);
}

int CavlcSyntax::luma(const Neighbourhood& here, int x, int y, bool without_dc) {
  return block(here.left_coefficients(0, x, y, 4), here.above_coefficients(0, x, y, 4), without_dc ? 15 : 16);
}

int CavlcSyntax::chroma_dc(const Neighbourhood&, int) {
  const Codebook::Entry token = kChromaDcCoeffTokenBook.find(bits_.peek());
  if (token.length == 0) throw BitstreamError("coeff_token is out of range");
  bits_.skip(token.length);
  const int total = token.value / 4;
  if (total == 0) return 0;
  read_levels(total, token.value % 4);
  if (total == kChromaDcLength) return total;
  const Codebook::Entry zeros = kChromaDcTotalZerosBooks[total - 1].find(bits_.peek());
  bits_.skip(zeros.length);
  read_runs(total, zeros.value);
  return total;
}

int CavlcSyntax::chroma_ac(const Neighbourhood& here, int plane, int x, int y) {
  return block(here.left_coefficients(plane, x, y, 2), here.above_coefficients(plane, x, y, 2), 15);
}

}  // namespace ns_ray::h264
