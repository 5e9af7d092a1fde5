// libFuzzer harness of the reconstruction. An input chooses a reconstructor and then frame after frame: size, planes, blocks,
// anchor. What it says nothing of is 0, so any input is one.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "codecs/h264/predictor.hpp"
#include "codecs/vp9/predictor.hpp"
#include "reconstructor.hpp"

using namespace ns_ray::reconstruction;
using ns_ray::Block;

namespace {

// LR samples of a frame that is not to be refused, and of one of no more than two rows or columns: larger ones take longer.
constexpr int kWeights = 2;
constexpr int kMostLr = 1 << 12, kMostThin = 1 << 17;

void require(bool condition) {
  if (!condition) std::abort();
}

class Choices {
 public:
  Choices(const std::uint8_t* data, std::size_t size) : rest_(data, size) {}

  bool more() const { return !rest_.empty(); }
  int byte() {
    if (rest_.empty()) return 0;
    const int v = rest_[0];
    rest_ = rest_.subspan(1);
    return v;
  }
  int word() {
    const int high = byte();
    return high << 8 | byte();
  }
  void raw(void* to, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) static_cast<std::uint8_t*>(to)[i] = static_cast<std::uint8_t>(byte());
  }

 private:
  std::span<const std::uint8_t> rest_;
};

// Planes exactly as large as they are said to be, so that a read beyond one is seen.
struct Source {
  std::array<std::vector<std::uint8_t>, 3> samples;
  PictureView view;

  Source(int width, int height, int kind, int padding) {
    std::uint32_t state = 1 + kind;
    for (int i = 0; i < 3; ++i) {
      const int w = i ? (width + 1) / 2 : width, h = i ? (height + 1) / 2 : height;
      const std::size_t stride = w + padding;
      samples[i].resize(stride * (h - 1) + w);
      for (auto& sample : samples[i]) {
        state = state * 1664525 + 1013904223;
        sample = kind % 4 == 0 ? 0 : kind % 4 == 1 ? 255 : kind % 4 == 2 ? state >> 24 : state >> 31 ? 255 : 0;
      }
      view[i] = {samples[i].data(), w, h, static_cast<std::ptrdiff_t>(stride)};
    }
  }
};

int side(Choices& choices, int last) {
  switch (const int kind = choices.byte(); kind % 8) {
    case 0: return last;
    case 1: return (last + 1) / 2;
    case 2: return std::min(2 * last, 65536);
    case 3: return std::max(last / 16, 1);
    case 4: return std::min(16 * last, 65536);
    case 5: return 1 + choices.word();
    default: return 1 + choices.byte();
  }
}

int component(Choices& choices) {
  switch (const int kind = choices.byte(); kind % 4) {
    case 0: return 0;
    case 1: return static_cast<std::int8_t>(choices.byte());
    case 2: return kind & 4 ? 32767 : -32768;
    default: return static_cast<std::int16_t>(choices.word());
  }
}

// Which slots a frame may refer to.
using Usable = std::array<bool, kSlots>;

Usable usable_by(const Reconstructor& reconstructor, const Predictor& predictor, int width, int height) {
  Usable usable{};
  for (int i = 0; i < kSlots; ++i) {
    try {
      const auto [w, h] = reconstructor.size(i);
      usable[i] = !predictor.misfit(Held{w, h, {}, {}}, width, height);
    } catch (const Refused&) {
    }
  }
  return usable;
}

void describe(Choices& choices, Block& block, const Usable* usable, int filters) {
  const int kind = choices.byte();
  block.filter = filters > 1 ? kind & 3 : 0;
  block.skip = kind >> 2 & 1;
  block.slot[0] = block.slot[1] = -1;
  if ((kind & 0x38) == 0) return;
  const int slots = choices.word();
  block.slot[0] = static_cast<std::int8_t>(slots % kSlots);
  if (filters == 1) block.weights = static_cast<std::uint16_t>(choices.byte() % (kWeights + 1));
  if (kind & 0x40) block.slot[1] = static_cast<std::int8_t>((slots >> 4) % kSlots);
  for (auto& slot : block.slot) {
    if (!usable || slot < 0) continue;
    for (int i = 0; i < kSlots && !(*usable)[slot]; ++i) slot = static_cast<std::int8_t>((slot + 1) % kSlots);
    if (!(*usable)[slot]) slot = -1;
  }
  const bool parts = block.width == 8 && block.height == 8 && kind & 0x80;
  if (parts) block.sub_width = slots & 0x100 ? 8 : 4, block.sub_height = slots & 0x200 ? 8 : 4;
  for (int part = 0; part < 4; ++part)
    for (int which = 0; which < 2; ++which)
      for (int axis = 0; axis < 2; ++axis)
        block.mv[part][which][axis] =
            static_cast<std::int16_t>(part && !parts ? block.mv[0][which][axis] : component(choices));
}

void divide(Choices& choices, int x, int y, int size, int width, int height, const Usable* usable, int filters,
            std::vector<Block>& blocks) {
  if (x >= width || y >= height) return;
  const int kind = size > 8 ? choices.byte() % 4 : 0, half = size / 2;
  if (kind == 3) {
    for (int i = 0; i < 4; ++i) divide(choices, x + i % 2 * half, y + i / 2 * half, half, width, height, usable, filters, blocks);
    return;
  }
  for (int i = 0; i < (kind ? 2 : 1); ++i) {
    Block block{};
    block.x = static_cast<std::uint16_t>(x + (kind == 1 ? i * half : 0));
    block.y = static_cast<std::uint16_t>(y + (kind == 2 ? i * half : 0));
    if (block.x >= width || block.y >= height) continue;
    block.width = block.sub_width = static_cast<std::uint8_t>(kind == 1 ? half : size);
    block.height = block.sub_height = static_cast<std::uint8_t>(kind == 2 ? half : size);
    describe(choices, block, usable, filters);
    blocks.push_back(block);
  }
}

std::vector<Block> blocks_of(Choices& choices, int width, int height, const Usable& usable, int filters) {
  std::vector<Block> blocks;
  const int kind = choices.byte();
  if (kind % 8 == 0) return blocks;
  if (kind % 8 == 1) {  // whatever they say
    blocks.resize(choices.byte() % 32);
    for (auto& block : blocks) choices.raw(&block, sizeof block);
    return blocks;
  }
  if (static_cast<std::int64_t>(width) * height <= kMostThin)
    for (int y = 0; y < height; y += 64)
      for (int x = 0; x < width; x += 64) divide(choices, x, y, 64, width, height, kind % 8 > 2 ? &usable : nullptr, filters, blocks);
  if (kind % 8 == 2 && !blocks.empty())  // one byte is wrong, or a block comes twice
    reinterpret_cast<std::uint8_t*>(blocks.data())[choices.word() % (blocks.size() * sizeof(Block))] =
        static_cast<std::uint8_t>(choices.byte());
  if (kind % 8 == 3 && !blocks.empty()) blocks.push_back(blocks[choices.byte() % blocks.size()]);
  return blocks;
}

using Contents = std::array<const std::uint8_t*, kSlots>;

Contents contents_of(const Reconstructor& reconstructor) {
  Contents slots{};
  for (int i = 0; i < kSlots; ++i) {
    try {
      slots[i] = reconstructor.show(i).planes[0].data;
    } catch (const Refused&) {
    }
  }
  return slots;
}

// The sum is there to read every sample.
std::uint64_t sum_of(const Picture& picture) {
  std::uint64_t sum = 0;
  for (const Plane& plane : picture.planes)
    for (std::ptrdiff_t i = 0; i < static_cast<std::ptrdiff_t>(plane.width) * plane.height; ++i) sum = 31 * sum + plane.data[i];
  return sum;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Choices choices(data, size);
  const int kind = choices.byte();
  const int scale = 1 + kind % 4;
  const bool best = kind & 4;
  Reconstructor one(scale, best, 1 + (kind >> 3 & 1), true, Tuning());
  Reconstructor other(scale, best, 1, false, Tuning());  // what it gives must not depend on threads and instructions
  int width = 64, height = 64;
  std::vector<Picture> kept;
  while (choices.more()) {
    const int frame = choices.byte();
    if (frame & 1) width = side(choices, width), height = side(choices, height);
    const bool large = static_cast<std::int64_t>(width) * height > (std::min(width, height) > 2 ? kMostLr : kMostThin);
    const bool refused = std::int64_t{scale} * width > kMostSide || std::int64_t{scale} * height > kMostSide ||
                         std::int64_t{scale} * scale * width * height > kMostSamples;
    if (large && !refused) width = 1 + width % 128, height = 1 + height % 128;
    FrameInput input;
    input.width = width;
    input.height = height;
    input.refreshed = static_cast<std::uint16_t>(choices.word());
    input.predictor = kind & 0x10 ? &ns_ray::h264::kPredictor : &ns_ray::vp9::kPredictor;
    std::array<ns_ray::Weights, kWeights> weights{};
    if (kind & 0x10) {
      choices.raw(weights.data(), sizeof weights);
      for (auto& one : weights)
        for (auto& log2 : one.log2) log2 %= 8;
    }
    input.weights = weights;
    const std::vector<Block> blocks = blocks_of(choices, width, height, usable_by(one, *input.predictor, width, height), input.predictor->filters);
    input.blocks = blocks;
    // A frame that is too large is refused for its size, whatever its planes.
    const Source lr(refused ? 1 : width, refused ? 1 : height, frame >> 3, frame >> 6);
    input.lr = lr.view;
    const Source anchor(refused ? 1 : scale * width, refused ? 1 : scale * height, choices.byte(), 0);
    if ((frame & 6) == 2) input.anchor = anchor.view;
    input.teach = frame & 8;
    const Contents before = contents_of(one);
    try {
      if ((frame & 6) == 4) {
        const Prediction a = one.predict(input), b = other.predict(input);
        require(!refused && sum_of(a.lr) == sum_of(b.lr) && sum_of(a.hr) == sum_of(b.hr));
      } else {
        kept.push_back(one.frame(input));
        require(!refused && sum_of(kept.back()) == sum_of(other.frame(input)));
        if (kept.size() > 2) kept.erase(kept.begin());
      }
    } catch (const Refused&) {
      require(before == contents_of(one));
    }
  }
  return 0;
}
