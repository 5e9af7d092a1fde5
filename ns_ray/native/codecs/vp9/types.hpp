// Small types and constants shared by the parser (VP9 specification, section 3).
#pragma once

#include <cstdint>
#include <stdexcept>

namespace ns_ray::vp9 {

using Prob = std::uint8_t;

// A coded frame does not follow the specification.
struct BitstreamError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// A frame needs one from before decoding began: it is not damaged.
struct MissingReference : BitstreamError {
  using BitstreamError::BitstreamError;
};

constexpr int kIntraModes = 10;
constexpr int kBlockSizes = 13;

enum Mode : std::uint8_t {
  kDc, kV, kH, kD45, kD135, kD117, kD153, kD207, kD63, kTm,
  kNearest, kNear, kZero, kNew,
};

enum BlockSize : std::uint8_t {
  k4x4, k4x8, k8x4, k8x8, k8x16, k16x8, k16x16, k16x32, k32x16, k32x32, k32x64, k64x32, k64x64,
};

enum Reference : std::uint8_t { kIntra, kLast, kGolden, kAltref };  // as a second reference kIntra means none

enum Partition : std::uint8_t { kNone, kHorizontal, kVertical, kSplit };

enum TxSize : std::uint8_t { kTx4, kTx8, kTx16, kTx32 };
constexpr int kTxSelect = 4;  // tx_mode: every block says its own

// As the bitstream numbers them; Block and the frame header use the specification's order (smooth, regular, sharp).
enum Filter : std::uint8_t { kRegular, kSmooth, kSharp, kBilinear, kSwitchable };

enum ReferenceMode : std::uint8_t { kSingle, kCompound, kReferenceSelect };

enum SegmentFeature { kAltQ, kAltLoopFilter, kSegmentReference, kSegmentSkip };

// log2 of width and height in units of 4 samples.
constexpr std::uint8_t kWidthLog2[kBlockSizes] = {0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4};
constexpr std::uint8_t kHeightLog2[kBlockSizes] = {0, 1, 0, 1, 2, 1, 2, 3, 2, 3, 4, 3, 4};

// In units of 8 samples, at least one.
constexpr int cells_wide(BlockSize size) { return size < k8x8 ? 1 : 1 << (kWidthLog2[size] - 1); }
constexpr int cells_high(BlockSize size) { return size < k8x8 ? 1 : 1 << (kHeightLog2[size] - 1); }

struct Mv {
  std::int16_t row = 0, column = 0;
  bool operator==(const Mv&) const = default;
};

}  // namespace ns_ray::vp9
