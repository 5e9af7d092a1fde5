// A small pool of threads that share the iterations of a loop.
#pragma once

#ifdef __wasm__
#include "../wasm/pool.hpp"
#else

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace ns_ray::reconstruction {

class Pool {
 public:
  // The caller of `run` works too, so `threads` - 1 are started.
  explicit Pool(int threads) {
    try {
      for (int i = 1; i < threads; ++i) workers_.emplace_back([this, i] { serve(i); });
    } catch (...) {  // the system has no more threads
      stop();
      throw;
    }
  }

  ~Pool() { stop(); }

  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // Calls task(i, worker) for every i in [0, count), in any order, and returns when all are done. No two calls with the
  // same worker, 0 to threads - 1, overlap. Tasks must not throw.
  void run(int count, const std::function<void(int, int)>& task) {
    {
      const std::lock_guard lock(mutex_);
      task_ = &task;
      count_ = count;
      next_ = 0;
      busy_ = static_cast<int>(workers_.size());
      ++round_;
    }
    wake_.notify_all();
    work(task, count, 0);
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return busy_ == 0; });
  }

 private:
  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    for (auto& worker : workers_) worker.join();
  }

  void work(const std::function<void(int, int)>& task, int count, int worker) {
    for (int i = next_++; i < count; i = next_++) task(i, worker);
  }

  void serve(int worker) {
    for (unsigned seen = 0;;) {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return stop_ || round_ != seen; });
      if (stop_) return;
      seen = round_;
      const auto* task = task_;
      const int count = count_;
      lock.unlock();
      work(*task, count, worker);
      lock.lock();
      if (--busy_ == 0) done_.notify_one();
    }
  }

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  const std::function<void(int, int)>* task_ = nullptr;
  std::atomic<int> next_ = 0;
  int count_ = 0, busy_ = 0;
  unsigned round_ = 0;
  bool stop_ = false;
};

}  // namespace ns_ray::reconstruction

#endif
