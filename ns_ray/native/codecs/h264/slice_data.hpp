// The macroblocks of a slice (ITU-T H.264, sections 7.3.4 and 7.3.5).
#pragma once

#include "bit_reader.hpp"
#include "slice_context.hpp"

namespace ns_ray::h264 {

// Reads the slice data, where the reader stands, into the context's motion. Returns the address behind the last
// macroblock.
// Throws BitstreamError, also where the data does not end with the last macroblock, bit for bit.
int read_slice_data(const SliceContext& slice, BitReader bits);

}  // namespace ns_ray::h264
