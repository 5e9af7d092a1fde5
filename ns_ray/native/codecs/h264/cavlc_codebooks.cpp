#include "cavlc_codebooks.hpp"

#include <cstddef>

namespace ns_ray::h264 {
namespace {

struct Code {
  std::uint8_t length, bits;  // length 0: no such code
};

// Table 9-5, coeff_token for nC 0 to 1, 2 to 3, 4 to 7: [4 * total_coeff + trailing_ones], {length, bits}.
constexpr Code kCoeffTokens[3][68] = {
    {{1, 1}, {0, 0}, {0, 0}, {0, 0}, {6, 5}, {2, 1}, {0, 0}, {0, 0}, {8, 7}, {6, 4}, {3, 1}, {0, 0}, {9, 7}, {8, 6},
     {7, 5}, {5, 3}, {10, 7}, {9, 6}, {8, 5}, {6, 3}, {11, 7}, {10, 6}, {9, 5}, {7, 4}, {13, 15}, {11, 6}, {10, 5},
     {8, 4}, {13, 11}, {13, 14}, {11, 5}, {9, 4}, {13, 8}, {13, 10}, {13, 13}, {10, 4}, {14, 15}, {14, 14}, {13, 9},
     {11, 4}, {14, 11}, {14, 10}, {14, 13}, {13, 12}, {15, 15}, {15, 14}, {14, 9}, {14, 12}, {15, 11}, {15, 10},
     {15, 13}, {14, 8}, {16, 15}, {15, 1}, {15, 9}, {15, 12}, {16, 11}, {16, 14}, {16, 13}, {15, 8}, {16, 7}, {16, 10},
     {16, 9}, {16, 12}, {16, 4}, {16, 6}, {16, 5}, {16, 8}},
    {{2, 3}, {0, 0}, {0, 0}, {0, 0}, {6, 11}, {2, 2}, {0, 0}, {0, 0}, {6, 7}, {5, 7}, {3, 3}, {0, 0}, {7, 7}, {6, 10},
     {6, 9}, {4, 5}, {8, 7}, {6, 6}, {6, 5}, {4, 4}, {8, 4}, {7, 6}, {7, 5}, {5, 6}, {9, 7}, {8, 6}, {8, 5}, {6, 8},
     {11, 15}, {9, 6}, {9, 5}, {6, 4}, {11, 11}, {11, 14}, {11, 13}, {7, 4}, {12, 15}, {11, 10}, {11, 9}, {9, 4},
     {12, 11}, {12, 14}, {12, 13}, {11, 12}, {12, 8}, {12, 10}, {12, 9}, {11, 8}, {13, 15}, {13, 14}, {13, 13},
     {12, 12}, {13, 11}, {13, 10}, {13, 9}, {13, 12}, {13, 7}, {14, 11}, {13, 6}, {13, 8}, {14, 9}, {14, 8}, {14, 10},
     {13, 1}, {14, 7}, {14, 6}, {14, 5}, {14, 4}},
    {{4, 15}, {0, 0}, {0, 0}, {0, 0}, {6, 15}, {4, 14}, {0, 0}, {0, 0}, {6, 11}, {5, 15}, {4, 13}, {0, 0}, {6, 8},
     {5, 12}, {5, 14}, {4, 12}, {7, 15}, {5, 10}, {5, 11}, {4, 11}, {7, 11}, {5, 8}, {5, 9}, {4, 10}, {7, 9}, {6, 14},
     {6, 13}, {4, 9}, {7, 8}, {6, 10}, {6, 9}, {4, 8}, {8, 15}, {7, 14}, {7, 13}, {5, 13}, {8, 11}, {8, 14}, {7, 10},
     {6, 12}, {9, 15}, {8, 10}, {8, 13}, {7, 12}, {9, 11}, {9, 14}, {8, 9}, {8, 12}, {9, 8}, {9, 10}, {9, 13}, {8, 8},
     {10, 13}, {9, 7}, {9, 9}, {9, 12}, {10, 9}, {10, 12}, {10, 11}, {10, 10}, {10, 5}, {10, 8}, {10, 7}, {10, 6},
     {10, 1}, {10, 4}, {10, 3}, {10, 2}}};

// The same for nC -1.
constexpr Code kChromaDcCoeffTokens[20] = {
    {2, 1}, {0, 0}, {0, 0}, {0, 0}, {6, 7}, {1, 1}, {0, 0}, {0, 0}, {6, 4}, {6, 6}, {3, 1}, {0, 0}, {6, 3}, {7, 3},
     {7, 2}, {6, 5}, {6, 2}, {8, 3}, {8, 2}, {7, 0}};

// Tables 9-7 and 9-8, total_zeros: [total_coeff - 1][total_zeros].
constexpr Code kTotalZeros[15][16] = {
    {{1, 1}, {3, 3}, {3, 2}, {4, 3}, {4, 2}, {5, 3}, {5, 2}, {6, 3}, {6, 2}, {7, 3}, {7, 2}, {8, 3}, {8, 2}, {9, 3},
     {9, 2}, {9, 1}},
    {{3, 7}, {3, 6}, {3, 5}, {3, 4}, {3, 3}, {4, 5}, {4, 4}, {4, 3}, {4, 2}, {5, 3}, {5, 2}, {6, 3}, {6, 2}, {6, 1},
     {6, 0}},
    {{4, 5}, {3, 7}, {3, 6}, {3, 5}, {4, 4}, {4, 3}, {3, 4}, {3, 3}, {4, 2}, {5, 3}, {5, 2}, {6, 1}, {5, 1}, {6, 0}},
    {{5, 3}, {3, 7}, {4, 5}, {4, 4}, {3, 6}, {3, 5}, {3, 4}, {4, 3}, {3, 3}, {4, 2}, {5, 2}, {5, 1}, {5, 0}},
    {{4, 5}, {4, 4}, {4, 3}, {3, 7}, {3, 6}, {3, 5}, {3, 4}, {3, 3}, {4, 2}, {5, 1}, {4, 1}, {5, 0}},
    {{6, 1}, {5, 1}, {3, 7}, {3, 6}, {3, 5}, {3, 4}, {3, 3}, {3, 2}, {4, 1}, {3, 1}, {6, 0}},
    {{6, 1}, {5, 1}, {3, 5}, {3, 4}, {3, 3}, {2, 3}, {3, 2}, {4, 1}, {3, 1}, {6, 0}},
    {{6, 1}, {4, 1}, {5, 1}, {3, 3}, {2, 3}, {2, 2}, {3, 2}, {3, 1}, {6, 0}},
    {{6, 1}, {6, 0}, {4, 1}, {2, 3}, {2, 2}, {3, 1}, {2, 1}, {5, 1}},
    {{5, 1}, {5, 0}, {3, 1}, {2, 3}, {2, 2}, {2, 1}, {4, 1}},
    {{4, 0}, {4, 1}, {3, 1}, {3, 2}, {1, 1}, {3, 3}},
    {{4, 0}, {4, 1}, {2, 1}, {1, 1}, {3, 1}},
    {{3, 0}, {3, 1}, {1, 1}, {2, 1}},
    {{2, 0}, {2, 1}, {1, 1}},
    {{1, 0}, {1, 1}}};

// Table 9-9 (a), chroma DC.
constexpr Code kChromaDcTotalZeros[3][4] = {
    {{1, 1}, {2, 1}, {3, 1}, {3, 0}},
    {{1, 1}, {2, 1}, {2, 0}},
    {{1, 1}, {1, 0}}};

// Table 9-10, run_before: [min(zeros_left, 7) - 1][run_before].
constexpr Code kRunBefore[7][16] = {
    {{1, 1}, {1, 0}},
    {{1, 1}, {2, 1}, {2, 0}},
    {{2, 3}, {2, 2}, {2, 1}, {2, 0}},
    {{2, 3}, {2, 2}, {2, 1}, {3, 1}, {3, 0}},
    {{2, 3}, {2, 2}, {3, 3}, {3, 2}, {3, 1}, {3, 0}},
    {{2, 3}, {3, 0}, {3, 1}, {3, 3}, {3, 2}, {3, 5}, {3, 4}},
    {{3, 7}, {3, 6}, {3, 5}, {3, 4}, {3, 3}, {3, 2}, {3, 1}, {4, 1}, {5, 1}, {6, 1}, {7, 1}, {8, 1}, {9, 1}, {10, 1},
     {11, 1}}};

template <std::size_t kLength>
constexpr Codebook make_codebook(const Code (&codes)[kLength]) {
  Codebook book{};
  for (std::size_t value = 0; value < kLength; ++value) {
    const auto [length, bits] = codes[value];
    if (length == 0) continue;
    const Codebook::Entry entry{length, static_cast<std::uint8_t>(value)};
    if (bits == 0) {  // nothing but zeros: whatever follows
      for (int zeros = length; zeros < 17; ++zeros) {
        for (auto& one : book.entries[zeros]) one = entry;
      }
      continue;
    }
    const int behind = std::bit_width(bits) - 1;
    const int first = (bits - (1 << behind)) << (3 - behind);
    for (int i = 0; i < 1 << (3 - behind); ++i) book.entries[length - behind - 1][first + i] = entry;
  }
  return book;
}

}  // namespace

constinit const Codebook kCoeffTokenBooks[3] = {
    make_codebook(kCoeffTokens[0]), make_codebook(kCoeffTokens[1]), make_codebook(kCoeffTokens[2])};
constinit const Codebook kChromaDcCoeffTokenBook = make_codebook(kChromaDcCoeffTokens);
constinit const Codebook kTotalZerosBooks[15] = {
    make_codebook(kTotalZeros[0]), make_codebook(kTotalZeros[1]), make_codebook(kTotalZeros[2]),
    make_codebook(kTotalZeros[3]), make_codebook(kTotalZeros[4]), make_codebook(kTotalZeros[5]),
    make_codebook(kTotalZeros[6]), make_codebook(kTotalZeros[7]), make_codebook(kTotalZeros[8]),
    make_codebook(kTotalZeros[9]), make_codebook(kTotalZeros[10]), make_codebook(kTotalZeros[11]),
    make_codebook(kTotalZeros[12]), make_codebook(kTotalZeros[13]), make_codebook(kTotalZeros[14])};
constinit const Codebook kChromaDcTotalZerosBooks[3] = {
    make_codebook(kChromaDcTotalZeros[0]), make_codebook(kChromaDcTotalZeros[1]),
    make_codebook(kChromaDcTotalZeros[2])};
constinit const Codebook kRunBeforeBooks[7] = {
    make_codebook(kRunBefore[0]), make_codebook(kRunBefore[1]), make_codebook(kRunBefore[2]),
    make_codebook(kRunBefore[3]), make_codebook(kRunBefore[4]), make_codebook(kRunBefore[5]),
    make_codebook(kRunBefore[6])};

}  // namespace ns_ray::h264
