// The mutex of what is used by one thread at a time where the C++ library has threads, and by one thread alone elsewhere.
#pragma once

#ifdef __wasm__

namespace ns_ray::reconstruction {

struct Mutex {
  void lock() {}
  void unlock() {}
};

}  // namespace ns_ray::reconstruction

#else

#include <mutex>

namespace ns_ray::reconstruction {

using Mutex = std::mutex;

}  // namespace ns_ray::reconstruction

#endif
