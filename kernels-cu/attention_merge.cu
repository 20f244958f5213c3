// attention_merge_T: the segments' sums that attention_split_T has left, merged in order and divided: the bits of attention_T.
//
// Grid (work items, kvHeads) as there, 256 threads. Moves (headSize + 4) · 4 bytes per query, head and segment.
#include "attention.cuh"

template <typename T>
__device__ __forceinline__ void attentionMerge(const Attention<T>& of, int headSize) {
  const int4 item = of.work[blockIdx.x];
  if (item.z <= 0) {
    return;
  }
  const Tile tile(of, item, static_cast<int>(blockIdx.y));
  const Sequence sequence = of.sequences[item.x];
  constexpr float LOG2_E = 1.44269504f;
  const float scale = LOG2_E / sqrtf(static_cast<float>(headSize));
  const int packs = headSize / 4;
  for (int i = static_cast<int>(threadIdx.x); i < tile.rows * packs; i += static_cast<int>(blockDim.x)) {
    const int row = i / packs, column = i % packs * 4;
    const int query = tile.query(row), head = tile.head(row);
    const int limit = min(of.limits[query], sequence.cachedCount + sequence.keyCount);
    Softmax all = {NEGATIVE_INFINITY, 0};
    Pack<float> sum = {};
    const int first = firstSeen(limit, of.window) / SEGMENT;
    for (int segment = first; segment * SEGMENT < limit; segment++) {
      const int stateRow = item.w + segment * item.z + query - item.y;
      const float* const state = of.states + stateAt(stateRow, of.heads, head, headSize);
      const Softmax softmax = {state[headSize], state[headSize + 1]};
      Pack<float> added;
      load(added, state + column, 4, true);
      if (segment == first) {
        all = softmax;
        sum = added;
      } else {
        const Merge merge(all, softmax, scale, [](float x) { return powerOf(T{}, x); });
#pragma unroll
        for (int c = 0; c < 4; c++) {
          sum.at[c] = merge.of(sum.at[c], added.at[c]);
        }
      }
    }
    const float inverse = inverseOf(all.sum);
    Pack<T, 4> result;
#pragma unroll
    for (int c = 0; c < 4; c++) {
      result.at[c] = fmaf(sum.at[c], inverse, 0.0f);
    }
    store(of.out + offset(query, of.outStride) + head * headSize + column, result, 4, true);
  }
}

#define ATTENTION_MERGE(name, T)                                                                                          \
  extern "C" __global__ void attention_merge_##name(float* states, T* out, int outStride, int heads, int kvHeads,         \
                                                    int headSize, const int4* work, const Sequence* sequences,            \
                                                    const int* limits, int window) {                                      \
    awaitEarlierLaunch();                                                                                                 \
    Attention<T> of = {};                                                                                                 \
    of.states = states;                                                                                                   \
    of.out = out;                                                                                                         \
    of.outStride = outStride;                                                                                             \
    of.heads = heads;                                                                                                     \
    of.kvHeads = kvHeads;                                                                                                 \
    of.work = work;                                                                                                       \
    of.sequences = sequences;                                                                                             \
    of.limits = limits;                                                                                                   \
    of.window = window;                                                                                                   \
    attentionMerge(of, headSize);                                                                                         \
  }                                                                                                                       \
  KERNEL(attention_merge_##name);
FOR_BOTH_TYPES(ATTENTION_MERGE)
