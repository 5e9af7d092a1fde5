// What the numbers of macroblock types stand for (ITU-T H.264, tables 7-11, 7-13, 7-14, 7-17 and 7-18).
#pragma once

#include <cstdint>

namespace ns_ray::h264 {

constexpr int kIntraPcmType = 25;       // as mb_type of I slices; 0 is I_NxN, 1 to 24 are Intra_16x16
constexpr int kFirstIntraType[3] = {5, 23, 0};  // mb_type of I_NxN by slice type
constexpr int kP8x8Type = 3, kP8x8ZeroType = 4;  // the latter: all reference indices are 0
constexpr int kBDirectType = 0, kB8x8Type = 22;

enum Uses : std::uint8_t { kUsesNone = 0, kUsesList0 = 1, kUsesList1 = 2, kUsesBoth = 3 };

enum Shape : std::uint8_t { kWhole, kTwoRows, kTwoColumns, kQuarters };

struct PartitionRectangle {
  std::uint8_t x, y, width, height;
};

// A macroblock's partitions in units of 4 samples; those of an 8x8 block in halves of it: [shape][index].
constexpr PartitionRectangle kPartitions[3][2] = {
    {{0, 0, 4, 4}, {}}, {{0, 0, 4, 2}, {0, 2, 4, 2}}, {{0, 0, 2, 4}, {2, 0, 2, 4}}};

struct InterType {
  Shape shape;
  Uses uses[2];  // of each partition
};

constexpr InterType kPTypes[3] = {{kWhole, {kUsesList0, kUsesNone}},
                                  {kTwoRows, {kUsesList0, kUsesList0}},
                                  {kTwoColumns, {kUsesList0, kUsesList0}}};

// B_Direct_16x16 is not among those that are looked up.
constexpr InterType kBTypes[22] = {{kWhole, {kUsesNone, kUsesNone}},
                                   {kWhole, {kUsesList0, kUsesNone}},
                                   {kWhole, {kUsesList1, kUsesNone}},
                                   {kWhole, {kUsesBoth, kUsesNone}},
                                   {kTwoRows, {kUsesList0, kUsesList0}},
                                   {kTwoColumns, {kUsesList0, kUsesList0}},
                                   {kTwoRows, {kUsesList1, kUsesList1}},
                                   {kTwoColumns, {kUsesList1, kUsesList1}},
                                   {kTwoRows, {kUsesList0, kUsesList1}},
                                   {kTwoColumns, {kUsesList0, kUsesList1}},
                                   {kTwoRows, {kUsesList1, kUsesList0}},
                                   {kTwoColumns, {kUsesList1, kUsesList0}},
                                   {kTwoRows, {kUsesList0, kUsesBoth}},
                                   {kTwoColumns, {kUsesList0, kUsesBoth}},
                                   {kTwoRows, {kUsesList1, kUsesBoth}},
                                   {kTwoColumns, {kUsesList1, kUsesBoth}},
                                   {kTwoRows, {kUsesBoth, kUsesList0}},
                                   {kTwoColumns, {kUsesBoth, kUsesList0}},
                                   {kTwoRows, {kUsesBoth, kUsesList1}},
                                   {kTwoColumns, {kUsesBoth, kUsesList1}},
                                   {kTwoRows, {kUsesBoth, kUsesBoth}},
                                   {kTwoColumns, {kUsesBoth, kUsesBoth}}};

struct SubType {
  Shape shape;
  Uses uses;  // kUsesNone: direct
};

constexpr SubType kPSubTypes[4] = {
    {kWhole, kUsesList0}, {kTwoRows, kUsesList0}, {kTwoColumns, kUsesList0}, {kQuarters, kUsesList0}};

constexpr SubType kBSubTypes[13] = {{kWhole, kUsesNone},       {kWhole, kUsesList0},      {kWhole, kUsesList1},
                                    {kWhole, kUsesBoth},       {kTwoRows, kUsesList0},    {kTwoColumns, kUsesList0},
                                    {kTwoRows, kUsesList1},    {kTwoColumns, kUsesList1}, {kTwoRows, kUsesBoth},
                                    {kTwoColumns, kUsesBoth},  {kQuarters, kUsesList0},   {kQuarters, kUsesList1},
                                    {kQuarters, kUsesBoth}};

// Partitions of an 8x8 block in units of 4 samples.
constexpr int kSubParts[4] = {1, 2, 2, 4};
constexpr PartitionRectangle kSubPartitions[4][4] = {{{0, 0, 2, 2}, {}, {}, {}},
                                                     {{0, 0, 2, 1}, {0, 1, 2, 1}, {}, {}},
                                                     {{0, 0, 1, 2}, {1, 0, 1, 2}, {}, {}},
                                                     {{0, 0, 1, 1}, {1, 0, 1, 1}, {0, 1, 1, 1}, {1, 1, 1, 1}}};

}  // namespace ns_ray::h264
