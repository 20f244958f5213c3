// random_T: out[i] = scale · a normal number that depends on seed and i alone (Philox and the Box-Muller transform).
//
// out [count], on a boundary of 16 bytes. Any grid. Moves count · sizeof(T) bytes; about 40 FLOP an element.
#include "philox.cuh"

__device__ __forceinline__ long long firstIndex() {
  return static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ __forceinline__ long long indexStep() { return static_cast<long long>(gridDim.x) * blockDim.x; }

template <typename T>
__device__ void fillRandom(T* out, long long count, long long seed, float scale) {
  for (long long block = firstIndex(); block < (count + 3) / 4; block += indexStep()) {
    const Words words = philox(static_cast<unsigned>(block), static_cast<unsigned>(block >> 32), 0, 0, seed);
    Pack<T, 4> pack;
#pragma unroll
    for (int i = 0; i < 4; i += 2) {
      // In (0, 1): 24 bits and a half, so that the logarithm is finite.
      const float u = (static_cast<float>(words.at[i] >> 8) + 0.5f) * 0x1p-24f;
      const float angle = static_cast<float>(words.at[i + 1] >> 8) * (6.2831853f * 0x1p-24f);
      const float radius = scale * sqrtf(-2.0f * logf(u));
      pack.at[i] = radius * cosf(angle);
      pack.at[i + 1] = radius * sinf(angle);
    }
    store(out + block * 4, pack, static_cast<int>(count - block * 4 < 4 ? count - block * 4 : 4), true);
  }
}

#define RANDOM(name, T)                                                                                                   \
  extern "C" __global__ void random_##name(T* out, long long count, long long seed, float scale) {                       \
    awaitEarlierLaunch();                                                                                                 \
    fillRandom(out, count, seed, scale);                                                                                  \
  }                                                                                                                       \
  KERNEL(random_##name);
FOR_BOTH_TYPES(RANDOM)
