// Runs launches: blocks on two OS threads, the threads of a block as fibers that take turns at barriers.
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "fiber.h"
#include "shim.h"

namespace {

constexpr unsigned MAX_THREADS = 1024;
constexpr unsigned MAX_SHARED = 227 * 1024;
constexpr size_t GUARD = 256;
constexpr unsigned char GUARD_BYTE = 0xA5;
constexpr unsigned char POISON = 0xFF;
constexpr unsigned WORKERS = 2;
constexpr unsigned NONE = ~0u;

struct Launch {
  std::string name;
  void (*invoke)(void**);
  void** params;
  uint3 grid;
  uint3 block;
  unsigned shared;
  bool descending;
  bool early;  // started before the launch ahead of it has ended
  std::atomic<uint64_t> next{0};
  std::atomic<bool> failed{false};
  std::string error;  // written by the one that sets failed

  uint64_t blocks() const { return static_cast<uint64_t>(grid.x) * grid.y * grid.z; }
};

enum class State { READY, AT_BARRIER, IN_WARP, FINISHED };

struct Copy {
  void* to;
  const void* from;
  int group;
};

struct Thread {
  Fiber fiber;
  std::vector<Copy> copies;
  int group = 0;
  bool waited = false;  // for the launch ahead
};

struct Warp {
  shim::Exchange exchange;
  shim::Together together = nullptr;
  int arrived = 0;
};

std::string describe(const uint3& at) {
  return "(" + std::to_string(at.x) + ", " + std::to_string(at.y) + ", " + std::to_string(at.z) + ")";
}

class Block {
 public:
  void run(Launch& launch, uint64_t index);

  Thread& current() { return *threads_[current_]; }
  Warp& warp() { return *warps_[current_ / shim::WARP]; }
  void runCurrent();
  void meet(shim::Together together);
  void suspend(State state);
  [[noreturn]] void fail(const std::string& message);
  void requireWaited();
  unsigned char* shared() { return shared_; }

 private:
  void prepare();
  void seat(unsigned index);
  bool turn(unsigned warp);
  unsigned nextReady(unsigned warp, int first) const;
  bool intact() const;

  Launch* launch_ = nullptr;
  shim::Place& place_ = shim::place;
  Fiber scheduler_{Fiber::Own()};
  uint3 at_{};
  unsigned count_ = 0;
  unsigned current_ = 0;
  unsigned finished_ = 0;
  std::vector<std::unique_ptr<Thread>> threads_;
  std::vector<State> states_;
  std::vector<std::unique_ptr<Warp>> warps_;
  std::unique_ptr<unsigned char[]> memory_{new unsigned char[MAX_SHARED + 2 * GUARD + 128]};
  unsigned char* shared_ = nullptr;
};

thread_local Block* running = nullptr;

void enter() {
  running->runCurrent();
}

void Block::requireWaited() {
  if (launch_->early && !current().waited) {
    fail("a thread does not wait first for the launch ahead, before whose end it was started");
  }
}

void Block::runCurrent() {
  launch_->invoke(launch_->params);
  requireWaited();
  if (!current().copies.empty()) {
    fail("a thread ends before its copies have been awaited");
  }
  finished_++;
  suspend(State::FINISHED);
}

void Block::fail(const std::string& message) {
  if (!launch_->failed.exchange(true)) {
    launch_->error = launch_->name + ": " + message + " (block " + describe(at_) + ", thread " +
                     describe(shim::place.thread) + ")";
  }
  suspend(State::FINISHED);
  __builtin_unreachable();  // a failed block is never resumed
}

// The i-th lane of a warp in the order of the launch.
unsigned inOrder(bool descending, int i) { return static_cast<unsigned>(descending ? shim::WARP - 1 - i : i); }

// A thread of the warp that can run, from the first-th on.
unsigned Block::nextReady(unsigned warp, int first) const {
  for (int i = first; i < shim::WARP; i++) {
    const unsigned index = warp * shim::WARP + inOrder(launch_->descending, i);
    if (states_[index] == State::READY) {
      return index;
    }
  }
  return NONE;
}

void Block::seat(unsigned index) {
  const unsigned x = launch_->block.x, y = launch_->block.y;
  place_.thread = index < x ? uint3{index, 0, 0} : uint3{index % x, index / x % y, index / x / y};
  place_.lane = static_cast<int>(index % shim::WARP);
  place_.exchange = &warps_[index / shim::WARP]->exchange;
  current_ = index;
}

// The next lane of the warp goes on, or the scheduler.
void Block::suspend(State state) {
  Fiber& mine = current().fiber;
  states_[current_] = state;
  unsigned next = NONE;
  if (!launch_->failed) {
    const unsigned lane = current_ % shim::WARP;
    next = nextReady(current_ / shim::WARP, static_cast<int>(inOrder(launch_->descending, static_cast<int>(lane))) + 1);
  }
  if (next == NONE) {
    mine.switchTo(scheduler_);
  } else {
    seat(next);
    mine.switchTo(threads_[next]->fiber);
  }
}

void Block::meet(shim::Together together) {
  Warp& mine = warp();
  if (mine.arrived == 0) {
    mine.together = together;
  } else if (mine.together != together) {
    fail("the lanes of a warp meet in different operations");
  }
  if (++mine.arrived < shim::WARP) {
    suspend(State::IN_WARP);
    return;
  }
  mine.arrived = 0;
  together(mine.exchange);
  const unsigned first = current_ / shim::WARP * shim::WARP;
  for (unsigned i = first; i < first + shim::WARP; i++) {
    states_[i] = State::READY;
  }
}

void Block::prepare() {
  while (threads_.size() < count_) {
    threads_.push_back(std::make_unique<Thread>());
  }
  while (warps_.size() < count_ / shim::WARP) {
    warps_.push_back(std::make_unique<Warp>());
  }
  for (unsigned i = 0; i < count_; i++) {
    Thread& thread = *threads_[i];
    thread.fiber.restart(enter);
    thread.copies.clear();
    thread.group = 0;
    thread.waited = false;
  }
  for (unsigned i = 0; i < count_ / shim::WARP; i++) {
    warps_[i]->arrived = 0;
  }
  states_.assign(count_, State::READY);
  finished_ = 0;
  auto base = reinterpret_cast<uintptr_t>(memory_.get()) + GUARD;
  shared_ = reinterpret_cast<unsigned char*>((base + 127) / 128 * 128);
  memset(shared_ - GUARD, GUARD_BYTE, GUARD);
  memset(shared_, POISON, launch_->shared);
  memset(shared_ + launch_->shared, GUARD_BYTE, GUARD);
}

bool Block::intact() const {
  for (size_t i = 0; i < GUARD; i++) {
    if (shared_[-1 - static_cast<ptrdiff_t>(i)] != GUARD_BYTE || shared_[launch_->shared + i] != GUARD_BYTE) {
      return false;
    }
  }
  return true;
}

// Lets lanes of a warp run that can; false if none could.
bool Block::turn(unsigned warp) {
  const unsigned next = nextReady(warp, 0);
  if (next == NONE) {
    return false;
  }
  seat(next);
  scheduler_.switchTo(threads_[next]->fiber);
  return !launch_->failed;
}

void Block::run(Launch& launch, uint64_t index) {
  launch_ = &launch;
  running = this;
  count_ = launch.block.x * launch.block.y * launch.block.z;
  at_ = {static_cast<unsigned>(index % launch.grid.x), static_cast<unsigned>(index / launch.grid.x % launch.grid.y),
         static_cast<unsigned>(index / launch.grid.x / launch.grid.y)};
  place_.block = at_;
  place_.blockSize = launch.block;
  place_.gridSize = launch.grid;
  prepare();
  const unsigned warps = count_ / shim::WARP;
  while (finished_ < count_) {
    bool any = false;
    for (unsigned i = 0; i < warps; i++) {
      while (turn(launch.descending ? warps - 1 - i : i)) {
        any = true;
      }
      if (launch.failed) {
        return;
      }
    }
    if (any) {
      continue;
    }
    unsigned waiting = 0;
    for (unsigned i = 0; i < count_; i++) {
      waiting += states_[i] == State::AT_BARRIER;
    }
    if (waiting < count_) {
      unsigned inWarp = count_ - finished_ - waiting;
      if (!launch.failed.exchange(true)) {
        launch.error = launch.name + ": threads wait for each other for ever: " + std::to_string(waiting) +
                       " at the barrier of the block, " + std::to_string(inWarp) + " in a warp operation, " +
                       std::to_string(finished_) + " have ended (block " + describe(at_) + ")";
      }
      return;
    }
    for (unsigned i = 0; i < count_; i++) {
      states_[i] = State::READY;
    }
  }
  if (!intact() && !launch.failed.exchange(true)) {
    launch.error = launch.name + ": wrote outside its " + std::to_string(launch.shared) +
                   " bytes of shared memory (block " + describe(at_) + ")";
  }
}

void runBlocks(Launch& launch) {
  static thread_local Block block;
  for (uint64_t i = launch.next++; i < launch.blocks() && !launch.failed; i = launch.next++) {
    block.run(launch, i);
  }
}

// OS threads of our own, so that a caller's stack (a Java thread's, say) is never exchanged. They live as long as the process.
class Workers {
 public:
  void run(Launch& launch) {
    std::unique_lock<std::mutex> lock(mutex_);
    while (started_ < WORKERS) {
      std::thread(&Workers::serve, this, started_++).detach();
    }
    launch_ = &launch;
    wanted_ = static_cast<unsigned>(std::min<uint64_t>(WORKERS, launch.blocks()));
    busy_ = wanted_;
    round_++;
    work_.notify_all();
    done_.wait(lock, [this] { return busy_ == 0; });
  }

 private:
  void serve(unsigned self) {
    std::unique_lock<std::mutex> lock(mutex_);
    uint64_t seen = 0;
    while (true) {
      work_.wait(lock, [&] { return round_ != seen; });
      seen = round_;
      if (self >= wanted_) {
        continue;
      }
      Launch& launch = *launch_;
      lock.unlock();
      runBlocks(launch);
      lock.lock();
      if (--busy_ == 0) {
        done_.notify_one();
      }
    }
  }

  std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable done_;
  Launch* launch_ = nullptr;
  unsigned started_ = 0;
  unsigned wanted_ = 0;
  unsigned busy_ = 0;
  uint64_t round_ = 0;
};

struct Registered {
  void (*invoke)(void**);
  int parameters;
};

std::map<std::string, Registered>& kernels() {
  static std::map<std::string, Registered> all;
  return all;
}

std::mutex launching;
std::string lastError;
std::atomic<bool> descendingOrder{false};
std::atomic<bool> startsEarly{false};

std::string refusal(const Launch& launch) {
  const uint64_t threads = static_cast<uint64_t>(launch.block.x) * launch.block.y * launch.block.z;
  if (launch.invoke == nullptr) {
    return "there is no kernel " + launch.name;
  }
  if (threads == 0 || threads > MAX_THREADS || threads % shim::WARP != 0) {
    return launch.name + ": a block has a multiple of 32 threads, at most 1024, not " + std::to_string(threads);
  }
  if (launch.blocks() == 0 || launch.grid.y > 65535 || launch.grid.z > 65535) {
    return launch.name + ": the grid " + describe(launch.grid) + " is empty or too large";
  }
  if (launch.shared > MAX_SHARED) {
    return launch.name + ": " + std::to_string(launch.shared) + " bytes of shared memory are more than " +
           std::to_string(MAX_SHARED);
  }
  return "";
}

}  // namespace

namespace shim {

thread_local Place place;

void awaitEarlierLaunch() { running->current().waited = true; }

void awaitBlock() {
  running->requireWaited();
  running->suspend(State::AT_BARRIER);
}

void awaitWarp(Together together) {
  running->requireWaited();
  running->meet(together);
}

unsigned char* sharedMemory() { return running->shared(); }

void fail(const char* message) { running->fail(message); }

// Until it is awaited, a copy leaves NaN at its destination; so neither a missing wait nor a copy over data still in use passes.
void startCopy(void* shared, const void* global, bool present) {
  if (reinterpret_cast<uintptr_t>(shared) % 16 != 0 || (present && reinterpret_cast<uintptr_t>(global) % 16 != 0)) {
    fail("cp.async takes 16-byte boundaries");
  }
  running->requireWaited();
  memset(shared, POISON, 16);
  Thread& thread = running->current();
  thread.copies.push_back({shared, present ? global : nullptr, thread.group});
}

void endCopies() { running->current().group++; }

void awaitCopies(int groups) {
  Thread& thread = running->current();
  size_t done = 0;
  for (; done < thread.copies.size() && thread.copies[done].group < thread.group - groups; done++) {
    const Copy& copy = thread.copies[done];
    if (copy.from == nullptr) {
      memset(copy.to, 0, 16);
    } else {
      memcpy(copy.to, copy.from, 16);
    }
  }
  thread.copies.erase(thread.copies.begin(), thread.copies.begin() + static_cast<ptrdiff_t>(done));
}

void add(const char* kernel, int parameters, void (*invoke)(void**)) { kernels()[kernel] = {invoke, parameters}; }

}  // namespace shim

extern "C" {

__attribute__((visibility("default"))) int palimpsest_launch(const char* kernel, unsigned gx, unsigned gy, unsigned gz,
                                                             unsigned bx, unsigned by, unsigned bz, unsigned sharedBytes,
                                                             void** params) {
  static Workers& workers = *new Workers();
  std::lock_guard<std::mutex> lock(launching);
  Launch launch;
  launch.name = kernel;
  const auto found = kernels().find(kernel);
  launch.invoke = found == kernels().end() ? nullptr : found->second.invoke;
  launch.params = params;
  launch.grid = {gx, gy, gz};
  launch.block = {bx, by, bz};
  launch.shared = sharedBytes;
  launch.descending = descendingOrder;
  launch.early = startsEarly;
  lastError = refusal(launch);
  if (lastError.empty()) {
    workers.run(launch);
    lastError = launch.error;
  }
  return lastError.empty() ? 0 : 1;
}

__attribute__((visibility("default"))) const char* palimpsest_error() { return lastError.c_str(); }

__attribute__((visibility("default"))) int palimpsest_parameters(const char* kernel) {
  const auto found = kernels().find(kernel);
  return found == kernels().end() ? -1 : found->second.parameters;
}

__attribute__((visibility("default"))) const char* palimpsest_kernel_names() {
  static const std::string names = [] {
    std::string all;
    for (const auto& each : kernels()) {
      all += (all.empty() ? "" : "\n") + each.first;
    }
    return all;
  }();
  return names.c_str();
}

__attribute__((visibility("default"))) void palimpsest_descending(int on) { descendingOrder = on != 0; }

__attribute__((visibility("default"))) void palimpsest_early(int on) { startsEarly = on != 0; }
}
