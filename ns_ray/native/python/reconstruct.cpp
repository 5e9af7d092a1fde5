// The Python face of the reconstruction; ns_ray/client/reconstruct.py wraps it.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <new>
#include <string>

#include "codecs/vp9/predictor.hpp"
#include "reconstructor.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace ns_ray::reconstruction {
namespace {

using Bytes = nb::ndarray<const std::uint8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Samples = nb::ndarray<const std::uint8_t, nb::ndim<2>, nb::device::cpu>;
using Planes = std::array<Samples, 3>;
using Out = nb::ndarray<nb::numpy, const std::uint8_t, nb::ndim<2>>;

PictureView view(const Planes& planes) {
  PictureView picture;
  for (int i = 0; i < 3; ++i) {
    const Samples& plane = planes[i];
    if (plane.stride(1) != 1 && plane.shape(1) > 1) throw Refused("the samples of a row must lie side by side");
    if (plane.shape(0) > (1 << 20) || plane.shape(1) > (1 << 20)) throw Refused("a plane is too large");
    picture[i] = {plane.data(), static_cast<int>(plane.shape(1)), static_cast<int>(plane.shape(0)), plane.stride(0)};
  }
  return picture;
}

// Read-only views: the same memory serves as a reference.
nb::tuple arrays(const Picture& picture, int width, int height) {
  const auto array = [&](int i) {
    const Plane& plane = picture.planes[i];
    const auto owner = [&] {
      return nb::capsule(new std::shared_ptr<std::uint8_t[]>(picture.memory),
                         [](void* p) noexcept { delete static_cast<std::shared_ptr<std::uint8_t[]>*>(p); });
    };
    const auto rows = static_cast<std::size_t>(i ? (height + 1) / 2 : height);
    const auto columns = static_cast<std::size_t>(i ? (width + 1) / 2 : width);
    return Out(plane.data, {rows, columns}, owner(), {plane.width, 1});
  };
  return nb::make_tuple(array(0), array(1), array(2));
}

// By ns_ray.codecs.motion_field.Prediction.
const Predictor& predictor_of(int prediction) {
  if (prediction != 0) throw Refused("there is no prediction " + std::to_string(prediction));
  return vp9::kPredictor;
}

FrameInput input_of(const Bytes& blocks, int width, int height, int refreshed, int prediction, const Planes& lr,
                    const std::optional<Planes>& anchor) {
  if (blocks.shape(0) % sizeof(Block)) throw Refused("the blocks are not whole");
  FrameInput input;
  input.width = width;
  input.height = height;
  input.refreshed = static_cast<std::uint16_t>(refreshed);
  input.blocks = {reinterpret_cast<const Block*>(blocks.data()), blocks.shape(0) / sizeof(Block)};
  input.predictor = &predictor_of(prediction);
  input.lr = view(lr);
  if (anchor) input.anchor = view(*anchor);
  return input;
}

}  // namespace
}  // namespace ns_ray::reconstruction

NB_MODULE(_reconstruct, m) {
  using namespace ns_ray::reconstruction;
  m.def("has_avx2", &has_avx2);
  nb::class_<Reconstructor>(m, "Reconstructor")
      .def(
          "__init__",
          [](Reconstructor* self, int scale, bool best, int threads, bool simd, const nb::dict& tuning) {
            Tuning t;
            for (auto [key, value] : tuning) t.set(nb::cast<std::string>(key), static_cast<float>(nb::cast<double>(nb::float_(value))));
            new (self) Reconstructor(scale, best, threads, simd, t);
          },
          "scale"_a, "best"_a, "threads"_a, "simd"_a, "tuning"_a = nb::dict())
      .def(
          "frame",
          [](Reconstructor& self, const Bytes& blocks, int width, int height, int refreshed, int prediction,
             const Planes& lr, const std::optional<Planes>& anchor, bool teach) {
            FrameInput input = input_of(blocks, width, height, refreshed, prediction, lr, anchor);
            input.teach = teach;
            Picture hr;
            {
              const nb::gil_scoped_release release;
              hr = self.frame(input);
            }
            return arrays(hr, width * self.scale(), height * self.scale());
          },
          "blocks"_a, "width"_a, "height"_a, "refreshed"_a, "prediction"_a, "lr"_a, "anchor"_a.none(), "teach"_a = true)
      .def(
          "predict",
          [](Reconstructor& self, const Bytes& blocks, int width, int height, int prediction, const Planes& lr) {
            const FrameInput input = input_of(blocks, width, height, 0, prediction, lr, std::nullopt);
            Prediction made;
            {
              const nb::gil_scoped_release release;
              made = self.predict(input);
            }
            return nb::make_tuple(arrays(made.lr, width, height),
                                  arrays(made.hr, width * self.scale(), height * self.scale()));
          },
          "blocks"_a, "width"_a, "height"_a, "prediction"_a, "lr"_a)
      .def("show", [](const Reconstructor& self, int slot) {
        const auto [width, height] = self.size(slot);
        return arrays(self.show(slot), width * self.scale(), height * self.scale());
      });
}
