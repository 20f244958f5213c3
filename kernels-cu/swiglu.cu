// swiglu_T: out = silu(gate) · up (Shazeer, 2020), with silu(x) = x / (1 + e^-x), the quotient within 2 units in the
// last place.
//
// gateUp [rows, 2 · columns] of stride `stride`: gate, then up; out [rows, columns] of stride outStride. Grid (rows, y).
// Moves 3 · rows · columns · sizeof(T) bytes; 5 · rows · columns FLOP.
#include "common.cuh"

template <typename T>
__device__ void swiglu(const T* gateUp, int stride, T* out, int outStride, int columns) {
  constexpr int SIZE = Pack<T>::SIZE;
  const bool whole = isAligned(gateUp, stride) && isAligned(gateUp, columns) && isAligned(out, outStride);
  const T* gates = gateUp + offset(blockIdx.x, stride);
  T* to = out + offset(blockIdx.x, outStride);
  for (int c = firstColumn<SIZE>(); c < columns; c += columnStep<SIZE>()) {
    Pack<T> gate, up;
    load(gate, gates + c, columns - c, whole);
    load(up, gates + columns + c, columns - c, whole);
#pragma unroll
    for (int i = 0; i < SIZE; i++) {
      gate.at[i] = __fdividef(gate.at[i], 1.0f + expf(-gate.at[i])) * up.at[i];
    }
    store(to + c, gate, columns - c, whole);
  }
}

#define SWIGLU(name, T)                                                                                                   \
  extern "C" __global__ void swiglu_##name(const T* gateUp, int stride, T* out, int outStride, int columns) {            \
    awaitEarlierLaunch();                                                                                                 \
    swiglu(gateUp, stride, out, outStride, columns);                                                                      \
  }                                                                                                                       \
  KERNEL(swiglu_##name);
FOR_BOTH_TYPES(SWIGLU)
