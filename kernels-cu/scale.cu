// scale_rows_T: x = x · factors[which] along every row.
//
// x [rows, columns] of stride `stride`, factors [kinds], which [rows]. Grid (rows, y).
// Moves 2 · rows · columns · sizeof(T) bytes; rows · columns FLOP.
//
// scale_choice_f32: weights = weights · scales[ids], of the choice of a router; an id of -1 leaves the weight.
//
// ids, weights [entries], scales [experts]. Grid (⌈entries / 256⌉), 256 threads. Moves 16 · entries bytes; entries FLOP.
#include "common.cuh"

template <typename T>
__device__ void scaleRows(T* x, int stride, const float* factors, const int* which, int columns) {
  constexpr int SIZE = Pack<T>::SIZE;
  const bool whole = isAligned(x, stride);
  const float factor = factors[which[blockIdx.x]];
  T* row = x + offset(blockIdx.x, stride);
  for (int c = firstColumn<SIZE>(); c < columns; c += columnStep<SIZE>()) {
    Pack<T> pack;
    load(pack, row + c, columns - c, whole);
#pragma unroll
    for (int i = 0; i < SIZE; i++) {
      pack.at[i] *= factor;
    }
    store(row + c, pack, columns - c, whole);
  }
}

#define SCALE_ROWS(name, T)                                                                                               \
  extern "C" __global__ void scale_rows_##name(T* x, int stride, const float* factors, const int* which, int columns) {  \
    awaitEarlierLaunch();                                                                                                 \
    scaleRows(x, stride, factors, which, columns);                                                                        \
  }                                                                                                                       \
  KERNEL(scale_rows_##name);
FOR_BOTH_TYPES(SCALE_ROWS)

extern "C" __global__ void scale_choice_f32(const int* ids, const float* scales, float* weights, int entries) {
  awaitEarlierLaunch();
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < entries && ids[i] >= 0) {
    weights[i] *= scales[ids[i]];
  }
}
KERNEL(scale_choice_f32);
