// rms_norm_T: out = x / sqrt(mean(x²) + epsilon) · gain (Zhang and Sennrich, 2019).
// add_rms_norm_T: out = out + that.
//
// x, out [rows, columns] with their strides, gain [columns]. Grid (rows); the order of the sum follows the block size.
// Moves 2 (3) · rows · columns · sizeof(T) bytes; 4 (5) · rows · columns FLOP.
#include "common.cuh"

template <typename T, bool ADDS>
__device__ void rmsNorm(const T* x, int xStride, const float* gain, float epsilon, T* out, int outStride, int columns) {
  constexpr int SIZE = Pack<T>::SIZE;
  constexpr int HELD = 4;  // packs of a thread that stay in registers; wider rows are read again
  __shared__ float partial[MAX_WARPS];
  const bool whole = isAligned(x, xStride) && isAligned(out, outStride);
  const bool wholeGain = isAligned(gain, 0);
  const T* row = x + offset(blockIdx.x, xStride);
  T* to = out + offset(blockIdx.x, outStride);
  const int first = static_cast<int>(threadIdx.x) * SIZE;
  const int step = static_cast<int>(blockDim.x) * SIZE;

  auto squares = [](const Pack<T>& pack) {
    float sum = 0;
#pragma unroll
    for (int i = 0; i < SIZE; i++) {
      sum += pack.at[i] * pack.at[i];
    }
    return sum;
  };
  auto finish = [&](Pack<T>& pack, int c, float inverse) {
    Pack<float, SIZE> gains;
    if (wholeGain && columns - c >= SIZE) {
#pragma unroll
      for (int i = 0; i < SIZE; i += 4) {
        const float4 four = *reinterpret_cast<const float4*>(gain + c + i);
        gains.at[i] = four.x;
        gains.at[i + 1] = four.y;
        gains.at[i + 2] = four.z;
        gains.at[i + 3] = four.w;
      }
    } else {
#pragma unroll
      for (int i = 0; i < SIZE; i++) {
        gains.at[i] = i < columns - c ? gain[c + i] : 0.0f;
      }
    }
#pragma unroll
    for (int i = 0; i < SIZE; i++) {
      pack.at[i] = pack.at[i] * inverse * gains.at[i];
    }
    if (ADDS) {
      Pack<T> before;
      load(before, to + c, columns - c, whole);
#pragma unroll
      for (int i = 0; i < SIZE; i++) {
        pack.at[i] += before.at[i];
      }
    }
    store(to + c, pack, columns - c, whole);
  };

  Pack<T> held[HELD];
  float sum = 0;
#pragma unroll
  for (int i = 0; i < HELD; i++) {
    const int c = first + i * step;
    if (c < columns) {
      load(held[i], row + c, columns - c, whole);
      sum += squares(held[i]);
    }
  }
  for (int c = first + HELD * step; c < columns; c += step) {
    Pack<T> pack;
    load(pack, row + c, columns - c, whole);
    sum += squares(pack);
  }
  const float inverse = 1.0f / sqrtf(blockSum(sum, partial) / static_cast<float>(columns) + epsilon);
#pragma unroll
  for (int i = 0; i < HELD; i++) {
    const int c = first + i * step;
    if (c < columns) {
      finish(held[i], c, inverse);
    }
  }
  for (int c = first + HELD * step; c < columns; c += step) {
    Pack<T> pack;
    load(pack, row + c, columns - c, whole);
    finish(pack, c, inverse);
  }
}

#define RMS_NORM(name, T)                                                                                                 \
  extern "C" __global__ void rms_norm_##name(const T* x, int xStride, const float* gain, float epsilon, T* out,          \
                                             int outStride, int columns) {                                                \
    awaitEarlierLaunch();                                                                                                 \
    rmsNorm<T, false>(x, xStride, gain, epsilon, out, outStride, columns);                                                \
  }                                                                                                                       \
  KERNEL(rms_norm_##name);                                                                                                \
  extern "C" __global__ void add_rms_norm_##name(const T* x, int xStride, const float* gain, float epsilon, T* out,      \
                                                 int outStride, int columns) {                                            \
    awaitEarlierLaunch();                                                                                                 \
    rmsNorm<T, true>(x, xStride, gain, epsilon, out, outStride, columns);                                                 \
  }                                                                                                                       \
  KERNEL(add_rms_norm_##name);
FOR_BOTH_TYPES(RMS_NORM)
