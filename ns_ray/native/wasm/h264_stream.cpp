#include <string>
#include <typeinfo>
#include <utility>

#include "codecs/h264/motion_field.hpp"
#include "codecs/h264/parser.hpp"
#include "codecs/h264/predictor.hpp"
#include "coded_stream.hpp"

namespace ns_ray::wasm {
namespace {

class H264Stream final : public CodedStream {
 public:
  H264Stream(std::span<const std::uint8_t> record, std::int64_t most_samples)
      : CodedStream(h264::kPredictor), parser_(most_samples) {
    parser_.configure(record);
  }

  std::optional<CodedFrame> parse(std::span<const std::uint8_t> data, bool) override {
    const std::vector<h264::ParsedFrame> parsed = parser_.parse(data);
    if (parsed.empty()) return {};
    if (parsed.size() > 1) {
      throw h264::BitstreamError("its packet holds " + std::to_string(parsed.size()) + " frames, and only packets of one are supported");
    }
    return coded(parsed.front(), data.size());
  }

  Failure meaning(const std::exception& error) const override {
    if (typeid(error) == typeid(h264::Unsupported)) return kUnsupported;
    return typeid(error) == typeid(h264::MissingReference) ? kMissing : kDamaged;
  }

 private:
  static CodedFrame coded(const h264::ParsedFrame& parsed, std::size_t size) {
    const h264::Sps& sps = *parsed.sps;
    h264::MotionField field = h264::motion_field(parsed);
    CodedFrame frame;
    frame.facts = {
        .size = static_cast<std::int32_t>(size),
        .width = sps.width(),
        .height = sps.height(),
        .left = sps.crop_left,
        .top = sps.crop_top,
        .whole_width = 16 * sps.columns,
        .whole_height = 16 * sps.rows,
        .refreshed = parsed.slot < 0 ? 0 : 1 << parsed.slot,
        .needed = 0,
        .shown = 1,
        .existing = -1,
        .key = parsed.type == h264::kKeyFrame,
        .matrix = sps.matrix,
        .full_range = sps.full_range,
    };
    // Its lists may name more than it is predicted from.
    for (const Block& block : field.blocks)
      for (const int slot : block.slot)
        if (slot >= 0) frame.facts.needed |= 1 << slot;
    frame.blocks = std::move(field.blocks);
    frame.weights = std::move(field.weights);
    return frame;
  }

  h264::FrameParser parser_;
};

}  // namespace

std::unique_ptr<CodedStream> h264_stream(std::span<const std::uint8_t> record, std::int64_t most_samples) {
  return std::make_unique<H264Stream>(record, most_samples);
}

}  // namespace ns_ray::wasm
