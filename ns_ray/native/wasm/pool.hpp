// The pool of threads in a browser: the page starts its workers, which wait here for loops to share. There is one pool.
#pragma once

#include <atomic>
#include <functional>

namespace ns_ray::reconstruction {

// What the threads have in common, in the memory that they share.
struct Loop {
  std::atomic<int> round = 0, next = 0, busy = 0;
  const std::function<void(int, int)>* task = nullptr;
  int count = 0;

  void work(int worker) {
    for (int i = next++; i < count; i = next++) (*task)(i, worker);
  }

  // Blocks until `word` is something else than `value`; no page may do so, but its workers may.
  static void wait_while(std::atomic<int>& word, int value) {
    while (word == value) __builtin_wasm_memory_atomic_wait32(reinterpret_cast<int*>(&word), value, -1);
  }

  static void wake(std::atomic<int>& word) { __builtin_wasm_memory_atomic_notify(reinterpret_cast<int*>(&word), ~0u); }
};

inline Loop the_loop;

class Pool {
 public:
  // `threads` - 1 workers must serve already.
  explicit Pool(int threads) : threads_(threads) {}

  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // As the native pool's.
  void run(int count, const std::function<void(int, int)>& task) {
    the_loop.task = &task;
    the_loop.count = count;
    the_loop.next = 0;
    if (threads_ == 1) return the_loop.work(0);
    the_loop.busy = threads_ - 1;
    ++the_loop.round;
    Loop::wake(the_loop.round);
    the_loop.work(0);
    for (int busy = the_loop.busy; busy; busy = the_loop.busy) Loop::wait_while(the_loop.busy, busy);
  }

  // The life of worker 1, 2, ...: it never returns.
  [[noreturn]] static void serve(int worker) {
    for (int seen = 0;;) {
      Loop::wait_while(the_loop.round, seen);
      seen = the_loop.round;
      the_loop.work(worker);
      --the_loop.busy;
      Loop::wake(the_loop.busy);
    }
  }

 private:
  const int threads_;
};

}  // namespace ns_ray::reconstruction
