#include "compressed_header.hpp"

#include <algorithm>
#include <array>

#include "bool_decoder.hpp"

namespace ns_ray::vp9 {
namespace {

// Section 6.3.5: twenty coarse steps come first, then every other value in order.
constexpr auto kDeltas = [] {
  std::array<std::uint8_t, 255> deltas{};
  int n = 0;
  for (int coarse = 7; coarse <= 254; coarse += 13) deltas[n++] = coarse;
  for (int fine = 1; fine <= 253; ++fine) {
    if (fine % 13 != 7) deltas[n++] = fine;
  }
  deltas[n++] = 253;
  return deltas;
}();

constexpr int uncentre(int value, int centre) {
  if (value > 2 * centre) return value;
  return value % 2 != 0 ? centre - (value + 1) / 2 : centre + value / 2;
}

class Reader {
 public:
  explicit Reader(std::span<const std::uint8_t> data) : bool_(data.data(), data.size()) {}

  int literal(int bits) { return bool_.literal(bits); }

  template <typename T>
  void update(T& probabilities) {
    if constexpr (std::is_array_v<T>) {
      for (auto& p : probabilities) update(p);
    } else if (bool_.read(252)) {
      const int delta = kDeltas[delta_index()];
      const int centre = probabilities - 1;
      probabilities = 2 * centre <= 255 ? 1 + uncentre(delta, centre) : 255 - uncentre(delta, 254 - centre);
    }
  }

  template <typename T>
  void replace(T& probabilities) {
    if constexpr (std::is_array_v<T>) {
      for (auto& p : probabilities) replace(p);
    } else if (bool_.read(252)) {
      probabilities = 2 * literal(7) + 1;
    }
  }

  const BoolDecoder& decoder() const { return bool_; }

 private:
  int delta_index() {
    if (!literal(1)) return literal(4);
    if (!literal(1)) return literal(4) + 16;
    if (!literal(1)) return literal(5) + 32;
    const int value = literal(7);
    return value < 65 ? value + 64 : 2 * value - 1 + literal(1);
  }

  BoolDecoder bool_;
};

void read_coefficients(Reader& reader, int tx_mode, Probabilities& p) {
  const int largest = std::min<int>(tx_mode, kTx32);
  for (int tx = 0; tx <= largest; ++tx) {
    if (!reader.literal(1)) continue;
    for (auto& plane : p.coef[tx]) {
      for (auto& inter : plane) {
        for (int band = 0; band < 6; ++band) {
          for (int context = 0; context < (band == 0 ? 3 : 6); ++context) reader.update(inter[band][context]);
        }
      }
    }
  }
}

void read_vectors(Reader& reader, bool allow_high_precision, Probabilities& p) {
  reader.replace(p.mv_joint);
  for (MvProbabilities& mv : p.mv) {
    reader.replace(mv.sign);
    reader.replace(mv.classes);
    reader.replace(mv.class0);
    reader.replace(mv.bits);
  }
  for (MvProbabilities& mv : p.mv) {
    reader.replace(mv.class0_fraction);
    reader.replace(mv.fraction);
  }
  if (!allow_high_precision) return;
  for (MvProbabilities& mv : p.mv) {
    reader.replace(mv.class0_hp);
    reader.replace(mv.hp);
  }
}

ReferenceMode read_reference_mode(Reader& reader, const FrameHeader& header) {
  if (!header.compound_allowed() || !reader.literal(1)) return kSingle;
  return reader.literal(1) ? kReferenceSelect : kCompound;
}

}  // namespace

CompressedHeader read_compressed_header(std::span<const std::uint8_t> data, const FrameHeader& header,
                                        Probabilities& p) {
  Reader reader(data);
  CompressedHeader result;
  if (!header.lossless) {
    result.tx_mode = reader.literal(2);
    if (result.tx_mode == kTx32) result.tx_mode += reader.literal(1);
  }
  if (result.tx_mode == kTxSelect) {
    reader.update(p.tx8);
    reader.update(p.tx16);
    reader.update(p.tx32);
  }
  read_coefficients(reader, result.tx_mode, p);
  reader.update(p.skip);
  if (!header.intra()) {
    reader.update(p.inter_mode);
    if (header.filter == kSwitchable) reader.update(p.filter);
    reader.update(p.is_inter);
    result.reference_mode = read_reference_mode(reader, header);
    if (result.reference_mode == kReferenceSelect) reader.update(p.comp_mode);
    if (result.reference_mode != kCompound) reader.update(p.single_ref);
    if (result.reference_mode != kSingle) reader.update(p.comp_ref);
    reader.update(p.y_mode);
    reader.update(p.partition);
    read_vectors(reader, header.allow_high_precision, p);
  }
  if (reader.decoder().overrun()) throw BitstreamError("the compressed header is truncated");
  if (!reader.decoder().padding_is_zero()) throw BitstreamError("the compressed header does not end in zeros");
  result.unread_bits = reader.decoder().unread_bits();
  return result;
}

}  // namespace ns_ray::vp9
