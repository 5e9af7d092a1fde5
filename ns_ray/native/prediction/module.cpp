// The Python face of the prediction; ns_ray/picture/prediction.py wraps it.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <memory>
#include <stdexcept>

#include "upscale.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace ns_ray::prediction {
namespace {

using Samples = nb::ndarray<const std::uint8_t, nb::ndim<2>, nb::device::cpu>;
using Table = nb::ndarray<const std::int16_t, nb::shape<-1, kTaps>, nb::c_contig, nb::device::cpu>;
using Out = nb::ndarray<nb::numpy, std::uint8_t, nb::ndim<2>>;

Out upscaled(const Samples& plane, int rows, int columns, const Table& weights) {
  const int scale = static_cast<int>(weights.shape(0));
  const Source source{plane.data(), static_cast<int>(plane.shape(1)), static_cast<int>(plane.shape(0)), plane.stride(0)};
  if (!source.width || !source.height || !scale) throw std::invalid_argument("there is nothing to upscale");
  if (plane.stride(1) != 1 && source.width > 1) throw std::invalid_argument("the samples of a row must lie side by side");
  if (rows < 1 || columns < 1 || rows > scale * source.height || columns > scale * source.width)
    throw std::invalid_argument("the size is not one of the scale");
  auto samples = std::make_unique<std::uint8_t[]>(static_cast<std::size_t>(rows) * columns);
  {
    const nb::gil_scoped_release release;
    upscale(source, samples.get(), columns, rows, scale, reinterpret_cast<Weights>(weights.data()));
  }
  nb::capsule owner(samples.get(), [](void* p) noexcept { delete[] static_cast<std::uint8_t*>(p); });
  std::uint8_t* const data = samples.release();
  return Out(data, {static_cast<std::size_t>(rows), static_cast<std::size_t>(columns)}, owner);
}

}  // namespace
}  // namespace ns_ray::prediction

NB_MODULE(_prediction, m) {
  m.def("upscaled", &ns_ray::prediction::upscaled, "plane"_a, "rows"_a, "columns"_a, "weights"_a);
}
