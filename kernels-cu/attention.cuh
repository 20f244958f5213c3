// What the attentions share: where queries and keys lie, and how the sums over segments of keys become one.
#pragma once

#include "common.cuh"

// Keys of a sequence are summed in segments, counted from key 0, and the segments' sums are merged in order: one block may do it
// all, or one a segment, with the same bits. 256, because decoding one sequence of 4,096 keys with 8 key heads then makes 128
// blocks, about as many as a GPU has multiprocessors, and a block that goes over all of them merges after every fourth tile only.
constexpr int SEGMENT = 256;

struct Sequence {
  int keyStart;     // first row of its computed keys in k and v
  int cachedCount;  // keys that lie in the KV cache
  int firstSlot;    // index into the slots
  int keyCount;     // computed keys
};

template <typename T>
struct Attention {
  const T* q;
  int qStride;
  const T* k;
  int kStride;
  const T* v;
  int vStride;
  T* out;
  int outStride;
  int heads;
  int kvHeads;
  const int4* work;
  const Sequence* sequences;
  const int* limits;
  const T* keyCache;
  const T* valueCache;
  const int* slots;
  int cacheStride;
  int window;
  float* states;
};

// The first key that a query sees of its `limit` leading ones.
__device__ __forceinline__ int firstSeen(int limit, int window) { return max(limit - window, 0); }

// The rows of a block's tile: row r is query r / group of the work item, seen through head r % group of the group.
struct Tile {
  int group;
  int rows;
  int firstQuery;
  int keyHead;

  template <typename T>
  __device__ Tile(const Attention<T>& of, const int4& item, int keyHead)
      : group(of.heads / of.kvHeads), rows(item.z * group), firstQuery(item.y), keyHead(keyHead) {}

  __device__ int query(int row) const { return firstQuery + row / group; }
  __device__ int head(int row) const { return keyHead * group + row % group; }
};

// The softmax over some keys of a row, before it is divided by its sum: weights are 2^(scale · (score - top)).
struct Softmax {
  float top;
  float sum;
};

// What merges the segments of attentions of a type.
__device__ __forceinline__ float powerOf(bf16, float x) { return powerOfTwo(x); }
__device__ __forceinline__ float powerOf(float, float x) { return exp2f(x); }

// What two softmaxes and their sums of values are multiplied by when they become one; 2^x is `power`. Keys that are all hidden
// change nothing.
struct Merge {
  float before;
  float added;

  template <typename Power>
  __device__ __forceinline__ Merge(Softmax& all, const Softmax& segment, float scale, Power power) {
    const bool hidden = segment.top == NEGATIVE_INFINITY;
    const float top = fmaxf(all.top, segment.top);
    before = hidden ? 1.0f : power((all.top - top) * scale);
    added = hidden ? 0.0f : power((segment.top - top) * scale);
    all.top = top;
    all.sum = of(all.sum, segment.sum);
  }

  __device__ __forceinline__ float of(float all, float segment) const { return fmaf(segment, added, all * before); }
};

// What a row's sums are divided by, inverted: rows that see nothing get zeros. `fmaf(sum, inverse, 0)` is never -0, so no sign of a
// zero tells which segments were merged.
__device__ __forceinline__ float inverseOf(float sum) { return sum > 0 ? 1.0f / sum : 0.0f; }

// A segment's sums of one row and head on their way to the merge: the values' [headSize], then the softmax. Padded to 16 bytes.
__device__ __forceinline__ size_t stateAt(int row, int heads, int head, int headSize) {
  return (static_cast<size_t>(row) * static_cast<size_t>(heads) + static_cast<size_t>(head)) * static_cast<size_t>(headSize + 4);
}

// The first key that a tile's rows see, and how many leading ones: the same in every thread.
struct Range {
  int first;
  int limit;
};

// `ends` is shared, two elements a warp.
template <typename T>
__device__ __forceinline__ Range rangeOf(const Attention<T>& of, const Tile& tile, int keys, int* ends) {
  int limit = 0, hidden = 0x7FFFFFFF;
  for (int query = static_cast<int>(threadIdx.x); query < tile.rows / tile.group; query += static_cast<int>(blockDim.x)) {
    const int own = min(of.limits[tile.firstQuery + query], keys);
    limit = max(limit, own);
    hidden = min(hidden, firstSeen(own, of.window));
  }
#pragma unroll
  for (int lanes = WARP_SIZE / 2; lanes > 0; lanes /= 2) {
    limit = max(limit, __shfl_xor_sync(ALL_LANES, limit, lanes));
    hidden = min(hidden, __shfl_xor_sync(ALL_LANES, hidden, lanes));
  }
  const int warp = static_cast<int>(threadIdx.x) / WARP_SIZE;
  if (threadIdx.x % WARP_SIZE == 0) {
    ends[2 * warp] = limit;
    ends[2 * warp + 1] = hidden;
  }
  __syncthreads();
  for (int each = 0; each < static_cast<int>(blockDim.x) / WARP_SIZE; each++) {
    limit = max(limit, ends[2 * each]);
    hidden = min(hidden, ends[2 * each + 1]);
  }
  return {min(hidden, limit), limit};
}

// What of the range lies in a segment.
__device__ __forceinline__ Range ofSegment(const Range& range, int segment) {
  const int start = segment * SEGMENT;
  return {max(range.first, start), min(range.limit, start + SEGMENT)};
}

#define ATTENTION_ARGUMENTS(T)                                                                                            \
  const T *q, int qStride, const T *k, int kStride, const T *v, int vStride, T *out, int outStride, int heads,            \
      int kvHeads, const int4 *work, const Sequence *sequences, const int *limits, const T *keyCache,                     \
      const T *valueCache, const int *slots, int cacheStride, int window
#define ATTENTION_VALUES                                                                                                  \
  {q,        qStride,    k,     kStride,     v,      vStride, out, outStride, heads, kvHeads, work, sequences, limits,    \
   keyCache, valueCache, slots, cacheStride, window, nullptr}

#define ATTENTION_SPLIT_ARGUMENTS(T)                                                                                      \
  const T *q, int qStride, const T *k, int kStride, const T *v, int vStride, float *states, int heads, int kvHeads,       \
      const int4 *work, const Sequence *sequences, const int *limits, const T *keyCache, const T *valueCache,             \
      const int *slots, int cacheStride, int window
#define ATTENTION_SPLIT_VALUES                                                                                            \
  {q,        qStride,    k,     kStride,     v,      vStride, nullptr, 0, heads, kvHeads, work, sequences, limits,        \
   keyCache, valueCache, slots, cacheStride, window, states}

#define FOR_HEAD_SIZES(definition) \
  definition(16)                   \
  definition(32)                   \
  definition(48)                   \
  definition(64)                   \
  definition(80)                   \
  definition(96)                   \
  definition(112)                  \
  definition(128)                  \
  definition(160)                  \
  definition(192)                  \
  definition(224)                  \
  definition(256)

// Heads whose sums of values do not fit into registers beside the queries of a tile.
#define FOR_WIDEST_HEAD_SIZES(definition) \
  definition(512)
