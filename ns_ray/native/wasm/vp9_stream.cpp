#include <algorithm>
#include <cstring>
#include <iterator>
#include <typeinfo>

#include "codecs/vp9/parser.hpp"
#include "codecs/vp9/predictor.hpp"
#include "coded_stream.hpp"
#include "reconstruction/reconstructor.hpp"

namespace ns_ray::wasm {
namespace {

constexpr int kMatrices[] = {2, 5, 1, 6, 7, 9};  // color_space (section 7.2.2) as matrices of H.273

class Vp9Stream final : public CodedStream {
 public:
  explicit Vp9Stream(std::int64_t most_samples) : CodedStream(vp9::kPredictor), parser_(most_samples) {}

  std::optional<CodedFrame> parse(std::span<const std::uint8_t> data, bool alone) override {
    const vp9::ParsedFrame parsed = parser_.parse(data, alone);
    const vp9::FrameHeader& header = parsed.header;
    if (header.color.format != vp9::FrameFormat{}) throw reconstruction::Refused("only 8 bit 4:2:0 video is supported (VP9 profile 0)");
    CodedFrame frame;
    frame.facts = {
        .size = static_cast<std::int32_t>(parsed.size),
        .width = header.width,
        .height = header.height,
        .left = 0,
        .top = 0,
        .whole_width = header.width,
        .whole_height = header.height,
        .refreshed = header.refresh_flags,
        .needed = header.needed_slots(),
        .shown = header.show,
        .existing = header.show_existing_slot,
        .key = header.key,
        .matrix = header.color.color_space < static_cast<int>(std::size(kMatrices)) ? kMatrices[header.color.color_space] : 2,
        .full_range = header.color.full_range,
    };
    frame.blocks.resize(parsed.blocks.size());
    std::ranges::transform(parsed.blocks, frame.blocks.begin(), motion);
    return frame;
  }

  Failure meaning(const std::exception& error) const override {
    if (typeid(error) == typeid(reconstruction::Refused)) return kUnsupported;
    return typeid(error) == typeid(vp9::MissingReference) ? kMissing : kDamaged;
  }

 private:
  // As ns_ray/codecs/vp9/motion.py.
  static Block motion(const vp9::Block& from) {
    Block to{};
    to.x = from.x, to.y = from.y;
    to.width = from.width, to.height = from.height;
    to.sub_width = from.sub_width, to.sub_height = from.sub_height;
    to.filter = from.filter;
    to.skip = from.skip;
    std::copy_n(from.ref_slot, 2, to.slot);
    std::memcpy(to.mv, from.mv, sizeof to.mv);
    return to;
  }

  vp9::FrameParser parser_;
};

}  // namespace

std::unique_ptr<CodedStream> vp9_stream(std::int64_t most_samples) { return std::make_unique<Vp9Stream>(most_samples); }

}  // namespace ns_ray::wasm
