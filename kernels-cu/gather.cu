// gather_T: out[row] = x[rows[row]].
//
// x [.., columns] of stride xStride, rows [rows], out [rows, columns] of stride outStride. Grid (rows, y).
// Moves 2 · rows · columns · sizeof(T) bytes; 0 FLOP.
#include "common.cuh"

template <typename T>
__device__ void gather(const T* x, int xStride, const int* rows, T* out, int outStride, int columns) {
  constexpr int SIZE = Pack<T>::SIZE;
  const bool whole = isAligned(x, xStride) && isAligned(out, outStride);
  const T* from = x + offset(rows[blockIdx.x], xStride);
  T* to = out + offset(blockIdx.x, outStride);
  for (int c = firstColumn<SIZE>(); c < columns; c += columnStep<SIZE>()) {
    copyPack(to + c, from + c, columns - c, whole);
  }
}

#define GATHER(name, T)                                                                                                   \
  extern "C" __global__ void gather_##name(const T* x, int xStride, const int* rows, T* out, int outStride,              \
                                           int columns) {                                                                 \
    awaitEarlierLaunch();                                                                                                 \
    gather(x, xStride, rows, out, outStride, columns);                                                                    \
  }                                                                                                                       \
  KERNEL(gather_##name);
FOR_BOTH_TYPES(GATHER)
