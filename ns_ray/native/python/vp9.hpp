// What the Python faces of the parsers have in common.
#pragma once

#include <nanobind/nanobind.h>

#include "buffer.hpp"

namespace ns_ray::vp9 {

namespace nb = nanobind;

void bind_headers(nb::module_& m);

}  // namespace ns_ray::vp9
