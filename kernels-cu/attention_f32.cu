// attention_f32_hD: softmax(q · kᵀ / sqrt(D)) · v per head in f32, without tensor cores, D = 16, 32, … 128.
//
// q, out [query rows, heads · D], k, v [key rows, kvHeads · D], limits [query rows]: how many leading keys a query sees.
// Grid (work items, kvHeads), 128 threads, 512 · D + 8704 bytes of dynamic shared memory. A block takes the queries of its item and
// the heads of its group as a tile of 64 rows, 8 a half-warp, and goes once over tiles of 32 keys from key 0 on, with an online
// softmax. A row's bits depend on its query, its limit and the keys alone, as in attention_bf16.
// Per sequence with Q queries and K keys moves at least (2 · Q · heads + 2 · K · kvHeads) · D · 4 bytes, K and V once more for every
// 64 / group queries, from the L2 cache as a rule; 4 · Q · K · heads · D FLOP.
#include "attention.cuh"

template <int D>
struct F32Attention {
  static constexpr int KEYS = 32;
  static constexpr int THREADS = 128;
  static constexpr int LANES = 16;          // threads that share rows
  static constexpr int ROWS = 8;            // rows of a thread
  static constexpr int KEY_STRIDE = D + 4;  // 16 bytes of padding, against bank conflicts
  static constexpr int CHUNKS = D / 4;      // of 16 bytes in a row

  const Attention<float>& of;
  const Tile tile;
  const Sequence sequence;
  const int limit;  // of the whole tile
  float* const queries;

  __device__ float* keys() const { return queries + TILE_ROWS * D; }
  __device__ float* values() const { return keys() + KEYS * KEY_STRIDE; }
  __device__ float* weights() const { return values() + KEYS * D; }

  __device__ void loadQueries() const {
    for (int i = static_cast<int>(threadIdx.x); i < TILE_ROWS * CHUNKS; i += THREADS) {
      const int row = i / CHUNKS, column = i % CHUNKS * 4;
      float4 four = {0, 0, 0, 0};
      if (row < tile.rows) {
        four = *reinterpret_cast<const float4*>(of.q + offset(tile.query(row), of.qStride) + tile.head(row) * D + column);
      }
      *reinterpret_cast<float4*>(queries + row * D + column) = four;
    }
  }

  __device__ void loadTile(int index) const {
    for (int i = static_cast<int>(threadIdx.x); i < KEYS * CHUNKS; i += THREADS) {
      const int row = i / CHUNKS, column = i % CHUNKS * 4;
      float4 key = {0, 0, 0, 0}, value = key;
      if (index * KEYS + row < limit) {
        const KeyAndValue<float> found =
            find(of, sequence, index * KEYS + row, static_cast<int>(blockIdx.y) * D + column);
        key = *reinterpret_cast<const float4*>(found.key);
        value = *reinterpret_cast<const float4*>(found.value);
      }
      *reinterpret_cast<float4*>(keys() + row * KEY_STRIDE + column) = key;
      *reinterpret_cast<float4*>(values() + row * D + column) = value;
    }
  }

  __device__ void run() const {
    const int lane = static_cast<int>(threadIdx.x) % LANES;
    const int firstRow = static_cast<int>(threadIdx.x) / LANES * ROWS;
    const int tiles = (limit + KEYS - 1) / KEYS;
    constexpr float LOG2_E = 1.44269504f;
    const float scale = LOG2_E / sqrtf(static_cast<float>(D));

    int limits[ROWS];
    float highest[ROWS];
    float sums[ROWS];
    float sum[ROWS][D / LANES];
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
      limits[r] = firstRow + r < tile.rows ? min(of.limits[tile.query(firstRow + r)], limit) : 0;
      highest[r] = NEGATIVE_INFINITY;
      sums[r] = 0;
#pragma unroll
      for (int c = 0; c < D / LANES; c++) {
        sum[r][c] = 0;
      }
    }
    loadQueries();

    for (int t = 0; t < tiles; t++) {
      __syncthreads();
      loadTile(t);
      __syncthreads();

      float score[ROWS][2] = {};
      for (int d = 0; d < D; d += 4) {
        const float4 key0 = *reinterpret_cast<const float4*>(keys() + lane * KEY_STRIDE + d);
        const float4 key1 = *reinterpret_cast<const float4*>(keys() + (lane + LANES) * KEY_STRIDE + d);
#pragma unroll
        for (int r = 0; r < ROWS; r++) {
          const float4 query = *reinterpret_cast<const float4*>(queries + (firstRow + r) * D + d);
          score[r][0] += query.x * key0.x + query.y * key0.y + query.z * key0.z + query.w * key0.w;
          score[r][1] += query.x * key1.x + query.y * key1.y + query.z * key1.z + query.w * key1.w;
        }
      }
#pragma unroll
      for (int r = 0; r < ROWS; r++) {
#pragma unroll
        for (int i = 0; i < 2; i++) {
          if (t * KEYS + lane + i * LANES >= limits[r]) {
            score[r][i] = NEGATIVE_INFINITY;
          }
        }
        float top = fmaxf(highest[r], fmaxf(score[r][0], score[r][1]));
#pragma unroll
        for (int lanes = LANES / 2; lanes > 0; lanes /= 2) {
          top = fmaxf(top, __shfl_xor_sync(ALL_LANES, top, lanes));
        }
        const float base = top == NEGATIVE_INFINITY ? 0.0f : top * scale;
        const float factor = top == NEGATIVE_INFINITY ? 1.0f : exp2f((highest[r] - top) * scale);
        highest[r] = top;
        float added = 0;
#pragma unroll
        for (int i = 0; i < 2; i++) {
          const float weight = exp2f(score[r][i] * scale - base);
          weights()[(firstRow + r) * KEYS + lane + i * LANES] = weight;
          added += weight;
        }
        sums[r] = sums[r] * factor + added;
#pragma unroll
        for (int c = 0; c < D / LANES; c++) {
          sum[r][c] *= factor;
        }
      }
      __syncwarp();
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
    }

#pragma unroll
    for (int r = 0; r < ROWS; r++) {
#pragma unroll
      for (int lanes = LANES / 2; lanes > 0; lanes /= 2) {
        sums[r] += __shfl_xor_sync(ALL_LANES, sums[r], lanes);
      }
      if (firstRow + r < tile.rows) {
        const float inverse = sums[r] > 0 ? 1.0f / sums[r] : 0.0f;
        float* to = of.out + offset(tile.query(firstRow + r), of.outStride) + tile.head(firstRow + r) * D;
#pragma unroll
        for (int c = 0; c < D / LANES; c++) {
          to[lane + c * LANES] = sum[r][c] * inverse;
        }
      }
    }
  }
};

template <int D>
__device__ __forceinline__ void attentionF32(const Attention<float>& of) {
  DYNAMIC_SHARED(shared);
  __shared__ int highest[MAX_WARPS];
  const int4 item = of.work[blockIdx.x];
  if (item.z <= 0) {
    return;
  }
  const Tile tile(of, item);
  const Sequence sequence = of.sequences[item.x];
  const int limit = highestLimit(of, tile, sequence.cachedCount + sequence.keyCount, highest);
  F32Attention<D>{of, tile, sequence, limit, reinterpret_cast<float*>(shared)}.run();
}

#define ATTENTION_F32(D)                                                                                                  \
  extern "C" __global__ void __launch_bounds__(128, 2) attention_f32_h##D(ATTENTION_ARGUMENTS(float)) {                  \
    attentionF32<D>(Attention<float> ATTENTION_VALUES);                                                                   \
  }                                                                                                                       \
  KERNEL(attention_f32_h##D);
FOR_HEAD_SIZES(ATTENTION_F32)
