// NAL units: how packets hold them, and what is inside (ITU-T H.264, section 7.3.1, annex B; AVCC: ISO/IEC 14496-15).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "bit_reader.hpp"

namespace ns_ray::h264 {

enum NalType : std::uint8_t {
  kSlice = 1, kPartitionA = 2, kPartitionC = 4, kIdrSlice = 5, kSei = 6, kSps = 7, kPps = 8, kDelimiter = 9,
};

struct Nal {
  int reference_idc;
  int type;
  std::span<const std::uint8_t> payload;  // behind the one-byte header, emulation prevention still inside
  std::size_t coded_bytes;                // from the end of the one before to its own
};

// Throws BitstreamError where bytes lie before the first start code.
std::vector<Nal> split_annex_b(std::span<const std::uint8_t> packet);

// length_size: bytes of the length before each unit, 1 to 4. Throws BitstreamError where one reaches beyond the packet.
std::vector<Nal> split_avcc(std::span<const std::uint8_t> packet, int length_size);

// The AVCDecoderConfigurationRecord that goes before AVCC packets.
struct Configuration {
  int length_size;
  std::vector<Nal> parameter_sets;
};
Configuration read_configuration(std::span<const std::uint8_t> record);

// A payload without its emulation prevention bytes.
class Rbsp {
 public:
  void assign(std::span<const std::uint8_t> payload);

  // The bits before rbsp_stop_one_bit. Throws BitstreamError where there is no such bit.
  BitReader reader() const;

 private:
  std::vector<std::uint8_t> bytes_;  // with kPadding zeros
  std::size_t size_ = 0;
};

}  // namespace ns_ray::h264
