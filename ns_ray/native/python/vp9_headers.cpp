// The Python face of uncompressed headers: read as they are asked for, nothing is copied before.
#include <nanobind/nanobind.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/optional.h>

#include <array>
#include <optional>

#include "vp9.hpp"
#include "header_reader.hpp"

namespace ns_ray::vp9 {
namespace {

using namespace nb::literals;

std::optional<int> show_existing(const FrameHeader& header) {
  return header.show_existing_slot < 0 ? std::nullopt : std::optional(header.show_existing_slot);
}

std::array<bool, 3> sign_bias(const FrameHeader& header) {
  return {header.sign_bias[kLast], header.sign_bias[kGolden], header.sign_bias[kAltref]};
}

auto features(const Segmentation& segmentation) {
  std::array<std::array<std::optional<int>, 4>, 8> features;
  for (int i = 0; i < 8; ++i) {
    for (int j = 0; j < 4; ++j) {
      if (segmentation.feature_enabled[i][j]) features[i][j] = segmentation.feature_data[i][j];
    }
  }
  return features;
}

}  // namespace

void bind_headers(nb::module_& m) {
  m.attr("MAX_PIXELS") = kMaxPixels;

  nb::class_<ColorConfig>(m, "ColorConfig", R"(Sample format (section 7.2.2).

Attributes:
    bit_depth: 8, 10 or 12.
    color_space: its code; 1, BT.601, where the frame has no field for it.
    full_range: whether samples take their whole range.
    subsampling_x, subsampling_y: log2 of the chroma subsampling.
    format: bit depth and subsampling: what a frame and its references have in common.)")
      .def_prop_ro("bit_depth", [](const ColorConfig& c) { return c.format.bit_depth; })
      .def_ro("color_space", &ColorConfig::color_space)
      .def_ro("full_range", &ColorConfig::full_range)
      .def_prop_ro("subsampling_x", [](const ColorConfig& c) { return c.format.subsampling_x; })
      .def_prop_ro("subsampling_y", [](const ColorConfig& c) { return c.format.subsampling_y; })
      .def_prop_ro("format", [](const ColorConfig& c) {
        return nb::make_tuple(c.format.bit_depth, c.format.subsampling_x, c.format.subsampling_y);
      });

  nb::class_<Segmentation>(m, "Segmentation", R"(Segmentation parameters (section 7.2.10), the features as they are in force.

Attributes:
    enabled: whether there are segments.
    update_map: whether the frame codes a map of them, with tree_probs.
    temporal_update: whether that map is predicted, with pred_probs.
    absolute: whether features replace what the frame says, or add to it.
    features: by segment quantiser, loop filter, reference frame and skip: a value, or None where not active.)")
      .def_ro("enabled", &Segmentation::enabled)
      .def_ro("update_map", &Segmentation::update_map)
      .def_ro("temporal_update", &Segmentation::temporal_update)
      .def_ro("tree_probs", &Segmentation::tree_probs)
      .def_ro("pred_probs", &Segmentation::predicted_probs)
      .def_ro("absolute", &Segmentation::absolute)
      .def_prop_ro("features", &features);

  nb::class_<FrameHeader>(m, "FrameHeader", R"(One uncompressed header (sections 6.2 and 7.2).

With show_existing set, only profile and show mean anything, and size and color, which are those of the frame shown.

Attributes:
    profile: 0 to 3.
    show: whether a decoder outputs it.
    show_existing: the reference slot shown, where the frame does nothing else; or None.
    key: a key frame.
    intra_only: not a key frame, but without references all the same.
    intra: either of them.
    independent: sets all probabilities anew, so that its symbols can be read whatever came before.
    error_resilient: depends on no probabilities or vectors of earlier frames.
    reset_context: reset_frame_context, as coded.
    color: a ColorConfig.
    width, height: luma samples.
    render_width, render_height: meant for display.
    refreshed: reference slots it replaces, bit i for slot i.
    needed: reference slots it builds on, or shows, bit i for slot i.
    ref_slots: slots of LAST, GOLDEN and ALTREF; -1 in intra frames.
    sign_bias: whether they lie in the future. In error-resilient frames it counts as False, whatever was coded.
    high_precision: vectors count eighths of samples.
    interpolation: an Interpolation.
    refresh_context: whether its probabilities are kept.
    parallel: its probabilities are not adapted to its content.
    context: number of the probabilities it goes on from, as coded.
    loop_filter_level, loop_filter_sharpness: 0 to 63, 0 to 7.
    ref_deltas, mode_deltas: of the loop filter, as they are in force.
    base_qindex: quantiser index, 0 to 255.
    qindex_deltas: of luma DC, chroma DC and chroma AC.
    lossless: coded without loss, where no segment changes the index.
    segmentation: a Segmentation.
    tile_columns, tile_rows: how many.
    header_bytes, compressed_header_bytes: sizes of this header, and of the compressed one behind it.)")
      .def_ro("profile", &FrameHeader::profile)
      .def_ro("show", &FrameHeader::show)
      .def_prop_ro("show_existing", &show_existing)
      .def_ro("key", &FrameHeader::key)
      .def_ro("intra_only", &FrameHeader::intra_only)
      .def_prop_ro("intra", &FrameHeader::intra)
      .def_prop_ro("independent", [](const FrameHeader& h) { return h.contexts_reset() == kAllContexts; })
      .def_ro("error_resilient", &FrameHeader::error_resilient)
      .def_ro("reset_context", &FrameHeader::reset_frame_context)
      .def_ro("color", &FrameHeader::color)
      .def_ro("width", &FrameHeader::width)
      .def_ro("height", &FrameHeader::height)
      .def_ro("render_width", &FrameHeader::render_width)
      .def_ro("render_height", &FrameHeader::render_height)
      .def_ro("refreshed", &FrameHeader::refresh_flags)
      .def_prop_ro("needed", &FrameHeader::needed_slots)
      .def_ro("ref_slots", &FrameHeader::reference_slots)
      .def_prop_ro("sign_bias", &sign_bias)
      .def_ro("high_precision", &FrameHeader::allow_high_precision)
      .def_prop_ro("interpolation", [](const FrameHeader& h) { return specification_filter(h.filter); })
      .def_ro("refresh_context", &FrameHeader::refresh_frame_context)
      .def_ro("parallel", &FrameHeader::frame_parallel)
      .def_ro("context", &FrameHeader::frame_context)
      .def_ro("loop_filter_level", &FrameHeader::loop_filter_level)
      .def_ro("loop_filter_sharpness", &FrameHeader::loop_filter_sharpness)
      .def_prop_ro("ref_deltas", [](const FrameHeader& h) { return h.deltas.reference; })
      .def_prop_ro("mode_deltas", [](const FrameHeader& h) { return h.deltas.mode; })
      .def_ro("base_qindex", &FrameHeader::base_qindex)
      .def_ro("qindex_deltas", &FrameHeader::qindex_deltas)
      .def_ro("lossless", &FrameHeader::lossless)
      .def_ro("segmentation", &FrameHeader::segmentation)
      .def_prop_ro("tile_columns", [](const FrameHeader& h) { return 1 << h.tile_columns_log2; })
      .def_prop_ro("tile_rows", [](const FrameHeader& h) { return 1 << h.tile_rows_log2; })
      .def_ro("header_bytes", &FrameHeader::size)
      .def_ro("compressed_header_bytes", &FrameHeader::compressed_header_size);

  nb::class_<HeaderReader>(m, "HeaderParser", R"(Parses the headers of one stream in decode order, keeping what later headers refer to.

Args:
    max_pixels: the largest frame whose header is taken.)")
      .def(nb::init<std::int64_t>(), "max_pixels"_a = kMaxPixels)
      .def("parse", [](HeaderReader& reader, nb::handle frame) { return reader.read(Buffer(frame).bytes()); }, "frame"_a,
           R"(Parse the header of the next coded frame.

Args:
    frame: one coded frame (an element of a superframe).

Raises:
    MissingReferenceError: it refers to a slot that nothing has filled.
    BitstreamError: the header breaks the specification, uses a reserved value, is that of a frame larger than
        max_pixels, or builds on probabilities that nothing has set.
    In any case the state is then as it was before.)");
}

}  // namespace ns_ray::vp9
