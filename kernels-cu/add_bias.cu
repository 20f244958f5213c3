// add_bias_T: x = x + bias along every row.
//
// x [rows, columns] of stride `stride`, bias [columns]. Grid (rows, y).
// Moves 2 · rows · columns · sizeof(T) bytes; rows · columns FLOP.
#include "common.cuh"

template <typename T>
__device__ void addBias(T* x, int stride, const float* bias, int columns) {
  constexpr int SIZE = Pack<T>::SIZE;
  const bool whole = isAligned(x, stride);
  T* row = x + offset(blockIdx.x, stride);
  for (int c = firstColumn<SIZE>(); c < columns; c += columnStep<SIZE>()) {
    Pack<T> pack;
    load(pack, row + c, columns - c, whole);
#pragma unroll
    for (int i = 0; i < SIZE; i++) {
      pack.at[i] += i < columns - c ? bias[c + i] : 0.0f;
    }
    store(row + c, pack, columns - c, whole);
  }
}

#define ADD_BIAS(name, T)                                                                                                 \
  extern "C" __global__ void add_bias_##name(T* x, int stride, const float* bias, int columns) {                         \
    awaitEarlierLaunch();                                                                                                 \
    addBias(x, stride, bias, columns);                                                                                    \
  }                                                                                                                       \
  KERNEL(add_bias_##name);
FOR_BOTH_TYPES(ADD_BIAS)
