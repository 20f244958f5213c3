// What the kernels share: the types of activations, packed loads, reductions over a warp and a block.
#pragma once

#include "ptx.cuh"

#ifdef __CUDACC__
#define KERNEL(name)
#define DYNAMIC_SHARED(name) extern __shared__ __align__(128) unsigned char name[]
#else
#include "shim.h"
// Makes a kernel known by its name to a launch on the CPU.
#define KERNEL(name) static const shim::Registration<&name> registered_##name(#name)
#define DYNAMIC_SHARED(name) unsigned char* const name = shim::sharedMemory()
#endif

#define FOR_BOTH_TYPES(definition) \
  definition(bf16, bf16)           \
  definition(f32, float)

constexpr int WARP_SIZE = 32;
constexpr int MAX_WARPS = 32;
constexpr unsigned ALL_LANES = 0xFFFFFFFFu;
constexpr float NEGATIVE_INFINITY = -__builtin_huge_valf();

struct bf16 {
  unsigned short bits;
};

__device__ __forceinline__ float toFloat(bf16 value) { return __uint_as_float(static_cast<unsigned>(value.bits) << 16); }
__device__ __forceinline__ float toFloat(float value) { return value; }

template <typename T>
__device__ __forceinline__ T fromFloat(float value);
template <>
__device__ __forceinline__ bf16 fromFloat<bf16>(float value) {
  return {roundToBf16(value)};
}
template <>
__device__ __forceinline__ float fromFloat<float>(float value) {
  return value;
}

// The value as T holds it.
template <typename T>
__device__ __forceinline__ float rounded(float value) {
  return toFloat(fromFloat<T>(value));
}

// Some neighbours of a row as floats: by default the 16 bytes that one instruction loads.
template <typename T, int N = 16 / sizeof(T)>
struct Pack {
  static constexpr int SIZE = N;
  float at[N];
};

template <int BYTES>
struct Bytes;
template <>
struct Bytes<4> {
  using type = unsigned;
};
template <>
struct Bytes<8> {
  using type = uint2;
};
template <>
struct Bytes<16> {
  using type = uint4;
};

// Whether every row of a matrix starts on a boundary of BYTES.
template <int BYTES = 16, typename T>
__device__ __forceinline__ bool isAligned(const T* matrix, int stride) {
  return reinterpret_cast<unsigned long long>(matrix) % BYTES == 0 && stride * sizeof(T) % BYTES == 0;
}

// Loads at most `count` elements, in one instruction if `whole` and there are enough; the rest is 0.
template <typename T, int N>
__device__ __forceinline__ void load(Pack<T, N>& pack, const T* from, int count, bool whole) {
  if (whole && count >= N) {
    union {
      typename Bytes<N * sizeof(T)>::type bytes;
      T values[N];
    } raw;
    raw.bytes = *reinterpret_cast<const typename Bytes<N * sizeof(T)>::type*>(from);
#pragma unroll
    for (int i = 0; i < N; i++) {
      pack.at[i] = toFloat(raw.values[i]);
    }
  } else {
#pragma unroll
    for (int i = 0; i < N; i++) {
      pack.at[i] = i < count ? toFloat(from[i]) : 0.0f;
    }
  }
}

template <typename T, int N>
__device__ __forceinline__ void store(T* to, const Pack<T, N>& pack, int count, bool whole) {
  if (whole && count >= N) {
    union {
      typename Bytes<N * sizeof(T)>::type bytes;
      T values[N];
    } raw;
#pragma unroll
    for (int i = 0; i < N; i++) {
      raw.values[i] = fromFloat<T>(pack.at[i]);
    }
    *reinterpret_cast<typename Bytes<N * sizeof(T)>::type*>(to) = raw.bytes;
  } else {
#pragma unroll
    for (int i = 0; i < N; i++) {
      if (i < count) {
        to[i] = fromFloat<T>(pack.at[i]);
      }
    }
  }
}

// Copies at most one pack without a look at its values.
template <typename T>
__device__ __forceinline__ void copyPack(T* to, const T* from, int count, bool whole) {
  constexpr int SIZE = Pack<T>::SIZE;
  if (whole && count >= SIZE) {
    *reinterpret_cast<uint4*>(to) = *reinterpret_cast<const uint4*>(from);
  } else {
    for (int i = 0; i < min(count, SIZE); i++) {
      to[i] = from[i];
    }
  }
}

// The columns of a row in packs of SIZE, dealt to the threads of the blocks that share the row.
template <int SIZE>
__device__ __forceinline__ int firstColumn() {
  return static_cast<int>(blockIdx.y * blockDim.x + threadIdx.x) * SIZE;
}
template <int SIZE>
__device__ __forceinline__ int columnStep() {
  return static_cast<int>(gridDim.y * blockDim.x) * SIZE;
}

__device__ __forceinline__ size_t offset(int row, int stride) { return static_cast<size_t>(row) * static_cast<size_t>(stride); }

// The sum over the lanes, the same bits in every lane.
template <typename V>
__device__ __forceinline__ V warpSum(V value) {
#pragma unroll
  for (int lanes = WARP_SIZE / 2; lanes > 0; lanes /= 2) {
    value += __shfl_xor_sync(ALL_LANES, value, lanes);
  }
  return value;
}

// The sum over the threads of a block in a fixed order, in every thread. `partial` is shared, one element a warp; a barrier must
// lie between two uses of it.
template <typename V>
__device__ __forceinline__ V blockSum(V value, V* partial) {
  value = warpSum(value);
  if (threadIdx.x % WARP_SIZE == 0) {
    partial[threadIdx.x / WARP_SIZE] = value;
  }
  __syncthreads();
  V sum = 0;
  for (int warp = 0; warp < static_cast<int>(blockDim.x) / WARP_SIZE; warp++) {
    sum += partial[warp];
  }
  return sum;
}
