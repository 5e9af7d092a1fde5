// Pictures of 8 bit 4:2:0 samples, in memory that is used again once nobody looks at it.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <vector>

#include "mutex.hpp"

namespace ns_ray::reconstruction {

struct Plane {
  std::uint8_t* data = nullptr;
  int width = 0, height = 0;  // the stride is the width

  std::uint8_t* at(int x, int y) const { return data + static_cast<std::ptrdiff_t>(y) * width + x; }
};

struct Picture {
  std::array<Plane, 3> planes;
  std::shared_ptr<std::uint8_t[]> memory;
};

// Hands out pictures; memory comes back when the last owner lets go, even after the pool itself is gone. What is kept for
// the next is of the last size asked for, and little.
class PicturePool {
 public:
  static constexpr std::size_t kSpareBytes = 1 << 25;  // of pictures that nobody looks at

  // What a picture takes.
  static std::size_t bytes(int width, int height, int chroma_width, int chroma_height) {
    return padded(width, height) + 2 * padded(chroma_width, chroma_height) + 2 * kMargin;
  }

  // `width` x `height` luma samples; chroma planes have the size given, which need not be the half of luma.
  Picture take(int width, int height, int chroma_width, int chroma_height) {
    const std::size_t luma = padded(width, height), chroma = padded(chroma_width, chroma_height);
    Picture picture;
    picture.memory = store_->take(store_, bytes(width, height, chroma_width, chroma_height));
    std::uint8_t* data = picture.memory.get() + kMargin;
    picture.planes[0] = {data, width, height};
    picture.planes[1] = {data + luma, chroma_width, chroma_height};
    picture.planes[2] = {data + luma + chroma, chroma_width, chroma_height};
    return picture;
  }

 private:
  static constexpr std::size_t kMargin = 64;  // the filters read this far around what they need
  static constexpr std::size_t kSpares = 4;

  static std::size_t padded(int width, int height) {
    return (static_cast<std::size_t>(width) * height + kMargin - 1) / kMargin * kMargin + kMargin;
  }

  struct Store {
    Mutex mutex;
    std::size_t size = 0;
    std::vector<std::unique_ptr<std::uint8_t[]>> spares;

    Store() { spares.reserve(kSpares); }

    std::shared_ptr<std::uint8_t[]> take(const std::shared_ptr<Store>& self, std::size_t bytes) {
      std::unique_ptr<std::uint8_t[]> memory;
      {
        const std::lock_guard lock(mutex);
        if (bytes != size) spares.clear(), size = bytes;
        if (!spares.empty()) memory = std::move(spares.back()), spares.pop_back();
      }
      if (!memory) memory = std::make_unique<std::uint8_t[]>(bytes);
      return {memory.release(), [self, bytes](std::uint8_t* data) {
                std::unique_ptr<std::uint8_t[]> back(data);
                const std::lock_guard lock(self->mutex);
                if (bytes == self->size && self->spares.size() < std::min(kSpares, kSpareBytes / bytes))
                  self->spares.push_back(std::move(back));
              }};
    }
  };

  std::shared_ptr<Store> store_ = std::make_shared<Store>();
};

}  // namespace ns_ray::reconstruction
