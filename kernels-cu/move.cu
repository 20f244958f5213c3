// move_T: out[to[i]] = x[from[i]].
//
// x [.., columns] of stride xStride, out [.., columns] of stride outStride, from and to [moves]. A move to -1 is none; the other
// targets are distinct. Grid (moves, y).
// Moves 2 · moves · columns · sizeof(T) bytes; 0 FLOP.
#include "common.cuh"

template <typename T>
__device__ void move(const T* x, int xStride, const int* from, T* out, int outStride, const int* to, int columns) {
  constexpr int SIZE = Pack<T>::SIZE;
  if (to[blockIdx.x] < 0) {
    return;
  }
  const bool whole = isAligned(x, xStride) && isAligned(out, outStride);
  const T* source = x + offset(from[blockIdx.x], xStride);
  T* target = out + offset(to[blockIdx.x], outStride);
  for (int c = firstColumn<SIZE>(); c < columns; c += columnStep<SIZE>()) {
    copyPack(target + c, source + c, columns - c, whole);
  }
}

#define MOVE(name, T)                                                                                                     \
  extern "C" __global__ void move_##name(const T* x, int xStride, const int* from, T* out, int outStride, const int* to, \
                                         int columns) {                                                                   \
    awaitEarlierLaunch();                                                                                                 \
    move(x, xStride, from, out, outStride, to, columns);                                                                  \
  }                                                                                                                       \
  KERNEL(move_##name);
FOR_BOTH_TYPES(MOVE)
