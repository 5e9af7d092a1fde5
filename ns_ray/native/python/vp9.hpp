// Binding of the VP9 headers, in a file of its own.
#pragma once

#include <nanobind/nanobind.h>

#include "buffer.hpp"

namespace ns_ray::vp9 {

namespace nb = nanobind;

void bind_headers(nb::module_& m);

}  // namespace ns_ray::vp9
