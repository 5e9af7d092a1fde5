// The Python face of the parsers; ns_ray/codecs/vp9/blocks.py and header.py give it names and types.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <deque>
#include <exception>
#include <mutex>
#include <utility>
#include <vector>

#include "vp9.hpp"
#include "frame_finder.hpp"
#include "parser.hpp"
#include "record_reader.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace ns_ray::vp9 {
namespace {

// Hands a vector over as bytes, without a copy.
template <typename T>
nb::object as_array(std::vector<T>&& items) {
  auto* kept = new std::vector<T>(std::move(items));
  nb::capsule owner(kept, [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
  auto* bytes = reinterpret_cast<std::uint8_t*>(kept->data());
  return nb::cast(nb::ndarray<nb::numpy, std::uint8_t, nb::ndim<1>>(bytes, {kept->size() * sizeof(T)}, owner));
}

nb::dict as_dict(ParsedFrame&& frame) {
  const FrameHeader& h = frame.header;
  const auto& r = frame.references;
  const auto size = [](const ReferenceSlot& slot) { return nb::make_tuple(slot.width, slot.height); };
  nb::dict d;
  d["width"] = h.width;
  d["height"] = h.height;
  d["render_size"] = nb::make_tuple(h.render_width, h.render_height);
  d["profile"] = h.profile;
  d["bit_depth"] = h.color.format.bit_depth;
  d["subsampling"] = nb::make_tuple(h.color.format.subsampling_x, h.color.format.subsampling_y);
  d["show_frame"] = h.show;
  d["show_existing"] = h.show_existing_slot >= 0 ? nb::cast(h.show_existing_slot) : nb::none();
  d["key"] = h.key;
  d["intra_only"] = h.intra_only;
  d["error_resilient"] = h.error_resilient;
  d["frame_parallel"] = h.frame_parallel;
  d["refresh_flags"] = h.refresh_flags;
  d["ref_slots"] = nb::make_tuple(h.reference_slots[0], h.reference_slots[1], h.reference_slots[2]);
  d["ref_sizes"] = nb::make_tuple(size(r[0]), size(r[1]), size(r[2]));
  d["sign_bias"] = nb::make_tuple(h.sign_bias[kLast], h.sign_bias[kGolden], h.sign_bias[kAltref]);
  d["base_qindex"] = h.base_qindex;
  d["lossless"] = h.lossless;
  d["loop_filter_level"] = h.loop_filter_level;
  d["filter"] = specification_filter(h.filter);
  d["tile_columns"] = 1 << h.tile_columns_log2;
  d["tile_rows"] = 1 << h.tile_rows_log2;
  d["compound_allowed"] = h.compound_allowed();
  d["size"] = frame.size;
  d["segmentation"] = h.segmentation.enabled;
  d["segment_map"] = h.segmentation.update_map;
  d["blocks"] = as_array(std::move(frame.blocks));
  d["tiles"] = as_array(std::move(frame.tiles));
  return d;
}

class Parser {
 public:
  explicit Parser(std::int64_t max_pixels) : parser_(max_pixels) {}

  nb::dict parse(nb::handle data, bool alone) {
    const Buffer buffer(data);
    return as_dict([&] {
      nb::gil_scoped_release release;
      const std::scoped_lock lock(mutex_);
      return parser_.parse(buffer.bytes(), alone);
    }());
  }

 private:
  std::mutex mutex_;
  FrameParser parser_;
};

class Finder {
 public:
  explicit Finder(std::int64_t max_pixels) : finder_(max_pixels) {}

  void follow(nb::handle frame) { finder_.follow(Buffer(frame).bytes()); }

  nb::list find(nb::handle packet) {
    nb::list starts;
    for (const std::size_t start : finder_.find(Buffer(packet).bytes())) starts.append(start);
    return starts;
  }

 private:
  FrameFinder finder_;
};

class Records {
 public:
  explicit Records(std::int64_t max_pixels) : reader_(max_pixels) {}

  nb::list read(nb::list frames) {
    std::deque<Buffer> buffers;  // which cannot be moved
    std::vector<std::span<const std::uint8_t>> bytes;
    for (const nb::handle frame : frames) bytes.push_back(buffers.emplace_back(frame).bytes());
    nb::list records;
    for (const FrameRecord& one : reader_.read(bytes)) {
      records.append(nb::make_tuple(one.super_index, static_cast<int>(one.type), one.size, one.shown, one.refreshed,
                                    one.existing, one.width, one.height, one.lower_layer));
    }
    return records;
  }

  void restart() { reader_.restart(); }

 private:
  RecordReader reader_;
};

}  // namespace

NB_MODULE(_vp9, m) {
  nb::register_exception_translator(
      [](const std::exception_ptr& error, void*) {
        try {
          std::rethrow_exception(error);
        } catch (const MissingReference& e) {
          PyErr_SetString(nb::module_::import_("ns_ray.errors").attr("MissingReferenceError").ptr(), e.what());
        } catch (const BitstreamError& e) {
          PyErr_SetString(nb::module_::import_("ns_ray.errors").attr("BitstreamError").ptr(), e.what());
        }
      });
  m.attr("BLOCK_SIZE") = sizeof(Block);
  m.attr("TILE_SIZE") = sizeof(Tile);
  bind_headers(m);
  nb::class_<Parser>(m, "Parser")
      .def(nb::init<std::int64_t>(), "max_pixels"_a)
      .def("parse", &Parser::parse, "frame"_a, "alone"_a);
  nb::class_<Finder>(m, "FrameFinder")
      .def(nb::init<std::int64_t>(), "max_pixels"_a)
      .def("follow", &Finder::follow, "frame"_a)
      .def("find", &Finder::find, "packet"_a);
  nb::class_<Records>(m, "RecordReader")
      .def(nb::init<std::int64_t>(), "max_pixels"_a)
      .def("read", &Records::read, "frames"_a)
      .def("restart", &Records::restart);
}

}  // namespace ns_ray::vp9
