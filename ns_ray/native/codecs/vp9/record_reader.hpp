// What anchor selection knows of coded frames, from their headers alone (ns_ray/codecs/vp9/records.py).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "header_reader.hpp"

namespace ns_ray::vp9 {

enum class FrameType : int { kKey, kAltref, kNormal };

// One coded frame of a packet.
struct FrameRecord {
  int super_index = 0;
  FrameType type = FrameType::kNormal;
  std::size_t size = 0;
  bool shown = false;
  int refreshed = 0;
  bool existing = false;
  int width = 0, height = 0;
  bool lower_layer = false;
};

class RecordReader {
 public:
  explicit RecordReader(std::int64_t max_pixels) : headers_(max_pixels) {}

  // The records of the next packet's frames in decode order, but of those that are neither shown nor kept. There are none
  // where a frame is damaged, and then nothing before it counts any more, or where one refers to others than came.
  std::vector<FrameRecord> read(std::span<const std::span<const std::uint8_t>> frames);

  // Forgets what came before, as behind damage.
  void restart() { headers_.restart(); }

 private:
  HeaderReader headers_;
};

}  // namespace ns_ray::vp9
