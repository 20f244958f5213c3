// Stacks that take turns on one OS thread.
#pragma once

#include <cstddef>

#if !defined(__x86_64__) || defined(PALIMPSEST_UCONTEXT)
#include <ucontext.h>
#endif

class Fiber {
 public:
  Fiber();
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // The next resume() calls `entry`, which must not return but suspend().
  void restart(void (*entry)());

  // Runs the fiber until it suspends.
  void resume();

  // Goes back to where resume() was called.
  void suspend();

 private:
  void* memory_;
#if defined(__x86_64__) && !defined(PALIMPSEST_UCONTEXT)
  void* own_ = nullptr;
  void* caller_ = nullptr;
#else
  ucontext_t own_;
  ucontext_t caller_;
#endif
};
