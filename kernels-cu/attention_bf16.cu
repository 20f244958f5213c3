// attention_bf16_hD: softmax(q · kᵀ / sqrt(D)) · v per head, on tensor cores, D = 16, 32, … 128; tuned for 64 and 128.
//
// q, out [query rows, heads · D], k, v [key rows, kvHeads · D], limits [query rows]: how many leading keys a query sees.
// Grid (work items, kvHeads), 128 threads, 512 · (D + 8) bytes of dynamic shared memory. A block takes the queries of its item and
// the heads of its group as a tile of 64 rows, 16 a warp, and goes once over tiles of 64 keys from key 0 on, with an online softmax
// (Milakov and Gimelshein, 2018; Dao, 2023). Keys and values come through cp.async, one tile ahead.
// A row's bits depend on its query, its limit and the keys alone: a tile that is hidden from a row wholly leaves the row's sums as
// they are (its maximum stays, so the rescaling is 2^0 = 1, and what is added is 0).
// Per sequence with Q queries and K keys moves at least (2 · Q · heads + 2 · K · kvHeads) · D · 2 bytes, K and V once more for every
// 64 / group queries, from the L2 cache as a rule; 4 · Q · K · heads · D FLOP.
#include "attention.cuh"

template <int D>
struct Bf16Attention {
  static constexpr int KEYS = 64;
  static constexpr int THREADS = 128;
  static constexpr int STRIDE = D + 8;  // 16 bytes of padding: the eight rows of an ldmatrix fall on different banks
  static constexpr int CHUNKS = D / 8;  // of 16 bytes in a row
  static constexpr int TILE = KEYS * STRIDE;

  const Attention<bf16>& of;
  const Tile tile;
  const Sequence sequence;
  const int limit;  // of the whole tile
  bf16* const shared;

  __device__ bf16* keys(int stage) const { return shared + stage * 2 * TILE; }
  __device__ bf16* values(int stage) const { return shared + (stage * 2 + 1) * TILE; }

  // The queries lie where the second stage's keys come later.
  __device__ bf16* queries() const { return keys(1); }

  __device__ void startQueries() const {
    for (int i = static_cast<int>(threadIdx.x); i < TILE_ROWS * CHUNKS; i += THREADS) {
      const int row = i / CHUNKS, column = i % CHUNKS * 8;
      const bool present = row < tile.rows;
      const bf16* from = present ? of.q + offset(tile.query(row), of.qStride) + tile.head(row) * D + column : of.q;
      startCopy(queries() + row * STRIDE + column, from, present);
    }
  }

  // Two groups of copies: the keys, then the values.
  __device__ void startTile(int index, int stage) const {
    constexpr int ROUNDS = (KEYS * CHUNKS + THREADS - 1) / THREADS;
    const bf16* from[ROUNDS];
#pragma unroll
    for (int round = 0; round < ROUNDS; round++) {
      const int i = static_cast<int>(threadIdx.x) + round * THREADS;
      const int row = i / CHUNKS, column = i % CHUNKS * 8;
      const int key = index * KEYS + row;
      const bool present = key < limit;
      from[round] = of.v;
      if (i < KEYS * CHUNKS) {
        const bf16* keyFrom = of.k;
        if (present) {
          const KeyAndValue<bf16> found = find(of, sequence, key, static_cast<int>(blockIdx.y) * D + column);
          keyFrom = found.key;
          from[round] = found.value;
        }
        startCopy(keys(stage) + row * STRIDE + column, keyFrom, present);
      }
    }
    endCopies();
#pragma unroll
    for (int round = 0; round < ROUNDS; round++) {
      const int i = static_cast<int>(threadIdx.x) + round * THREADS;
      const int row = i / CHUNKS, column = i % CHUNKS * 8;
      if (i < KEYS * CHUNKS) {
        startCopy(values(stage) + row * STRIDE + column, from[round], index * KEYS + row < limit);
      }
    }
    endCopies();
  }

  __device__ void run() const {
    const int warp = static_cast<int>(threadIdx.x) / WARP_SIZE, lane = static_cast<int>(threadIdx.x) % WARP_SIZE;
    const int tiles = (limit + KEYS - 1) / KEYS;

    // This lane's two rows of the tile, and what they see.
    const int rows[2] = {warp * 16 + lane / 4, warp * 16 + lane / 4 + 8};
    int limits[2];
    int least = limit;
#pragma unroll
    for (int r = 0; r < 2; r++) {
      limits[r] = rows[r] < tile.rows ? min(of.limits[tile.query(rows[r])], limit) : 0;
      least = rows[r] < tile.rows ? min(least, limits[r]) : least;
    }

    startQueries();
    startTile(0, 0);
    awaitCopies<1>();
    __syncthreads();
    unsigned query[D / 16][4];
#pragma unroll
    for (int step = 0; step < D / 16; step++) {
      loadMatrices(query[step], queries() + (warp * 16 + lane % 16) * STRIDE + step * 16 + lane / 16 * 8);
    }
    __syncthreads();

    constexpr float LOG2_E = 1.44269504f;
    const float scale = LOG2_E / sqrtf(static_cast<float>(D));
    float highest[2] = {NEGATIVE_INFINITY, NEGATIVE_INFINITY};
    float sums[2] = {0, 0};
    float sum[D / 8][4] = {};

    for (int t = 0; t < tiles; t++) {
      const int stage = t % 2;
      if (t + 1 < tiles) {
        startTile(t + 1, 1 - stage);
        awaitCopies<3>();
      } else {
        awaitCopies<1>();
      }
      __syncthreads();

      float score[KEYS / 8][4] = {};
#pragma unroll
      for (int step = 0; step < D / 16; step++) {
#pragma unroll
        for (int n = 0; n < KEYS / 16; n++) {
          unsigned key[4];
          loadMatrices(key, keys(stage) + (n * 16 + lane / 16 * 8 + lane % 8) * STRIDE + step * 16 + lane / 8 % 2 * 8);
          mma16816(score[2 * n], query[step], key[0], key[1]);
          mma16816(score[2 * n + 1], query[step], key[2], key[3]);
        }
      }
      if ((t + 1) * KEYS > least) {
#pragma unroll
        for (int n = 0; n < KEYS / 8; n++) {
#pragma unroll
          for (int i = 0; i < 4; i++) {
            if (t * KEYS + n * 8 + lane % 4 * 2 + i % 2 >= limits[i / 2]) {
              score[n][i] = NEGATIVE_INFINITY;
            }
          }
        }
      }

#pragma unroll
      for (int r = 0; r < 2; r++) {
        float top = highest[r];
#pragma unroll
        for (int n = 0; n < KEYS / 8; n++) {
          top = fmaxf(top, fmaxf(score[n][2 * r], score[n][2 * r + 1]));
        }
        top = fmaxf(top, __shfl_xor_sync(ALL_LANES, top, 1));
        top = fmaxf(top, __shfl_xor_sync(ALL_LANES, top, 2));
        const float base = top == NEGATIVE_INFINITY ? 0.0f : top * scale;
        const float factor = top == NEGATIVE_INFINITY ? 1.0f : powerOfTwo((highest[r] - top) * scale);
        highest[r] = top;
        float added = 0;
#pragma unroll
        for (int n = 0; n < KEYS / 8; n++) {
#pragma unroll
          for (int i = 2 * r; i < 2 * r + 2; i++) {
            score[n][i] = powerOfTwo(score[n][i] * scale - base);
            added += score[n][i];
          }
        }
        sums[r] = sums[r] * factor + added;
#pragma unroll
        for (int n = 0; n < D / 8; n++) {
          sum[n][2 * r] *= factor;
          sum[n][2 * r + 1] *= factor;
        }
      }

      if (t + 1 < tiles) {
        awaitCopies<2>();
      } else {
        awaitCopies<0>();
      }
      __syncthreads();
#pragma unroll
      for (int step = 0; step < KEYS / 16; step++) {
        const unsigned weight[4] = {roundToBf16Pair(score[2 * step][0], score[2 * step][1]),
                                    roundToBf16Pair(score[2 * step][2], score[2 * step][3]),
                                    roundToBf16Pair(score[2 * step + 1][0], score[2 * step + 1][1]),
                                    roundToBf16Pair(score[2 * step + 1][2], score[2 * step + 1][3])};
#pragma unroll
        for (int n = 0; n < D / 16; n++) {
          unsigned value[4];
          loadMatricesTransposed(value, values(stage) + (step * 16 + lane % 16) * STRIDE + n * 16 + lane / 16 * 8);
          mma16816(sum[2 * n], weight, value[0], value[1]);
          mma16816(sum[2 * n + 1], weight, value[2], value[3]);
        }
      }
      __syncthreads();
    }
    awaitCopies<0>();
    __syncthreads();
    write(rows, sums, sum);
  }

  // Through shared memory, so that whole 16 bytes go out.
  __device__ void write(const int (&rows)[2], float (&sums)[2], float (&sum)[D / 8][4]) const {
    const int warp = static_cast<int>(threadIdx.x) / WARP_SIZE, lane = static_cast<int>(threadIdx.x) % WARP_SIZE;
    bf16* const staged = keys(0);
#pragma unroll
    for (int r = 0; r < 2; r++) {
      sums[r] += __shfl_xor_sync(ALL_LANES, sums[r], 1);
      sums[r] += __shfl_xor_sync(ALL_LANES, sums[r], 2);
      const float inverse = sums[r] > 0 ? 1.0f / sums[r] : 0.0f;
#pragma unroll
      for (int n = 0; n < D / 8; n++) {
        *reinterpret_cast<unsigned*>(staged + rows[r] * STRIDE + n * 8 + lane % 4 * 2) =
            roundToBf16Pair(sum[n][2 * r] * inverse, sum[n][2 * r + 1] * inverse);
      }
    }
    __syncwarp();
    for (int i = lane; i < 16 * CHUNKS; i += WARP_SIZE) {
      const int row = warp * 16 + i / CHUNKS, column = i % CHUNKS * 8;
      if (row < tile.rows) {
        *reinterpret_cast<uint4*>(of.out + offset(tile.query(row), of.outStride) + tile.head(row) * D + column) =
            *reinterpret_cast<const uint4*>(staged + row * STRIDE + column);
      }
    }
  }
};

template <int D>
__device__ __forceinline__ void attentionBf16(const Attention<bf16>& of) {
  DYNAMIC_SHARED(shared);
  __shared__ int highest[MAX_WARPS];
  const int4 item = of.work[blockIdx.x];
  if (item.z <= 0) {
    return;
  }
  const Tile tile(of, item);
  const Sequence sequence = of.sequences[item.x];
  const int limit = highestLimit(of, tile, sequence.cachedCount + sequence.keyCount, highest);
  Bf16Attention<D>{of, tile, sequence, limit, reinterpret_cast<bf16*>(shared)}.run();
}

#define ATTENTION_BF16(D)                                                                                                 \
  extern "C" __global__ void __launch_bounds__(128, 2) attention_bf16_h##D(ATTENTION_ARGUMENTS(bf16)) {                  \
    attentionBf16<D>(Attention<bf16> ATTENTION_VALUES);                                                                   \
  }                                                                                                                       \
  KERNEL(attention_bf16_h##D);
FOR_HEAD_SIZES(ATTENTION_BF16)
