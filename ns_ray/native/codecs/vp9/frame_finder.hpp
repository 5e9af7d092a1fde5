// Finds the coded frames of packets that have no superframe index (VP9 specification, annex B).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "header.hpp"

namespace ns_ray::vp9 {

// Where a frame ends that is not the last of its packet, only parsing all its blocks tells. But where another seems to
// begin shows: there is a header that fits what the reference slots hold; after it a compressed header that, parsed, ends
// in zeros within the last of the bytes it claims; and tiles that begin with a zero bit. Random bytes look like that once
// in some 100 MB, so that of the usual packets, of one frame each, nothing but headers need be followed.
class FrameFinder {
 public:
  explicit FrameFinder(std::int64_t max_pixels) : max_pixels_(max_pixels) {}

  // Takes the next frame. One whose header cannot be read changes nothing.
  void follow(std::span<const std::uint8_t> frame);

  // Where the frames of a packet without an index begin: at 0, and where others seem to follow; no more than an index
  // could list. It changes nothing.
  std::vector<std::size_t> find(std::span<const std::uint8_t> packet) const;

 private:
  std::size_t next_frame(std::span<const std::uint8_t> data, HeaderState& state) const;

  std::int64_t max_pixels_;
  HeaderState state_;
};

}  // namespace ns_ray::vp9
