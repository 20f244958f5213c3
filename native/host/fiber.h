// Stacks that take turns on one OS thread.
#pragma once

#include <cstddef>

#if !defined(__x86_64__) || defined(PALIMPSEST_UCONTEXT)
#include <ucontext.h>
#endif

class Fiber {
 public:
  // The stack that the program runs on already.
  struct Own {};
  explicit Fiber(Own) : memory_(nullptr) {}

  // A stack of its own.
  Fiber();
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // What runs next on this stack is `entry`, which must not return.
  void restart(void (*entry)());

  // Leaves this fiber, which must be the one that runs, and goes on where the next one left.
  void switchTo(Fiber& next);

 private:
  void* memory_;
#if defined(__x86_64__) && !defined(PALIMPSEST_UCONTEXT)
  void* stack_ = nullptr;
#else
  ucontext_t context_;
#endif
};
