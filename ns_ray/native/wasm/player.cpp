// What the player's page calls (ns_ray/player/native.js): one stream's parser and reconstruction, in WebAssembly.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "coded_stream.hpp"
#include "codecs/h264/look.hpp"
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

struct Stream {
  Stream(std::unique_ptr<CodedStream> coded, int scale, bool best, int threads)
      : coded(std::move(coded)), reconstructor(scale, best, threads, true, {}) {}

  std::unique_ptr<CodedStream> coded;
  Reconstructor reconstructor;
  Picture shown;
};

char failure[256];  // of the last call that failed

// Calls work(); where it fails, a text is there to be read, and what meaning() makes of the error is returned.
template <typename Work, typename Meaning>
std::int32_t guarded(Work work, Meaning meaning) {
  try {
    work();
    return 0;
  } catch (const std::exception& error) {
    std::strncpy(failure, error.what(), sizeof failure - 1);
    return meaning(error);
  }
}

template <typename Work>
std::int32_t guarded(Work work) {
  return guarded(work, [](const std::exception&) { return kDamaged; });
}

// A plane of samples that go on beyond the edges of another with its outermost ones, as ns_ray/client/rebuild.py has them.
class Padded {
 public:
  Padded(const PlaneView& from, int left, int top, int width, int height)
      : samples_(static_cast<std::size_t>(width) * height), width_(width), height_(height) {
    for (int y = 0; y < height; ++y) {
      const std::uint8_t* row = from.data + std::clamp(y - top, 0, from.height - 1) * from.stride;
      std::uint8_t* to = samples_.data() + static_cast<std::size_t>(y) * width;
      for (int x = 0; x < width; ++x) to[x] = row[std::clamp(x - left, 0, from.width - 1)];
    }
  }

  PlaneView view() const { return {samples_.data(), width_, height_, width_}; }

 private:
  std::vector<std::uint8_t> samples_;
  int width_, height_;
};

// The part of a picture, `scale` times as large as its frame, that is meant to be seen.
PictureView seen(const Picture& picture, const Facts& facts, int width, int height, int scale) {
  PictureView view;
  for (int i = 0; i < 3; ++i) {
    const int half = i ? 2 : 1, left = scale * facts.left / half, top = scale * facts.top / half;
    const auto& plane = picture.planes[i];
    view[i] = {plane.at(left, top), (scale * width + half - 1) / half, (scale * height + half - 1) / half, plane.width};
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

// H.264 where there is a record, of so many bytes, VP9 where there is none.
EXPORTED Stream* open_stream(const std::uint8_t* record, std::size_t size, int scale, int best, int threads, double most_samples) {
  Stream* stream = nullptr;
  guarded([&] {
    const auto most = static_cast<std::int64_t>(most_samples);
    stream = new Stream(size ? h264_stream({record, size}, most) : vp9_stream(most), scale, best, threads);
  });
  return stream;
}

EXPORTED void close_stream(Stream* stream) { delete stream; }

// What a packet of AVCC is, whose NAL units' lengths take so many bytes: 1 where it shows a picture, and 2 where decoding
// can begin at it.
EXPORTED int look_h264(const std::uint8_t* data, std::size_t size, int length_size) {
  h264::Look look;
  guarded([&] { look = h264::look({data, size}, length_size); });
  return look.shows + 2 * look.begins;
}

// Parses the next coded frame, which is the caller's to give to drop_frame; nothing where the data hold none.
EXPORTED int parse_frame(Stream* stream, const std::uint8_t* data, std::size_t size, int alone, CodedFrame** frame, Facts* facts) {
  *frame = nullptr;
  const auto work = [&] {
    std::optional<CodedFrame> parsed = stream->coded->parse({data, size}, alone);
    if (!parsed) return;
    *facts = parsed->facts;
    *frame = new CodedFrame(std::move(*parsed));
  };
  return guarded(work, [&](const std::exception& error) { return stream->coded->meaning(error); });
}

EXPORTED void drop_frame(CodedFrame* frame) { delete frame; }

// Rebuilds the next frame from all that was decoded of it, or shows the anchor that it is.
EXPORTED int rebuild_frame(Stream* stream, const CodedFrame* frame, const PictureView* lr, const PictureView* anchor, PictureView* hr) {
  return guarded([&] {
    const Facts& facts = frame->facts;
    Reconstructor& reconstructor = stream->reconstructor;
    const int scale = reconstructor.scale();
    int width = facts.width, height = facts.height;
    if (facts.existing >= 0 && anchor) {
      *hr = *anchor;
      return;
    }
    if (facts.existing >= 0) {
      std::tie(width, height) = reconstructor.size(facts.existing);
      stream->shown = reconstructor.show(facts.existing);
    } else {
      FrameInput input;
      input.width = facts.whole_width;
      input.height = facts.whole_height;
      input.refreshed = static_cast<std::uint16_t>(facts.refreshed);
      input.blocks = frame->blocks;
      input.weights = frame->weights;
      input.predictor = &stream->coded->predictor;
      input.lr = *lr;
      std::vector<Padded> whole;
      if (anchor) {
        input.anchor = *anchor;
        for (int i = 0; i < 3 && (facts.whole_width != width || facts.whole_height != height); ++i) {
          const int half = i ? 2 : 1, left = scale * facts.left / half, top = scale * facts.top / half;
          whole.emplace_back((*anchor)[i], left, top, (*lr)[i].width * scale, (*lr)[i].height * scale);
          (*input.anchor)[i] = whole.back().view();
        }
      }
      stream->shown = reconstructor.frame(input);
    }
    *hr = seen(stream->shown, facts, width, height, scale);
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
