#include "fiber.h"

#include <sys/mman.h>

#include <cstdint>
#include <new>

namespace {

constexpr size_t GUARD = 4096 * 4;
constexpr size_t STACK = 64 * 1024;

}  // namespace

// A stack begins with pages that fault, so that an overflow does not run into the neighbour.
Fiber::Fiber() : memory_(mmap(nullptr, GUARD + STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
  if (memory_ == MAP_FAILED) {
    throw std::bad_alloc();
  }
  mprotect(memory_, GUARD, PROT_NONE);
}

Fiber::~Fiber() {
  if (memory_ != nullptr) {
    munmap(memory_, GUARD + STACK);
  }
}

#if defined(__x86_64__) && !defined(PALIMPSEST_UCONTEXT)

// Saves what the calling convention asks a function to keep, and goes on where `to` was saved. It jumps, for the processor would
// predict that a return goes back to the caller.
extern "C" void palimpsest_switch(void** from, void* to);
asm(R"(
  .text
  .hidden palimpsest_switch
  .globl palimpsest_switch
  .type palimpsest_switch, @function
palimpsest_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  popq %rcx
  jmpq *%rcx
  .size palimpsest_switch, .-palimpsest_switch
)");

void Fiber::restart(void (*entry)()) {
  auto* top = reinterpret_cast<void**>(static_cast<char*>(memory_) + GUARD + STACK);
  // Six saved registers, the entry as return address, and a word so that the stack is aligned as after a call.
  void** frame = top - 8;
  for (int i = 0; i < 6; i++) {
    frame[i] = nullptr;
  }
  frame[6] = reinterpret_cast<void*>(entry);
  frame[7] = nullptr;
  stack_ = frame;
}

void Fiber::switchTo(Fiber& next) { palimpsest_switch(&stack_, next.stack_); }

#else

void Fiber::restart(void (*entry)()) {
  getcontext(&context_);
  context_.uc_stack.ss_sp = static_cast<char*>(memory_) + GUARD;
  context_.uc_stack.ss_size = STACK;
  context_.uc_link = nullptr;
  makecontext(&context_, entry, 0);
}

void Fiber::switchTo(Fiber& next) { swapcontext(&context_, &next.context_); }

#endif
