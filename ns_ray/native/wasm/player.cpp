// What the player's page calls (ns_ray/player/native.js): one stream's parser and reconstruction, in WebAssembly.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <deque>
#include <exception>
#include <tuple>
#include <utility>
#include <vector>

#include "codecs/motion_field.hpp"
#include "codecs/vp9/parser.hpp"
#include "codecs/vp9/predictor.hpp"
#include "prediction/upscale.hpp"
#include "reconstruction/reconstructor.hpp"

namespace ns_ray::wasm {
namespace {

using reconstruction::FrameInput;
using reconstruction::Picture;
using reconstruction::PictureView;
using reconstruction::PlaneView;
using reconstruction::Reconstructor;
using reconstruction::Refused;

// What the page is told of a frame, as 32 bit numbers.
struct Parsed {
  std::int32_t size;      // bytes it takes of the data
  std::int32_t width, height;
  std::int32_t refreshed;  // bit i: it replaces slot i
  std::int32_t shown;
  std::int32_t existing;   // the slot that it shows and does nothing else, or -1
  std::int32_t key;
};

struct Stream {
  Stream(int scale, bool best, int threads, std::int64_t most_samples)
      : parser(most_samples), reconstructor(scale, best, threads, true, {}) {}

  vp9::FrameParser parser;
  Reconstructor reconstructor;
  std::deque<vp9::ParsedFrame> parsed;  // whose pictures are still to come, in decode order
  Picture shown;
};

char failure[256];  // of the last call that failed

// Calls work(); -1 and a text to be read where it fails.
template <typename Work>
std::int32_t guarded(Work work) {
  try {
    work();
    return 0;
  } catch (const std::exception& error) {
    std::strncpy(failure, error.what(), sizeof failure - 1);
    return -1;
  }
}

void require_8_bit_420(const vp9::FrameHeader& header) {
  if (header.color.format != vp9::FrameFormat{}) throw Refused("only 8 bit 4:2:0 video is supported (VP9 profile 0)");
}

// What the reconstruction takes of them, as ns_ray/codecs/vp9/motion.py.
std::vector<Block> motion_of(const std::vector<vp9::Block>& blocks) {
  std::vector<Block> motion(blocks.size());
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const vp9::Block& from = blocks[i];
    Block& to = motion[i];
    to.x = from.x, to.y = from.y;
    to.width = from.width, to.height = from.height;
    to.sub_width = from.sub_width, to.sub_height = from.sub_height;
    to.filter = from.filter;
    to.skip = from.skip;
    std::copy_n(from.ref_slot, 2, to.slot);
    std::memcpy(to.mv, from.mv, sizeof to.mv);
  }
  return motion;
}

// As the page sees the planes of a picture of that size.
PictureView seen(const Picture& picture, int width, int height) {
  PictureView view;
  for (int i = 0; i < 3; ++i) {
    const auto& plane = picture.planes[i];
    view[i] = {plane.data, i ? (width + 1) / 2 : width, i ? (height + 1) / 2 : height, plane.width};
  }
  return view;
}

}  // namespace
}  // namespace ns_ray::wasm

using namespace ns_ray;
using namespace ns_ray::wasm;

#define EXPORTED extern "C" __attribute__((visibility("default")))

EXPORTED void* allocate(std::size_t bytes) {
  void* memory = nullptr;
  guarded([&] { memory = operator new(bytes); });
  return memory;
}

EXPORTED void release(void* memory) { operator delete(memory); }

EXPORTED const char* failure_text() { return failure; }

// The life of a thread of the pool.
EXPORTED void serve(int worker) { reconstruction::Pool::serve(worker); }

EXPORTED Stream* open_stream(int scale, int best, int threads, double most_samples) {
  Stream* stream = nullptr;
  guarded([&] { stream = new Stream(scale, best, threads, static_cast<std::int64_t>(most_samples)); });
  return stream;
}

EXPORTED void close_stream(Stream* stream) { delete stream; }

// Parses the next coded frame, and keeps its blocks until it is rebuilt or dropped.
EXPORTED int parse_frame(Stream* stream, const std::uint8_t* data, std::size_t size, int alone, Parsed* parsed) {
  return guarded([&] {
    vp9::ParsedFrame frame = stream->parser.parse({data, size}, alone);
    const vp9::FrameHeader& header = frame.header;
    require_8_bit_420(header);
    *parsed = {.size = static_cast<std::int32_t>(frame.size),
               .width = header.width,
               .height = header.height,
               .refreshed = header.refresh_flags,
               .shown = header.show,
               .existing = header.show_existing_slot,
               .key = header.key};
    stream->parsed.push_back(std::move(frame));
  });
}

// Passes over the frame that is the next to be rebuilt.
EXPORTED void drop_frame(Stream* stream) { stream->parsed.pop_front(); }

// Rebuilds the next frame from its decoded picture, or shows the anchor that it is.
EXPORTED int rebuild_frame(Stream* stream, const PictureView* lr, const PictureView* anchor, PictureView* hr) {
  return guarded([&] {
    if (stream->parsed.empty()) throw Refused("no frame was parsed");
    const vp9::ParsedFrame frame = std::move(stream->parsed.front());
    stream->parsed.pop_front();
    const vp9::FrameHeader& header = frame.header;
    Reconstructor& reconstructor = stream->reconstructor;
    int width = header.width, height = header.height;
    if (header.show_existing_slot >= 0 && anchor) {
      *hr = *anchor;
      return;
    }
    if (header.show_existing_slot >= 0) {
      std::tie(width, height) = reconstructor.size(header.show_existing_slot);
      stream->shown = reconstructor.show(header.show_existing_slot);
    } else {
      const std::vector<Block> motion = motion_of(frame.blocks);
      FrameInput input;
      input.width = width;
      input.height = height;
      input.refreshed = static_cast<std::uint16_t>(header.refresh_flags);
      input.blocks = motion;
      input.predictor = &vp9::kPredictor;
      input.lr = *lr;
      if (anchor) input.anchor = *anchor;
      stream->shown = reconstructor.frame(input);
    }
    *hr = seen(stream->shown, width * reconstructor.scale(), height * reconstructor.scale());
  });
}

// Makes a picture of a residual, in place: adds the prediction from the decoded LR picture (docs/hybrid-format.md).
EXPORTED int add_prediction(const PictureView* lr, const PictureView* residual, const std::int16_t* weights, int scale) {
  return guarded([&] {
    for (int i = 0; i < 3; ++i) {
      const PlaneView &from = (*lr)[i], &to = (*residual)[i];
      if (to.width > scale * from.width || to.height > scale * from.height || to.width < 1 || to.height < 1)
        throw Refused("the residual is not of the scale");
      std::vector<std::uint8_t> prediction(static_cast<std::size_t>(to.width) * to.height);
      prediction::upscale({from.data, from.width, from.height, from.stride}, prediction.data(), to.width, to.height, scale,
                          reinterpret_cast<prediction::Weights>(weights));
      for (int y = 0; y < to.height; ++y) {
        auto* row = const_cast<std::uint8_t*>(to.data) + y * to.stride;
        const std::uint8_t* predicted = prediction.data() + static_cast<std::size_t>(y) * to.width;
        for (int x = 0; x < to.width; ++x) row[x] = static_cast<std::uint8_t>(std::clamp(predicted[x] + row[x] - 128, 0, 255));
      }
    }
  });
}
