#include "nal.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace ns_ray::h264 {
namespace {

Nal make_nal(std::span<const std::uint8_t> unit, std::size_t coded_bytes) {
  if (unit[0] & 0x80) throw BitstreamError("a NAL unit begins with forbidden_zero_bit set");
  return {unit[0] >> 5 & 3, unit[0] & 31, unit.subspan(1), coded_bytes};
}

// The next 00 00 01 from here on, or the end.
const std::uint8_t* find_start(const std::uint8_t* from, const std::uint8_t* end) {
  while (end - from >= 3) {
    const void* const one = std::memchr(from + 2, 1, static_cast<std::size_t>(end - from - 2));
    if (!one) break;
    const auto* const at = static_cast<const std::uint8_t*>(one);
    if (at[-1] == 0 && at[-2] == 0) return at - 2;
    from = at - 1;
  }
  return end;
}

}  // namespace

std::vector<Nal> split_annex_b(std::span<const std::uint8_t> packet) {
  std::vector<Nal> result;
  const std::uint8_t* const end = packet.data() + packet.size();
  const std::uint8_t* before = packet.data();
  const std::uint8_t* start = find_start(before, end);
  if (std::any_of(before, start, [](std::uint8_t byte) { return byte != 0; })) {
    throw BitstreamError("bytes lie before the first start code: it is no Annex B stream");
  }
  while (start != end) {
    const std::uint8_t* const unit = start + 3;
    const std::uint8_t* const next = find_start(unit, end);
    const std::uint8_t* last = next;  // trailing_zero_8bits, and the zero_byte of the next start code
    while (last != unit && last[-1] == 0) --last;
    if (last != unit) {
      result.push_back(make_nal({unit, last}, static_cast<std::size_t>(last - before)));
      before = last;
    }
    start = next;
  }
  if (!result.empty()) result.back().coded_bytes += static_cast<std::size_t>(end - before);
  return result;
}

std::vector<Nal> split_avcc(std::span<const std::uint8_t> packet, int length_size) {
  std::vector<Nal> result;
  const auto prefix = static_cast<std::size_t>(length_size);
  std::size_t before = 0;  // bytes of empty units
  while (!packet.empty()) {
    before += prefix;
    if (packet.size() < prefix) throw BitstreamError("the length of a NAL unit is cut off");
    std::size_t length = 0;
    for (std::size_t i = 0; i < prefix; ++i) length = length << 8 | packet[i];
    packet = packet.subspan(prefix);
    if (length > packet.size()) throw BitstreamError("a NAL unit reaches beyond its packet");
    if (length > 0) result.push_back(make_nal(packet.first(length), std::exchange(before, 0) + length));
    packet = packet.subspan(length);
  }
  if (!result.empty()) result.back().coded_bytes += before;
  return result;
}

Configuration read_configuration(std::span<const std::uint8_t> record) {
  if (record.size() < 7 || record[0] != 1) throw BitstreamError("the AVCC configuration record is damaged");
  Configuration result{(record[4] & 3) + 1, {}};
  if (result.length_size == 3) throw BitstreamError("the AVCC configuration record is damaged");
  std::size_t at = 5;
  for (const int mask : {31, 255}) {
    if (at >= record.size()) throw BitstreamError("the AVCC configuration record is cut off");
    const int count = record[at++] & mask;
    for (int i = 0; i < count; ++i) {
      if (record.size() - at < 2) throw BitstreamError("the AVCC configuration record is cut off");
      const std::size_t length = std::size_t{record[at]} << 8 | record[at + 1];
      at += 2;
      if (length == 0 || record.size() - at < length) throw BitstreamError("the AVCC configuration record is cut off");
      result.parameter_sets.push_back(make_nal(record.subspan(at, length), length + 2));
      at += length;
    }
  }
  return result;
}

void Rbsp::assign(std::span<const std::uint8_t> payload) {
  bytes_.resize(payload.size() + kPadding);
  std::uint8_t* out = bytes_.data();
  const std::uint8_t* from = payload.data();
  const std::uint8_t* const end = from + payload.size();
  const std::uint8_t* search = from;
  while (end - search >= 3) {
    const void* const three = std::memchr(search + 2, 3, static_cast<std::size_t>(end - search - 2));
    if (!three) break;
    const auto* const at = static_cast<const std::uint8_t*>(three);
    if (at[-1] == 0 && at[-2] == 0) {
      out = std::copy(from, at, out);
      search = from = at + 1;
    } else {
      search = at - 1;
    }
  }
  out = std::copy(from, end, out);
  size_ = static_cast<std::size_t>(out - bytes_.data());
  std::fill_n(out, kPadding, std::uint8_t{0});
}

BitReader Rbsp::reader() const {
  std::size_t size = size_;
  while (size > 0 && bytes_[size - 1] == 0) --size;  // cabac_zero_words
  if (size == 0) throw BitstreamError("a NAL unit has no stop bit");
  return {bytes_.data(), 8 * size - 1 - static_cast<std::size_t>(std::countr_zero(bytes_[size - 1]))};
}

}  // namespace ns_ray::h264
