// rotary_T: rotary embedding of every head in place (Su et al., 2021; the half-split form of GPT-NeoX), after an RMS norm of the
// head if there is a gain. What the norm gives is rounded to T before it is rotated: one launch has the bits of two.
//
// x [rows, heads · headSize] of stride xStride, positions [rows], table [positions, rotarySize]: cosines of the first half, then
// its sines; gain [headSize] or null, of the first queryHeads heads, and keyGain, of the others. Elements of a head from rotarySize on are not rotated; at 0 neither positions nor table are read. Grid (rows, y), a warp a head.
// Moves 2 · rows · heads · rotarySize · sizeof(T) bytes (with a gain, headSize instead); 3 (7) FLOP an element.
#include "common.cuh"

template <typename T>
__device__ void rotary(T* x, int xStride, int heads, int queryHeads, int headSize, int rotarySize, const int* positions,
                       const float* table, const float* queryGain, const float* keyGain, float epsilon) {
  constexpr int SIZE = 2;
  const int lane = static_cast<int>(threadIdx.x) % WARP_SIZE;
  const int warps = static_cast<int>(blockDim.x) / WARP_SIZE;
  const int firstHead = static_cast<int>(blockIdx.y) * warps + static_cast<int>(threadIdx.x) / WARP_SIZE;
  const int half = rotarySize / 2;
  const bool whole = isAligned<SIZE * sizeof(T)>(x, xStride) && headSize % SIZE == 0 && half % SIZE == 0;
  const float* cosines = rotarySize == 0 ? table : table + offset(positions[blockIdx.x], rotarySize);
  const float* sines = cosines + half;

  for (int h = firstHead; h < heads; h += static_cast<int>(gridDim.y) * warps) {
    T* head = x + offset(blockIdx.x, xStride) + h * headSize;
    const float* const gain = h < queryHeads ? queryGain : keyGain;
    float inverse = 1;
    if (gain != nullptr) {
      float sum = 0;
      for (int i = lane * SIZE; i < headSize; i += WARP_SIZE * SIZE) {
        Pack<T, SIZE> pack;
        load(pack, head + i, headSize - i, whole);
        sum += pack.at[0] * pack.at[0] + pack.at[1] * pack.at[1];
      }
      inverse = 1.0f / sqrtf(warpSum(sum) / static_cast<float>(headSize) + epsilon);
    }
    for (int i = lane * SIZE; i < half; i += WARP_SIZE * SIZE) {
      Pack<T, SIZE> low, high;
      load(low, head + i, half - i, whole);
      load(high, head + half + i, half - i, whole);
#pragma unroll
      for (int j = 0; j < SIZE; j++) {
        if (i + j < half) {
          float a = low.at[j], b = high.at[j];
          if (gain != nullptr) {
            a = rounded<T>(a * (inverse * gain[i + j]));
            b = rounded<T>(b * (inverse * gain[half + i + j]));
          }
          const float cosine = cosines[i + j], sine = sines[i + j];
          low.at[j] = fmaf(a, cosine, -(b * sine));
          high.at[j] = fmaf(b, cosine, a * sine);
        }
      }
      store(head + i, low, half - i, whole);
      store(head + half + i, high, half - i, whole);
    }
    if (gain != nullptr) {
      for (int i = rotarySize + lane * SIZE; i < headSize; i += WARP_SIZE * SIZE) {
        Pack<T, SIZE> pack;
        load(pack, head + i, headSize - i, whole);
#pragma unroll
        for (int j = 0; j < SIZE; j++) {
          if (i + j < headSize) {
            pack.at[j] *= inverse * gain[i + j];
          }
        }
        store(head + i, pack, headSize - i, whole);
      }
    }
  }
}

#define ROTARY(name, T)                                                                                                   \
  extern "C" __global__ void rotary_##name(T* x, int xStride, int heads, int queryHeads, int headSize, int rotarySize,   \
                                           const int* positions, const float* table, const float* gain,                   \
                                           const float* keyGain, float epsilon) {                                         \
    awaitEarlierLaunch();                                                                                                 \
    rotary(x, xStride, heads, queryHeads, headSize, rotarySize, positions, table, gain, keyGain, epsilon);                \
  }                                                                                                                       \
  KERNEL(rotary_##name);
FOR_BOTH_TYPES(ROTARY)
