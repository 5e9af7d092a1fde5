// Coefficient tokens: read, not transformed (VP9 specification, sections 6.4.22 to 6.4.24; contexts: section 9.3.2).
#include <algorithm>
#include <bit>

#include "flags.hpp"
#include "tile.hpp"

namespace ns_ray::vp9 {
namespace {

// Intra modes to transform types: 0 DCT both ways, 1 ADST down, 2 ADST across, 3 ADST both ways.
constexpr int kTransformTypes[kIntraModes] = {0, 1, 2, 0, 3, 1, 2, 2, 1, 3};

constexpr auto kBandsOf4x4 = std::to_array<std::uint8_t>({0, 1, 1, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 5, 5, 5});
constexpr auto kBands = [] {
  std::array<std::uint8_t, 1024> bands{};
  for (int i = 0; i < 1024; ++i) bands[i] = i == 0 ? 0 : i < 3 ? 1 : i < 6 ? 2 : i < 10 ? 3 : i < 21 ? 4 : 5;
  return bands;
}();

// Bits that follow the large tokens, from the highest.
constexpr Prob kCategory3[] = {173, 148, 140};
constexpr Prob kCategory4[] = {176, 155, 140, 135};
constexpr Prob kCategory5[] = {180, 157, 141, 134, 130};
constexpr Prob kCategory6[] = {255, 255, 255, 255, 254, 254, 254, 252, 249,
                               243, 230, 196, 177, 153, 140, 133, 130, 129};

template <std::size_t kBits>
[[gnu::always_inline]] inline void skip_bits(BoolDecoder& decoder, const Prob (&probabilities)[kBits], int first = 0) {
  for (std::size_t i = first; i < kBits; ++i) decoder.read(probabilities[i]);
}

// Reads the part of a token above one and returns its weight as a neighbour.
[[gnu::always_inline]] inline std::uint8_t read_large_token(BoolDecoder& decoder, const Prob* p, int bit_depth) {
  if (!decoder.read(p[0])) {
    if (!decoder.read(p[1])) return 2;
    decoder.read(p[2]);  // three or four
    return 3;
  }
  if (!decoder.read(p[3])) {
    if (!decoder.read(p[4])) {
      decoder.read(159);
    } else {
      decoder.read(165);
      decoder.read(145);
    }
    return 4;
  }
  if (!decoder.read(p[5])) {
    if (!decoder.read(p[6])) {
      skip_bits(decoder, kCategory3);
    } else {
      skip_bits(decoder, kCategory4);
    }
  } else if (!decoder.read(p[7])) {
    skip_bits(decoder, kCategory5);
  } else {
    skip_bits(decoder, kCategory6, 12 - bit_depth);
  }
  return 5;
}

}  // namespace

// Returns how many positions were coded, zeros included.
template <int kTx>
int TileParser::read_tokens(int plane, const ScanEntry* scan, int context, std::uint32_t& nonzero) {
  constexpr int kPositions = 16 << (2 * kTx);
  constexpr const std::uint8_t* kBandOf = kTx == kTx4 ? kBandsOf4x4.data() : kBands.data();
  const bool chroma = plane > 0;
  const bool inter = block_->is_inter();
  const auto& probabilities = frame_.probabilities.coef[kTx][chroma][inter];
  auto& counts = frame_.counts.coef[kTx][chroma][inter];
  auto& more_coefs = frame_.counts.more_coefs[kTx][chroma][inter];
  const int bit_depth = frame_.header.color.format.bit_depth;
  std::uint8_t weights[kPositions];
  BoolDecoder decoder = bool_;  // a local copy stays in registers
  int position = 0;
  bool may_end = true;
  for (; position < kPositions; ++position) {
    const int band = kBandOf[position];
    if (position > 0) context = (1 + weights[scan[position].a] + weights[scan[position].b]) >> 1;
    const Prob(&p)[3] = probabilities[band][context];
    Count(&n)[4] = counts[band][context];
    if (may_end) {
      ++more_coefs[band][context];
      if (!decoder.read(p[0])) {
        ++n[3];
        break;
      }
    }
    std::uint8_t& weight = weights[scan[position].position];
    if (!decoder.read(p[1])) {
      ++n[0];
      weight = 0;
      may_end = false;
      continue;
    }
    may_end = true;
    if (!decoder.read(p[2])) {
      ++n[1];
      weight = 1;
    } else {
      ++n[2];
      weight = read_large_token(decoder, kPareto[p[2]].data(), bit_depth);
    }
    decoder.read(128);  // sign
    ++nonzero;
  }
  bool_ = decoder;
  return position;
}

template <int kTx>
void TileParser::read_plane(int plane, Residual& residual) {
  constexpr int kStep = 1 << kTx;
  const ModeInfo& m = *block_;
  const int shift_x = plane > 0 ? frame_.header.color.format.subsampling_x : 0;
  const int shift_y = plane > 0 ? frame_.header.color.format.subsampling_y : 0;
  // In units of 4 samples; what lies outside the frame (rounded up to whole cells) is not coded.
  const int wide = std::min(cells_wide(m.size), frame_.columns - column_) * 2 >> shift_x;
  const int high = std::min(cells_high(m.size), frame_.rows - row_) * 2 >> shift_y;
  std::uint8_t* const above = frame_.above_nonzero[plane].data() + (column_ * 2 >> shift_x);
  std::uint8_t* const left = left_nonzero_[plane].data() + ((row_ & 7) * 2 >> shift_y);
  const bool directional = plane == 0 && !m.is_inter() && !frame_.header.lossless;
  for (int y = 0; y < high; y += kStep) {
    for (int x = 0; x < wide; x += kStep) {
      const int mode = m.sub_modes[m.size < k8x8 && plane == 0 ? 2 * y + x : 0];
      const ScanEntry* scan = kScans[kTx][directional ? kTransformTypes[mode] : 0];
      const int context = any_set<kStep>(above + x) + any_set<kStep>(left + y);
      const bool coded = read_tokens<kTx>(plane, scan, context, residual.nonzero) > 0;
      residual.coded |= coded;
      fill_run(above + x, kStep, coded);
      fill_run(left + y, kStep, coded);
      if (coded) {
        for (int i = wide; i < x + kStep; ++i) above[i] = 0;
        for (int i = high; i < y + kStep; ++i) left[i] = 0;
      }
    }
  }
}

TileParser::Residual TileParser::read_residual() {
  Residual residual;
  const ModeInfo& m = *block_;
  const FrameFormat& format = frame_.header.color.format;
  for (int plane = 0; plane < 3; ++plane) {
    int tx = m.tx_size;
    if (plane > 0) {
      const int wide = cells_wide(m.size) * 2 >> format.subsampling_x;
      const int high = cells_high(m.size) * 2 >> format.subsampling_y;
      const int largest = static_cast<int>(std::bit_width(static_cast<unsigned>(std::min(wide, high)))) - 1;
      tx = m.size < k8x8 ? kTx4 : std::min(tx, largest);
    }
    switch (tx) {
      case kTx4: read_plane<kTx4>(plane, residual); break;
      case kTx8: read_plane<kTx8>(plane, residual); break;
      case kTx16: read_plane<kTx16>(plane, residual); break;
      default: read_plane<kTx32>(plane, residual); break;
    }
  }
  return residual;
}

void TileParser::clear_residual_context() {
  const FrameFormat& format = frame_.header.color.format;
  for (int plane = 0; plane < 3; ++plane) {
    const int shift_x = plane > 0 ? format.subsampling_x : 0;
    const int shift_y = plane > 0 ? format.subsampling_y : 0;
    fill_run(frame_.above_nonzero[plane].data() + (column_ * 2 >> shift_x), cells_wide(block_->size) * 2 >> shift_x, 0);
    fill_run(left_nonzero_[plane].data() + ((row_ & 7) * 2 >> shift_y), cells_high(block_->size) * 2 >> shift_y, 0);
  }
}

}  // namespace ns_ray::vp9
