// guide_T: classifier-free guidance, x[a] = x[b] + (scale + 1) · (x[a] - x[b]) for every pair {a, b}.
//
// x [.., columns] of stride `stride`, pairs [pairs], scales [pairs]. Grid (pairs, y); a pair with a = -1 is padding.
// Moves 3 · pairs · columns · sizeof(T) bytes; 3 · pairs · columns FLOP.
#include "common.cuh"

template <typename T>
__device__ void guide(T* x, int stride, int columns, const int2* pairs, const float* scales) {
  constexpr int SIZE = Pack<T>::SIZE;
  const int2 pair = pairs[blockIdx.x];
  if (pair.x < 0) {
    return;
  }
  const bool whole = isAligned(x, stride);
  const float factor = scales[blockIdx.x] + 1.0f;
  T* guided = x + offset(pair.x, stride);
  const T* unconditional = x + offset(pair.y, stride);
  for (int c = firstColumn<SIZE>(); c < columns; c += columnStep<SIZE>()) {
    Pack<T> with, without;
    load(with, guided + c, columns - c, whole);
    load(without, unconditional + c, columns - c, whole);
#pragma unroll
    for (int i = 0; i < SIZE; i++) {
      with.at[i] = without.at[i] + factor * (with.at[i] - without.at[i]);
    }
    store(guided + c, with, columns - c, whole);
  }
}

#define GUIDE(name, T)                                                                                                    \
  extern "C" __global__ void guide_##name(T* x, int stride, int columns, const int2* pairs, const float* scales) {       \
    awaitEarlierLaunch();                                                                                                 \
    guide(x, stride, columns, pairs, scales);                                                                             \
  }                                                                                                                       \
  KERNEL(guide_##name);
FOR_BOTH_TYPES(GUIDE)
