// attention_f32_hD: softmax(q · kᵀ / sqrt(D)) · v per head in f32, without tensor cores, D = 16, 32, … 128, 160, … 256.
// attention_split_f32_hD: the sums of every segment of keys on their own, for attention_merge_f32.
//
// q, out [query rows, heads · D], k, v [key rows, kvHeads · D], limits [query rows]: how many leading keys a query sees, and of these
// the last `window`.
// Grid (work items, kvHeads), split (work items, segments · kvHeads), 256 threads. A block takes the queries of its item and
// the heads of its group as a tile of 64 rows, 4 a half-warp, and goes once over tiles of 32 keys (16 above D = 128), with an online
// softmax for each segment of 256. At D = 512, whose sums would not fit into registers, it goes over the keys for 32 rows at a time, 2 a
// half-warp; and so do attention_bf16_h512 and attention_split_bf16_h512, with 128 threads for 16 rows at a time: no tensor cores there. A row's bits depend on its query, its limit and the keys alone, as in attention_bf16.
// Per sequence with Q queries and K keys moves at least (2 · Q · heads + 2 · K · kvHeads) · D · 4 bytes, K and V once more for every
// 64 / group queries, from the L2 cache as a rule; 4 · Q · K · heads · D FLOP.
#include "attention.cuh"

__device__ __forceinline__ float4 loadFour(const float* from) { return *reinterpret_cast<const float4*>(from); }

__device__ __forceinline__ float4 loadFour(const bf16* from) {
  Pack<bf16, 4> four;
  load(four, from, 4, true);
  return {four.at[0], four.at[1], four.at[2], four.at[3]};
}

template <typename T, int D, bool SPLIT>
struct F32Attention {
  static constexpr bool IS_WIDE = D > 128;
  static constexpr int KEYS = IS_WIDE ? 16 : 32;
  static constexpr int THREADS = sizeof(T) == sizeof(float) ? 256 : 128;
  static constexpr int LANES = 16;                            // threads that share rows
  static constexpr int TILE_ROWS = D > 256 ? THREADS / 8 : 64;  // of a tile of 64, at a time
  static constexpr int ROWS = TILE_ROWS * LANES / THREADS;    // of a thread
  static constexpr int OWN = KEYS / LANES;                    // keys of a thread
  static constexpr int KEY_STRIDE = D + 4;  // 16 bytes of padding, against bank conflicts
  static constexpr int CHUNKS = D / 4;      // of 16 bytes in a row

  const Attention<T>& of;
  const Tile tile;
  const Sequence sequence;
  const Range range;
  const int stateRow;  // of the first query, if split
  float* const queries;
  const int base;  // the tile's row that the rows at hand begin with

  // Wide values lie where the keys were.
  __device__ float* keys() const { return queries + TILE_ROWS * D; }
  __device__ float* values() const { return keys() + (IS_WIDE ? 0 : KEYS * KEY_STRIDE); }
  __device__ float* weights() const { return keys() + KEYS * KEY_STRIDE + (IS_WIDE ? 0 : KEYS * D); }

  __device__ void loadQueries() const {
    for (int i = static_cast<int>(threadIdx.x); i < TILE_ROWS * CHUNKS; i += THREADS) {
      const int row = i / CHUNKS, column = i % CHUNKS * 4;
      float4 four = {0, 0, 0, 0};
      if (base + row < tile.rows) {
        four = loadFour(of.q + offset(tile.query(base + row), of.qStride) + tile.head(base + row) * D + column);
      }
      *reinterpret_cast<float4*>(queries + row * D + column) = four;
    }
  }

  __device__ void loadKeys(int index) const {
    load(keys(), KEY_STRIDE, index, of.keyCache, of.k, of.kStride);
  }

  __device__ void loadValues(int index) const { load(values(), D, index, of.valueCache, of.v, of.vStride); }

  __device__ void load(float* to, int toStride, int index, const T* cache, const T* computed, int stride) const {
    for (int i = static_cast<int>(threadIdx.x); i < KEYS * CHUNKS; i += THREADS) {
      const int row = i / CHUNKS, column = i % CHUNKS * 4;
      const int key = index * KEYS + row;
      float4 four = {0, 0, 0, 0};
      if (key < range.limit) {
        const T* const from =
            key < sequence.cachedCount
                ? cache + offset(of.slots[sequence.firstSlot + key], of.cacheStride)
                : computed + offset(sequence.keyStart + key - sequence.cachedCount, stride);
        four = loadFour(from + tile.keyHead * D + column);
      }
      *reinterpret_cast<float4*>(to + row * toStride + column) = four;
    }
  }

  __device__ void run() const {
    const int lane = static_cast<int>(threadIdx.x) % LANES;
    const int firstRow = static_cast<int>(threadIdx.x) / LANES * ROWS;
    const int tiles = (range.limit + KEYS - 1) / KEYS;
    constexpr float LOG2_E = 1.44269504f;
    const float scale = LOG2_E / sqrtf(static_cast<float>(D));

    int limits[ROWS];
    Softmax all[ROWS];
    Softmax segment[ROWS];
    float sums[ROWS][D / LANES];  // of the segments before
    float sum[ROWS][D / LANES];
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
      limits[r] = base + firstRow + r < tile.rows
                      ? min(of.limits[tile.query(base + firstRow + r)], sequence.cachedCount + sequence.keyCount)
                      : 0;
      all[r] = segment[r] = {NEGATIVE_INFINITY, 0};
#pragma unroll
      for (int c = 0; c < D / LANES; c++) {
        sums[r][c] = sum[r][c] = 0;
      }
    }
    loadQueries();

    for (int t = range.first / KEYS; t < tiles; t++) {
      __syncthreads();
      loadKeys(t);
      if (!IS_WIDE) {
        loadValues(t);
      }
      __syncthreads();

      float score[ROWS][OWN] = {};
#pragma unroll 1
      for (int d = 0; d < D; d += 4) {
        float4 key[OWN];
#pragma unroll
        for (int i = 0; i < OWN; i++) {
          key[i] = *reinterpret_cast<const float4*>(keys() + (lane + i * LANES) * KEY_STRIDE + d);
        }
#pragma unroll
        for (int r = 0; r < ROWS; r++) {
          const float4 query = *reinterpret_cast<const float4*>(queries + (firstRow + r) * D + d);
#pragma unroll
          for (int i = 0; i < OWN; i++) {
            score[r][i] += query.x * key[i].x + query.y * key[i].y + query.z * key[i].z + query.w * key[i].w;
          }
        }
      }
#pragma unroll
      for (int r = 0; r < ROWS; r++) {
        float top = segment[r].top;
#pragma unroll
        for (int i = 0; i < OWN; i++) {
          const int at = t * KEYS + lane + i * LANES;
          if (at >= limits[r] || at < limits[r] - of.window) {
            score[r][i] = NEGATIVE_INFINITY;
          }
          top = fmaxf(top, score[r][i]);
        }
#pragma unroll
        for (int lanes = LANES / 2; lanes > 0; lanes /= 2) {
          top = fmaxf(top, __shfl_xor_sync(ALL_LANES, top, lanes));
        }
        const float base = top == NEGATIVE_INFINITY ? 0.0f : top * scale;
        const float factor = top == NEGATIVE_INFINITY ? 1.0f : exp2f((segment[r].top - top) * scale);
        segment[r].top = top;
        float added = 0;
#pragma unroll
        for (int i = 0; i < OWN; i++) {
          const float weight = exp2f(score[r][i] * scale - base);
          weights()[(firstRow + r) * KEYS + lane + i * LANES] = weight;
          added += weight;
        }
        segment[r].sum = segment[r].sum * factor + added;
#pragma unroll
        for (int c = 0; c < D / LANES; c++) {
          sum[r][c] *= factor;
        }
      }
      if (IS_WIDE) {
        __syncthreads();
        loadValues(t);
        __syncthreads();
      }
      __syncwarp();
#pragma unroll 1
      for (int key = 0; key < KEYS; key++) {
        float weight[ROWS];
#pragma unroll
        for (int r = 0; r < ROWS; r++) {
          weight[r] = weights()[(firstRow + r) * KEYS + key];
        }
#pragma unroll
        for (int c = 0; c < D / LANES; c++) {
          const float value = values()[key * D + lane + c * LANES];
#pragma unroll
          for (int r = 0; r < ROWS; r++) {
            sum[r][c] += weight[r] * value;
          }
        }
      }
      if ((t + 1) % (SEGMENT / KEYS) == 0 || t + 1 == tiles) {
        close(all, segment, sums, sum, scale, SPLIT || range.first / SEGMENT == t * KEYS / SEGMENT);
      }
    }
    if (SPLIT) {
      keep(firstRow, all, sums);
    } else {
      write(firstRow, all, sums);
    }
  }

  // Ends a segment: adds what the segments before it have left, if it is not the first.
  __device__ void close(Softmax (&all)[ROWS], Softmax (&segment)[ROWS], float (&sums)[ROWS][D / LANES],
                        float (&sum)[ROWS][D / LANES], float scale, bool isFirst) const {
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
#pragma unroll
      for (int lanes = LANES / 2; lanes > 0; lanes /= 2) {
        segment[r].sum += __shfl_xor_sync(ALL_LANES, segment[r].sum, lanes);
      }
      if (isFirst) {
        all[r] = segment[r];
      }
      const Softmax added = isFirst ? Softmax{NEGATIVE_INFINITY, 0} : segment[r];
      const Merge merge(all[r], added, scale, [](float x) { return powerOf(T{}, x); });
#pragma unroll
      for (int c = 0; c < D / LANES; c++) {
        sums[r][c] = isFirst ? sum[r][c] : merge.of(sums[r][c], sum[r][c]);
        sum[r][c] = 0;
      }
      segment[r] = {NEGATIVE_INFINITY, 0};
    }
  }

  // Leaves the segment's sums to the merge.
  __device__ void keep(int firstRow, const Softmax (&softmax)[ROWS], const float (&sums)[ROWS][D / LANES]) const {
    const int lane = static_cast<int>(threadIdx.x) % LANES;
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
      const int row = base + firstRow + r;
      if (row < tile.rows) {
        float* const to = of.states + stateAt(stateRow + row / tile.group, of.heads, tile.head(row), D);
#pragma unroll
        for (int c = 0; c < D / LANES; c++) {
          to[lane + c * LANES] = sums[r][c];
        }
        if (lane == 0) {
          to[D] = softmax[r].top;
          to[D + 1] = softmax[r].sum;
        }
      }
    }
  }

  __device__ void write(int firstRow, const Softmax (&softmax)[ROWS], const float (&sums)[ROWS][D / LANES]) const {
    const int lane = static_cast<int>(threadIdx.x) % LANES;
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
      const int row = base + firstRow + r;
      if (row < tile.rows) {
        const float inverse = inverseOf(softmax[r].sum);
        T* const to = of.out + offset(tile.query(row), of.outStride) + tile.head(row) * D;
#pragma unroll
        for (int c = 0; c < D / LANES; c++) {
          to[lane + c * LANES] = fromFloat<T>(fmaf(sums[r][c], inverse, 0.0f));
        }
      }
    }
  }
};

template <typename T, int D, bool SPLIT>
__device__ __forceinline__ void attentionF32(const Attention<T>& of) {
  DYNAMIC_SHARED(shared);
  __shared__ int ends[2 * MAX_WARPS];
  const int4 item = of.work[blockIdx.x];
  if (item.z <= 0) {
    return;
  }
  const int segment = SPLIT ? static_cast<int>(blockIdx.y) / of.kvHeads : 0;
  const Tile tile(of, item, static_cast<int>(blockIdx.y) - segment * of.kvHeads);
  const Sequence sequence = of.sequences[item.x];
  Range range = rangeOf(of, tile, sequence.cachedCount + sequence.keyCount, ends);
  if (SPLIT) {
    range = ofSegment(range, segment);
    if (range.first >= range.limit) {
      return;
    }
  }
  const int stateRow = item.w + segment * item.z;
  using Part = F32Attention<T, D, SPLIT>;
  if (Part::TILE_ROWS == 64) {
    Part{of, tile, sequence, range, stateRow, reinterpret_cast<float*>(shared), 0}.run();
  } else {
    for (int base = 0; base < tile.rows; base += Part::TILE_ROWS) {
      __syncthreads();
      Part{of, tile, sequence, range, stateRow, reinterpret_cast<float*>(shared), base}.run();
    }
  }
}

#define ATTENTION_F32(D)                                                                                                  \
  extern "C" __global__ void __launch_bounds__(256, 1) attention_f32_h##D(ATTENTION_ARGUMENTS(float)) {                   \
    awaitEarlierLaunch();                                                                                                 \
    attentionF32<float, D, false>(Attention<float> ATTENTION_VALUES);                                                     \
  }                                                                                                                       \
  KERNEL(attention_f32_h##D);                                                                                             \
  extern "C" __global__ void __launch_bounds__(256, 1) attention_split_f32_h##D(ATTENTION_SPLIT_ARGUMENTS(float)) {       \
    awaitEarlierLaunch();                                                                                                 \
    attentionF32<float, D, true>(Attention<float> ATTENTION_SPLIT_VALUES);                                                \
  }                                                                                                                       \
  KERNEL(attention_split_f32_h##D);
FOR_HEAD_SIZES(ATTENTION_F32)
FOR_WIDEST_HEAD_SIZES(ATTENTION_F32)

#define ATTENTION_FMA_BF16(D)                                                                                             \
  extern "C" __global__ void __launch_bounds__(128, 2) attention_bf16_h##D(ATTENTION_ARGUMENTS(bf16)) {                   \
    awaitEarlierLaunch();                                                                                                 \
    attentionF32<bf16, D, false>(Attention<bf16> ATTENTION_VALUES);                                                       \
  }                                                                                                                       \
  KERNEL(attention_bf16_h##D);                                                                                            \
  extern "C" __global__ void __launch_bounds__(128, 2) attention_split_bf16_h##D(ATTENTION_SPLIT_ARGUMENTS(bf16)) {       \
    awaitEarlierLaunch();                                                                                                 \
    attentionF32<bf16, D, true>(Attention<bf16> ATTENTION_SPLIT_VALUES);                                                  \
  }                                                                                                                       \
  KERNEL(attention_split_bf16_h##D);
FOR_WIDEST_HEAD_SIZES(ATTENTION_FMA_BF16)
