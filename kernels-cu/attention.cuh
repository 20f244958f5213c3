// What both attentions share: where queries and keys lie.
#pragma once

#include "common.cuh"

constexpr int TILE_ROWS = 64;  // queries times heads of a group that a block works on

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
};

// The rows of a block's tile: row r is query r / group of the work item, seen through head r % group of the group.
struct Tile {
  int group;
  int rows;
  int firstQuery;
  int firstHead;

  template <typename T>
  __device__ Tile(const Attention<T>& of, const int4& item)
      : group(of.heads / of.kvHeads),
        rows(item.z * group),
        firstQuery(item.y),
        firstHead(static_cast<int>(blockIdx.y) * group) {}

  __device__ int query(int row) const { return firstQuery + row / group; }
  __device__ int head(int row) const { return firstHead + row % group; }
};

// Where the key and the value of one head lie.
template <typename T>
struct KeyAndValue {
  const T* key;
  const T* value;
};

// `column` is that of an element within the rows of k, v and the caches.
template <typename T>
__device__ __forceinline__ KeyAndValue<T> find(const Attention<T>& of, const Sequence& sequence, int key, int column) {
  if (key < sequence.cachedCount) {
    const size_t at = offset(of.slots[sequence.firstSlot + key], of.cacheStride) + column;
    return {of.keyCache + at, of.valueCache + at};
  }
  const int row = sequence.keyStart + key - sequence.cachedCount;
  return {of.k + offset(row, of.kStride) + column, of.v + offset(row, of.vStride) + column};
}

// The highest limit of the tile, in every thread. `highest` is shared.
template <typename T>
__device__ __forceinline__ int highestLimit(const Attention<T>& of, const Tile& tile, int keys, int* highest) {
  int limit = 0;
  for (int row = static_cast<int>(threadIdx.x); row < tile.rows; row += static_cast<int>(blockDim.x)) {
    limit = max(limit, min(of.limits[tile.query(row)], keys));
  }
#pragma unroll
  for (int lanes = WARP_SIZE / 2; lanes > 0; lanes /= 2) {
    limit = max(limit, __shfl_xor_sync(ALL_LANES, limit, lanes));
  }
  if (threadIdx.x % WARP_SIZE == 0) {
    highest[threadIdx.x / WARP_SIZE] = limit;
  }
  __syncthreads();
  for (int warp = 0; warp < static_cast<int>(blockDim.x) / WARP_SIZE; warp++) {
    limit = max(limit, highest[warp]);
  }
  return limit;
}

#define ATTENTION_ARGUMENTS(T)                                                                                            \
  const T *q, int qStride, const T *k, int kStride, const T *v, int vStride, T *out, int outStride, int heads,            \
      int kvHeads, const int4 *work, const Sequence *sequences, const int *limits, const T *keyCache,                     \
      const T *valueCache, const int *slots, int cacheStride
#define ATTENTION_VALUES                                                                                                  \
  {q,       qStride,   k,      kStride,  v,          vStride, out,       outStride, heads,                                \
   kvHeads, work,      sequences, limits, keyCache,  valueCache, slots,  cacheStride}

#define FOR_HEAD_SIZES(definition) \
  definition(16)                   \
  definition(32)                   \
  definition(48)                   \
  definition(64)                   \
  definition(80)                   \
  definition(96)                   \
  definition(112)                  \
  definition(128)
