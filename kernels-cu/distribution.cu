// soft_cap_T: x = cap · tanh(x / cap).
//
// x [rows, columns] of stride `stride`. Grid (rows, y). Moves 2 · rows · columns · sizeof(T) bytes; about 20 · rows · columns FLOP.
//
// vocabulary_cap: the same of logits, which are f32 whatever the activations are.
//
// softmax_T: out = e^(inverse · (logit - highest)) / sum along every row: probabilities at the temperature 1 / inverse.
//
// logits [rows, ids] of stride `stride` in f32, out [rows, ids] of stride outStride. Grid (rows), 256 threads; the order of the sum
// follows the block size. The logits are read three times: moves (12 + sizeof(T)) · rows · ids bytes; about 20 · rows · ids FLOP.
//
// transpose_T: out = xᵀ.
//
// x [rows, columns], out [columns, rows], dense. Grid (⌈columns / 32⌉, ⌈rows / 32⌉), 256 threads.
// Moves 2 · rows · columns · sizeof(T) bytes; 0 FLOP.
#include "common.cuh"

template <typename T>
__device__ void softCap(T* x, int stride, float cap, int columns) {
  constexpr int SIZE = Pack<T>::SIZE;
  const bool whole = isAligned(x, stride);
  T* row = x + offset(blockIdx.x, stride);
  for (int c = firstColumn<SIZE>(); c < columns; c += columnStep<SIZE>()) {
    Pack<T> pack;
    load(pack, row + c, columns - c, whole);
#pragma unroll
    for (int i = 0; i < SIZE; i++) {
      pack.at[i] = cap * tanhf(pack.at[i] / cap);
    }
    store(row + c, pack, columns - c, whole);
  }
}

template <typename T>
__device__ void softmaxRow(const float* logits, int stride, int ids, float inverse, T* out, int outStride) {
  __shared__ float highestOfWarp[MAX_WARPS];
  __shared__ float partial[MAX_WARPS];
  const float* row = logits + offset(blockIdx.x, stride);
  T* to = out + offset(blockIdx.x, outStride);
  const int thread = static_cast<int>(threadIdx.x), threads = static_cast<int>(blockDim.x);
  float highest = NEGATIVE_INFINITY;
  for (int id = thread; id < ids; id += threads) {
    highest = fmaxf(highest, row[id]);
  }
#pragma unroll
  for (int lanes = WARP_SIZE / 2; lanes > 0; lanes /= 2) {
    highest = fmaxf(highest, __shfl_xor_sync(ALL_LANES, highest, lanes));
  }
  if (thread % WARP_SIZE == 0) {
    highestOfWarp[thread / WARP_SIZE] = highest;
  }
  __syncthreads();
  for (int warp = 0; warp < threads / WARP_SIZE; warp++) {
    highest = fmaxf(highest, highestOfWarp[warp]);
  }
  float sum = 0;
  for (int id = thread; id < ids; id += threads) {
    sum += expf(inverse * (row[id] - highest));
  }
  const float share = 1.0f / blockSum(sum, partial);
  for (int id = thread; id < ids; id += threads) {
    to[id] = fromFloat<T>(expf(inverse * (row[id] - highest)) * share);
  }
}

constexpr int TRANSPOSED = 32;

template <typename T>
__device__ void transpose(const T* x, int rows, int columns, T* out) {
  __shared__ T tile[TRANSPOSED][TRANSPOSED + 1];
  const int lane = static_cast<int>(threadIdx.x) % TRANSPOSED;
  const int first = static_cast<int>(threadIdx.x) / TRANSPOSED, step = static_cast<int>(blockDim.x) / TRANSPOSED;
  const int column = static_cast<int>(blockIdx.x) * TRANSPOSED, row = static_cast<int>(blockIdx.y) * TRANSPOSED;
  for (int i = first; i < TRANSPOSED; i += step) {
    if (row + i < rows && column + lane < columns) {
      tile[i][lane] = x[offset(row + i, columns) + column + lane];
    }
  }
  __syncthreads();
  for (int i = first; i < TRANSPOSED; i += step) {
    if (column + i < columns && row + lane < rows) {
      out[offset(column + i, rows) + row + lane] = tile[lane][i];
    }
  }
}

#define DISTRIBUTION(name, T)                                                                                             \
  extern "C" __global__ void soft_cap_##name(T* x, int stride, float cap, int columns) {                                  \
    awaitEarlierLaunch();                                                                                                 \
    softCap(x, stride, cap, columns);                                                                                     \
  }                                                                                                                       \
  KERNEL(soft_cap_##name);                                                                                                \
  extern "C" __global__ void softmax_##name(const float* logits, int stride, int ids, float inverse, T* out,             \
                                            int outStride) {                                                              \
    awaitEarlierLaunch();                                                                                                 \
    softmaxRow(logits, stride, ids, inverse, out, outStride);                                                             \
  }                                                                                                                       \
  KERNEL(softmax_##name);                                                                                                 \
  extern "C" __global__ void transpose_##name(const T* x, int rows, int columns, T* out) {                                \
    awaitEarlierLaunch();                                                                                                 \
    transpose(x, rows, columns, out);                                                                                     \
  }                                                                                                                       \
  KERNEL(transpose_##name);
FOR_BOTH_TYPES(DISTRIBUTION)

extern "C" __global__ void vocabulary_cap(float* logits, int stride, float cap, int columns) {
  awaitEarlierLaunch();
  softCap(logits, stride, cap, columns);
}
KERNEL(vocabulary_cap);
