// What the player asks of a codec: the frames of one stream, in decode order.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "codecs/motion_field.hpp"
#include "reconstruction/predictor.hpp"

namespace ns_ray::wasm {

// What the page is told of a frame, as 32 bit numbers.
struct Facts {
  std::int32_t size;  // bytes it takes of the data
  std::int32_t width, height;
  std::int32_t left, top, whole_width, whole_height;  // what was coded is larger, with so many samples before the picture
  std::int32_t refreshed;  // bit i: it replaces slot i
  std::int32_t needed;     // bit i: it is predicted from slot i
  std::int32_t shown;
  std::int32_t existing;  // the slot that it shows and does nothing else, or -1
  std::int32_t key;
  std::int32_t matrix;  // of its colours, an H.273 code; 2 where it is not said
  std::int32_t full_range;
};

struct CodedFrame {
  Facts facts{};
  std::vector<Block> blocks;
  std::vector<Weights> weights;
};

// What became of a frame that could not be parsed, as the page is told.
enum Failure : std::int32_t {
  kDamaged = -1,
  kUnsupported = -2,  // the stream is of a kind that is not rebuilt
  kMissing = -3,      // it refers to a frame that never came, and is not damaged itself
};

class CodedStream {
 public:
  explicit CodedStream(const reconstruction::Predictor& predictor) : predictor(predictor) {}
  virtual ~CodedStream() = default;

  const reconstruction::Predictor& predictor;

  // The frame that the data begin with; nothing where they hold none. Where it is alone, nothing but zeros may follow it.
  // Throws where it cannot be parsed, and goes on with those behind it as its codec lets it.
  virtual std::optional<CodedFrame> parse(std::span<const std::uint8_t> data, bool alone) = 0;

  // What such an error means; by its type, as no `catch` tells types apart here (runtime.cpp).
  virtual Failure meaning(const std::exception& error) const = 0;
};

// Streams whose largest frame has so many luma samples; the record of H.264 is that of AVCC.
std::unique_ptr<CodedStream> vp9_stream(std::int64_t most_samples);
std::unique_ptr<CodedStream> h264_stream(std::span<const std::uint8_t> record, std::int64_t most_samples);

}  // namespace ns_ray::wasm
