// The H.264 parser as a Python module; ns_ray/codecs/h264 is its typed side.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <memory>
#include <span>
#include <vector>

#include "buffer.hpp"
#include "parser.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace ns_ray::h264 {
namespace {

// Items of a C++ array as bytes, [rows][columns * item size], which the Python side views as what they are.
template <class Owner, class Item>
nb::object view(const std::shared_ptr<Owner>& owner, const std::vector<Item>& items, std::size_t columns) {
  const nb::capsule keeper(new std::shared_ptr<Owner>(owner),
                           [](void* kept) noexcept { delete static_cast<std::shared_ptr<Owner>*>(kept); });
  const auto* const data = reinterpret_cast<const std::uint8_t*>(items.data());
  const std::initializer_list<std::size_t> shape{items.size() / columns, columns * sizeof(Item)};
  return nb::cast(nb::ndarray<nb::numpy, const std::uint8_t>(data, shape, keeper));
}

nb::dict facts_of(ParsedFrame&& parsed) {
  const auto frame = std::make_shared<const ParsedFrame>(std::move(parsed));
  const Motion& motion = *frame->motion;
  const Sps& sps = *frame->sps;
  nb::dict facts;
  const auto columns = static_cast<std::size_t>(motion.columns);
  facts["blocks"] = view(frame, motion.blocks, 4 * columns);
  facts["coded"] = view(frame, motion.coded, 4 * columns);
  facts["macroblocks"] = view(frame, motion.macroblocks, columns);
  facts["slices"] = view(frame, frame->slices, 1);
  nb::list references;
  for (const std::int64_t number : motion.references) references.append(number);
  facts["references"] = nb::tuple(references);
  facts["number"] = frame->number;
  facts["type"] = static_cast<int>(frame->type);
  facts["idr"] = frame->idr;
  facts["reference"] = frame->reference;
  facts["order"] = nb::make_tuple(frame->poc_period, frame->poc);
  facts["size"] = frame->size;
  facts["width"] = sps.width();
  facts["height"] = sps.height();
  facts["crop"] = nb::make_tuple(sps.crop_left, sps.crop_top);
  facts["profile"] = sps.profile;
  facts["level"] = sps.level;
  return facts;
}

class Parser {
 public:
  explicit Parser(std::int64_t max_pixels) : parser_(max_pixels) {}

  void configure(nb::handle record) { parser_.configure(Buffer(record).bytes()); }

  nb::list parse(nb::handle packet) {
    const Buffer buffer(packet);
    std::vector<ParsedFrame> frames;
    {
      const nb::gil_scoped_release release;
      frames = parser_.parse(buffer.bytes());
    }
    nb::list result;
    for (ParsedFrame& frame : frames) result.append(facts_of(std::move(frame)));
    return result;
  }

 private:
  FrameParser parser_;
};

}  // namespace

NB_MODULE(_h264, m) {
  nb::register_exception_translator(
      [](const std::exception_ptr& error, void*) {
        const auto set = [](const char* module, const char* name, const char* text) {
          PyErr_SetString(nb::module_::import_(module).attr(name).ptr(), text);
        };
        try {
          std::rethrow_exception(error);
        } catch (const MissingReference& e) {
          set("ns_ray.errors", "MissingReferenceError", e.what());
        } catch (const Unsupported& e) {
          set("ns_ray.codecs.h264.errors", "UnsupportedStreamError", e.what());
        } catch (const BitstreamError& e) {
          set("ns_ray.errors", "BitstreamError", e.what());
        }
      });
  m.attr("BLOCK_SIZE") = sizeof(Block);
  m.attr("MACROBLOCK_SIZE") = sizeof(Macroblock);
  m.attr("SLICE_SIZE") = sizeof(Slice);
  nb::class_<Parser>(m, "Parser")
      .def(nb::init<std::int64_t>(), "max_pixels"_a)
      .def("configure", &Parser::configure, "record"_a)
      .def("parse", &Parser::parse, "packet"_a);
}

}  // namespace ns_ray::h264
