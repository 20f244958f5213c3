// What CUDA C++ offers a kernel, for the ordinary C++ compiler: every CUDA thread is a fiber of the OS thread that runs its block.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#define __global__
#define __device__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
// A block runs on one OS thread, and an OS thread runs one block at a time.
#define __shared__ static thread_local

struct uint3 {
  unsigned x, y, z;
};
struct alignas(8) float2 {
  float x, y;
};
struct int2 {
  int x, y;
};
struct uint2 {
  unsigned x, y;
};
struct alignas(16) int4 {
  int x, y, z, w;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
struct alignas(16) float4 {
  float x, y, z, w;
};

namespace shim {

constexpr int WARP = 32;
constexpr int WORDS = 12;

// What the lanes of a warp hand in and get back when they meet.
struct Exchange {
  uint32_t in[WARP][WORDS];
  uint32_t out[WARP][WORDS];
};

struct Place {
  uint3 thread, block, blockSize, gridSize;
  int lane;
  Exchange* exchange;  // of the warp
};

extern thread_local Place place;

// Waits for all threads of the block.
void awaitBlock();

// Waits for all lanes of the warp; the last one runs `together`, which turns what they handed in into what they get.
using Together = void (*)(Exchange&);
void awaitWarp(Together together);

// The block's dynamic shared memory, on a boundary of 128 bytes.
unsigned char* sharedMemory();

// What a thread of a launch that starts early must do before anything else that the shim sees.
void awaitEarlierLaunch();

// Ends the launch with this message.
[[noreturn]] void fail(const char* message);

// Copies into shared memory that have been started and not awaited, of this thread.
void startCopy(void* shared, const void* global, bool present);
void endCopies();
void awaitCopies(int groups);

void add(const char* kernel, int parameters, void (*invoke)(void**));

template <typename... A, size_t... I>
void invoke(void (*kernel)(A...), void** params, std::index_sequence<I...>) {
  kernel(*static_cast<A*>(params[I])...);
}

template <typename... A>
void invoke(void (*kernel)(A...), void** params) {
  invoke(kernel, params, std::index_sequence_for<A...>{});
}

template <typename... A>
constexpr int parameters(void (*)(A...)) {
  static_assert(((sizeof(A) == 4 || sizeof(A) == 8) && ...));
  return sizeof...(A);
}

template <auto KERNEL>
struct Registration {
  explicit Registration(const char* name) {
    add(name, parameters(KERNEL), [](void** params) { invoke(KERNEL, params); });
  }
};

template <typename V>
V exchanged(unsigned mask, V value, int operand, Together together) {
  static_assert(sizeof(V) <= 8);
  if (mask != 0xFFFFFFFFu) {
    fail("a warp operation names fewer than 32 lanes");
  }
  Exchange* const exchange = place.exchange;
  const int lane = place.lane;
  exchange->in[lane][2] = static_cast<uint32_t>(operand);
  memcpy(exchange->in[lane], &value, sizeof(V));
  awaitWarp(together);
  memcpy(&value, exchange->out[lane], sizeof(V));
  return value;
}

}  // namespace shim

#define threadIdx (shim::place.thread)
#define blockIdx (shim::place.block)
#define blockDim (shim::place.blockSize)
#define gridDim (shim::place.gridSize)

inline void __syncthreads() { shim::awaitBlock(); }

inline void __syncwarp() {
  shim::awaitWarp([](shim::Exchange&) {});
}

template <typename V>
V __shfl_xor_sync(unsigned mask, V value, int lanes) {
  return shim::exchanged(mask, value, lanes, [](shim::Exchange& e) {
    for (int lane = 0; lane < shim::WARP; lane++) {
      memcpy(e.out[lane], e.in[lane ^ e.in[lane][2]], 8);
    }
  });
}

template <typename V>
V __shfl_sync(unsigned mask, V value, int source) {
  return shim::exchanged(mask, value, source, [](shim::Exchange& e) {
    for (int lane = 0; lane < shim::WARP; lane++) {
      memcpy(e.out[lane], e.in[e.in[lane][2] % shim::WARP], 8);
    }
  });
}

template <typename V>
V __shfl_up_sync(unsigned mask, V value, int distance) {
  return shim::exchanged(mask, value, distance, [](shim::Exchange& e) {
    for (int lane = 0; lane < shim::WARP; lane++) {
      const int source = lane - static_cast<int>(e.in[lane][2]);
      memcpy(e.out[lane], e.in[source < 0 ? lane : source], 8);
    }
  });
}

inline unsigned __ballot_sync(unsigned mask, bool predicate) {
  return shim::exchanged(mask, predicate ? 1u : 0u, 0, [](shim::Exchange& e) {
    uint32_t votes = 0;
    for (int lane = 0; lane < shim::WARP; lane++) {
      votes |= e.in[lane][0] << lane;
    }
    for (int lane = 0; lane < shim::WARP; lane++) {
      e.out[lane][0] = votes;
    }
  });
}

inline int __popc(unsigned bits) { return __builtin_popcount(bits); }

inline unsigned __umulhi(unsigned a, unsigned b) {
  return static_cast<unsigned>((static_cast<unsigned long long>(a) * b) >> 32);
}

inline float __uint_as_float(unsigned bits) {
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

inline unsigned __float_as_uint(float value) {
  unsigned bits;
  memcpy(&bits, &value, 4);
  return bits;
}

inline float __logf(float x) { return logf(x); }
inline float __fdividef(float x, float y) { return x / y; }

inline double __dadd_rn(double a, double b) { return a + b; }
inline double __dmul_rn(double a, double b) { return a * b; }

inline int min(int a, int b) { return b < a ? b : a; }
inline int max(int a, int b) { return a < b ? b : a; }

// On shared memory alone, which one OS thread has to itself.
inline unsigned atomicOr(unsigned* word, unsigned bits) {
  const unsigned before = *word;
  *word = before | bits;
  return before;
}
