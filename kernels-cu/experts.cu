// group_experts: sorts the entries of a routing by expert: a stable counting sort, so that the order never changes.
//
// ids [entries] = [rows, chosen]; -1: no expert. offsets [experts + 1]: group e is [offsets[e], offsets[e + 1]); groupRows [entries]: the
// row of every place in the groups; slots [entries]: the place of every entry, -1 if it has none. Grid (experts), any block. A warp
// has a range of the entries, and its lanes read neighbours.
// Every block reads all ids: 8 · experts · entries bytes, from the L2 cache; writes 8 · entries. 0 FLOP.
//
// combine_T: out = (accumulate ? out : 0) + Σ weights[i] · grouped[slots[i]] over the `chosen` entries of a row, in their order.
//
// grouped [entries, columns] of stride groupedStride, slots, weights [rows, chosen], out [rows, columns] of stride outStride.
// Grid (rows, y). Moves (chosen + 1) · rows · columns · sizeof(T) bytes; 2 · chosen · rows · columns FLOP.
#include "common.cuh"

extern "C" __global__ void group_experts(const int* ids, int entries, int chosen, int experts, int* offsets, int* groupRows,
                                         int* slots) {
  awaitEarlierLaunch();
  __shared__ int lessOfWarp[MAX_WARPS];
  __shared__ int countOfWarp[MAX_WARPS];
  const int expert = static_cast<int>(blockIdx.x);
  const int threads = static_cast<int>(blockDim.x), thread = static_cast<int>(threadIdx.x);
  const int lane = thread % WARP_SIZE, warp = thread / WARP_SIZE;
  const int warps = threads / WARP_SIZE;
  const int share = (entries + threads - 1) / threads * WARP_SIZE;
  const int first = min(entries, warp * share), end = min(entries, first + share);

  int less = 0, count = 0;
  for (int i = first + lane; i < end; i += WARP_SIZE) {
    less += ids[i] >= 0 && ids[i] < expert;
    count += ids[i] == expert;
  }
  less = warpSum(less);
  count = warpSum(count);
  if (lane == 0) {
    lessOfWarp[warp] = less;
    countOfWarp[warp] = count;
  }
  __syncthreads();

  int start = 0, total = 0, slot = 0;
  for (int i = 0; i < warps; i++) {
    start += lessOfWarp[i];
    slot += i < warp ? countOfWarp[i] : 0;
    total += countOfWarp[i];
  }
  slot += start;
  for (int i = first + lane; i - lane < end; i += WARP_SIZE) {
    const bool mine = i < end && ids[i] == expert;
    const unsigned all = __ballot_sync(ALL_LANES, mine);
    if (mine) {
      const int place = slot + __popc(all & ((1u << lane) - 1));
      slots[i] = place;
      groupRows[place] = i / chosen;
    } else if (expert == 0 && i < end && ids[i] < 0) {
      slots[i] = -1;
    }
    slot += __popc(all);
  }
  if (thread == 0) {
    offsets[expert] = start;
    if (expert == experts - 1) {
      offsets[experts] = start + total;
    }
  }
}
KERNEL(group_experts);

template <typename T>
__device__ void combine(const T* grouped, int groupedStride, const int* slots, const float* weights, int chosen, T* out,
                        int outStride, int columns, int accumulate) {
  constexpr int SIZE = Pack<T>::SIZE;
  const bool whole = isAligned(grouped, groupedStride) && isAligned(out, outStride);
  slots += offset(blockIdx.x, chosen);
  weights += offset(blockIdx.x, chosen);
  T* to = out + offset(blockIdx.x, outStride);
  for (int c = firstColumn<SIZE>(); c < columns; c += columnStep<SIZE>()) {
    Pack<T> sum = {};
    if (accumulate != 0) {
      load(sum, to + c, columns - c, whole);
    }
    for (int i = 0; i < chosen; i++) {
      if (slots[i] >= 0) {
        Pack<T> pack;
        load(pack, grouped + offset(slots[i], groupedStride) + c, columns - c, whole);
#pragma unroll
        for (int j = 0; j < SIZE; j++) {
          sum.at[j] += weights[i] * pack.at[j];
        }
      }
    }
    store(to + c, sum, columns - c, whole);
  }
}

#define COMBINE(name, T)                                                                                                  \
  extern "C" __global__ void combine_##name(const T* grouped, int groupedStride, const int* slots, const float* weights, \
                                            int chosen, T* out, int outStride, int columns, int accumulate) {             \
    awaitEarlierLaunch();                                                                                                 \
    combine(grouped, groupedStride, slots, weights, chosen, out, outStride, columns, accumulate);                         \
  }                                                                                                                       \
  KERNEL(combine_##name);
FOR_BOTH_TYPES(COMBINE)
