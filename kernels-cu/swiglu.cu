// swiglu_T: out = silu(gate) · up (Shazeer, 2020), with silu(x) = x / (1 + e^-x), the quotient within 2 units in the
// last place.
// geglu_T: out = gelu(gate) · up, with gelu(x) = x / 2 · (1 + tanh(sqrt(2 / pi) · (x + 0.044715 · x³))) (Hendrycks and Gimpel, 2016).
//
// gateUp [rows, 2 · columns] of stride `stride`: gate, then up; out [rows, columns] of stride outStride. Grid (rows, y).
// Moves 3 · rows · columns · sizeof(T) bytes; 5 · rows · columns FLOP.
#include "common.cuh"

struct Silu {
  static __device__ __forceinline__ float of(float x) { return __fdividef(x, 1.0f + expf(-x)); }
};

struct TanhGelu {
  static __device__ __forceinline__ float of(float x) {
    return 0.5f * x * (1.0f + tanhf(0.7978846f * fmaf(0.044715f * x * x, x, x)));
  }
};

template <typename Gate, typename T>
__device__ void gated(const T* gateUp, int stride, T* out, int outStride, int columns) {
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
      gate.at[i] = Gate::of(gate.at[i]) * up.at[i];
    }
    store(to + c, gate, columns - c, whole);
  }
}

#define SWIGLU(name, T)                                                                                                   \
  extern "C" __global__ void swiglu_##name(const T* gateUp, int stride, T* out, int outStride, int columns) {            \
    awaitEarlierLaunch();                                                                                                 \
    gated<Silu>(gateUp, stride, out, outStride, columns);                                                                 \
  }                                                                                                                       \
  KERNEL(swiglu_##name);                                                                                                  \
  extern "C" __global__ void geglu_##name(const T* gateUp, int stride, T* out, int outStride, int columns) {             \
    awaitEarlierLaunch();                                                                                                 \
    gated<TanhGelu>(gateUp, stride, out, outStride, columns);                                                             \
  }                                                                                                                       \
  KERNEL(geglu_##name);
FOR_BOTH_TYPES(SWIGLU)
