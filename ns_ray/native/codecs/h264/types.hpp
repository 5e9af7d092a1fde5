// Small types and limits shared by the parser.
#pragma once

#include <cstdint>
#include <stdexcept>

namespace ns_ray::h264 {

// A coded picture does not follow the specification.
struct BitstreamError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// It does, but uses what this parser leaves out.
struct Unsupported : BitstreamError {
  using BitstreamError::BitstreamError;
};

// A picture needs one that was never there or is damaged: it is not damaged itself.
struct MissingReference : BitstreamError {
  using BitstreamError::BitstreamError;
};

#ifdef NS_RAY_FUZZ
inline bool slice_ends_matter = true;  // a fuzzer does not guess them, and its frames would leave nothing to later ones
#else
constexpr bool slice_ends_matter = true;
#endif

constexpr int kMaxReferences = 16;  // of a frame, and in a list of one (section 7.4.3)
constexpr int kMaxSide = 16384;     // luma samples
constexpr int kMaxSlices = 2048;    // of a picture

enum SliceType : std::uint8_t { kP, kB, kI };  // as slice_type % 5

struct Mv {
  std::int16_t row = 0, column = 0;  // quarter luma samples
  bool operator==(const Mv&) const = default;
};

}  // namespace ns_ray::h264
