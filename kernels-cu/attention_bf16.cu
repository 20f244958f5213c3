// attention_bf16_hD: softmax(q · kᵀ / sqrt(D)) · v per head, on tensor cores, D = 16, 32, … 128, 160, … 256; tuned for 64 and 128.
// attention_split_bf16_hD: the sums of every segment of keys on their own, for attention_merge_bf16.
//
// q, out [query rows, heads · D], k, v [key rows, kvHeads · D], limits [query rows]: how many leading keys a query sees, and of these
// the last `window`.
// Grid (work items, kvHeads), split (work items, segments · kvHeads), 128 threads. A block takes the queries of its item and the heads
// of its group as a tile of 64 rows, 16 a warp, and goes once over tiles of 64 keys (32 at D = 192 and 224, 16 at 256), with an online softmax
// (Milakov and Gimelshein, 2018; Dao, 2023) for each segment of 256. Between segments the sums lie in shared memory, every thread's
// own. Keys and values come through cp.async: the values of a tile while its keys are multiplied, the next keys while the values
// are; a split block holds two tiles of both. Which rows of the cache they are is read a tile before.
// A row's bits depend on its query, its limit and the keys alone: a tile that is hidden from a row wholly leaves the row's sums as
// they are (its maximum stays, so the rescaling is 2^0 = 1, and what is added is 0), and so does a segment.
// Per sequence with Q queries and K keys moves at least (2 · Q · heads + 2 · K · kvHeads) · D · 2 bytes, K and V once more for every
// 64 / group queries, from the L2 cache as a rule; 4 · Q · K · heads · D FLOP. Split, (D + 4) · 4 bytes more per query, head and
// segment.
#include "attention.cuh"

// Rows of a matrix by their number, strides in bytes.
struct Rows {
  const char* first;
  int stride;

  __device__ const char* at(int row) const { return first + static_cast<long long>(row) * stride; }
};

template <int D, bool SPLIT>
struct Bf16Attention {
  static constexpr int ROWS = 64;
  static constexpr int KEYS = D > 224 ? 16 : D > 160 ? 32 : 64;
  static constexpr int STAGES = SPLIT && D <= 128 ? 2 : 1;
  static constexpr int THREADS = 128;
  static constexpr int STRIDE = D + 8;  // 16 bytes of padding: the eight rows of an ldmatrix fall on different banks
  static constexpr int CHUNKS = D / 8;  // of 16 bytes in a row
  static constexpr int TILE = KEYS * STRIDE;
  static constexpr int LANES = CHUNKS > 16 ? 32 : CHUNKS > 8 ? 16 : CHUNKS > 4 ? 8 : CHUNKS > 2 ? 4 : 2;  // that copy a row
  static constexpr int STEP = WARP_SIZE / LANES;                     // rows that a warp copies at once
  static constexpr int WARP_KEYS = KEYS / (THREADS / WARP_SIZE);     // that a warp copies of a tile

  const Attention<bf16>& of;
  const Tile tile;
  const Sequence sequence;
  const Range range;
  const int stateRow;  // of the first query, if split
  bf16* const shared;

  __device__ bf16* keys(int stage) const { return shared + stage * 2 * TILE; }
  __device__ bf16* values(int stage) const { return shared + (stage * 2 + 1) * TILE; }

  // The queries lie where the second tile, or the sums, come later.
  __device__ bf16* queries() const { return keys(STAGES == 2 ? 1 - range.first / KEYS % 2 : 1); }
  __device__ float4* sums() const { return reinterpret_cast<float4*>(keys(1)) + threadIdx.x; }

  __device__ void startQueries() const {
    const int column = static_cast<int>(threadIdx.x) % LANES * 8;
    if (column < D) {
      for (int row = static_cast<int>(threadIdx.x) / LANES; row < ROWS; row += THREADS / LANES) {
        const bool present = row < tile.rows;
        const bf16* from = present ? of.q + offset(tile.query(row), of.qStride) + tile.head(row) * D + column : of.q;
        startCopy(queries() + row * STRIDE + column, from, present);
      }
    }
  }

  // Where the keys of a tile lie that this warp copies, one a lane: their rows in the cache or among the computed ones. Behind the
  // last key it is the last once more.
  __device__ int locate(int index) const {
    const int key = keyOf(index, static_cast<int>(threadIdx.x) % WARP_KEYS);
    return key < sequence.cachedCount ? of.slots[sequence.firstSlot + key]
                                      : sequence.keyStart - sequence.cachedCount + key;
  }

  __device__ int keyOf(int index, int row) const {
    return min(index * KEYS + static_cast<int>(threadIdx.x) / WARP_SIZE * WARP_KEYS + row, range.limit - 1);
  }

  // Copies the located rows of a tile, if there is one.
  __device__ void start(bf16* to, int located, int index, const Rows& cache, const Rows& computed) const {
    const int warp = static_cast<int>(threadIdx.x) / WARP_SIZE, lane = static_cast<int>(threadIdx.x) % WARP_SIZE;
    const int column = lane % LANES * 8;
    bf16* const mine = to + (warp * WARP_KEYS + lane / LANES) * STRIDE + column;
    int rows[WARP_KEYS / STEP];
#pragma unroll
    for (int i = 0; i < WARP_KEYS / STEP; i++) {
      rows[i] = __shfl_sync(ALL_LANES, located, i * STEP + lane / LANES);
    }
    if (index * KEYS >= range.limit || column >= D) {
      return;
    }
    if (index * KEYS < sequence.cachedCount && (index + 1) * KEYS > sequence.cachedCount) {
#pragma unroll
      for (int i = 0; i < WARP_KEYS / STEP; i++) {
        const bool isCached = keyOf(index, i * STEP + lane / LANES) < sequence.cachedCount;
        startCopy(mine + i * STEP * STRIDE, (isCached ? cache : computed).at(rows[i]));
      }
    } else {
      const Rows from = index * KEYS < sequence.cachedCount ? cache : computed;
#pragma unroll
      for (int i = 0; i < WARP_KEYS / STEP; i++) {
        startCopy(mine + i * STEP * STRIDE, from.at(rows[i]));
      }
    }
  }

  // This lane's columns of this head in some rows.
  __device__ Rows rowsOf(const bf16* matrix, int stride) const {
    const int column = static_cast<int>(threadIdx.x) % LANES * 8;
    return {reinterpret_cast<const char*>(matrix + tile.keyHead * D + column),
            stride * static_cast<int>(sizeof(bf16))};
  }

  __device__ void startKeys(int located, int index) const {
    start(keys(index % STAGES), located, index, rowsOf(of.keyCache, of.cacheStride), rowsOf(of.k, of.kStride));
  }

  __device__ void startValues(int located, int index) const {
    start(values(index % STAGES), located, index, rowsOf(of.valueCache, of.cacheStride), rowsOf(of.v, of.vStride));
  }

  __device__ void run() const {
    const int warp = static_cast<int>(threadIdx.x) / WARP_SIZE, lane = static_cast<int>(threadIdx.x) % WARP_SIZE;
    const int tiles = (range.limit + KEYS - 1) / KEYS;
    const int firstTile = range.first / KEYS;

    // This lane's two rows of the tile, and what they see.
    const int rows[2] = {warp * 16 + lane / 4, warp * 16 + lane / 4 + 8};
    int limits[2];
    int least = range.limit;
#pragma unroll
    for (int r = 0; r < 2; r++) {
      limits[r] = rows[r] < tile.rows
                      ? min(of.limits[tile.query(rows[r])], sequence.cachedCount + sequence.keyCount)
                      : 0;
      least = rows[r] < tile.rows ? min(least, limits[r]) : least;
    }
    const int masked = firstSeen(max(limits[0], limits[1]), of.window);  // tiles before it have keys that a row does not see

    int located = 0;
    startQueries();
    if (firstTile < tiles) {
      located = locate(firstTile);
    }
    startKeys(located, firstTile);
    endCopies();
    if (STAGES == 2) {
      startValues(located, firstTile);
      endCopies();
      located = locate(firstTile + 1);
    }
    awaitCopies<STAGES - 1>();
    __syncthreads();
    unsigned query[D / 16][4];
#pragma unroll
    for (int step = 0; step < D / 16; step++) {
      loadMatrices(query[step], queries() + (warp * 16 + lane % 16) * STRIDE + step * 16 + lane / 16 * 8);
    }

    constexpr float LOG2_E = 1.44269504f;
    const float scale = LOG2_E / sqrtf(static_cast<float>(D));
    Softmax all[2] = {{NEGATIVE_INFINITY, 0}, {NEGATIVE_INFINITY, 0}};
    Softmax segment[2] = {{NEGATIVE_INFINITY, 0}, {NEGATIVE_INFINITY, 0}};
    float sum[D / 8][4] = {};
    bool isFirst = true;

    for (int t = firstTile; t < tiles; t++) {
      awaitCopies<STAGES - 1>();
      __syncthreads();
      if (STAGES == 2) {
        startKeys(located, t + 1);
        endCopies();
        startValues(located, t + 1);
        endCopies();
        located = locate(t + 2);
      } else {
        startValues(located, t);
        endCopies();
        located = locate(t + 1);
      }

      const bf16* const key = keys(t % STAGES) + (lane / 16 * 8 + lane % 8) * STRIDE + lane / 8 % 2 * 8;
      float score[KEYS / 8][4] = {};
#pragma unroll
      for (int step = 0; step < D / 16; step++) {
#pragma unroll
        for (int n = 0; n < KEYS / 16; n++) {
          unsigned pair[4];
          loadMatrices(pair, key + n * 16 * STRIDE + step * 16);
          mma16816(score[2 * n], query[step], pair[0], pair[1]);
          mma16816(score[2 * n + 1], query[step], pair[2], pair[3]);
        }
      }
      if (STAGES == 1) {
        __syncthreads();
        startKeys(located, t + 1);
        endCopies();
      }

      if ((t + 1) * KEYS > least || t * KEYS < masked) {
#pragma unroll
        for (int n = 0; n < KEYS / 8; n++) {
#pragma unroll
          for (int i = 0; i < 4; i++) {
            const int at = t * KEYS + n * 8 + lane % 4 * 2 + i % 2;
            if (at >= limits[i / 2] || at < limits[i / 2] - of.window) {
              score[n][i] = NEGATIVE_INFINITY;
            }
          }
        }
      }
#pragma unroll
      for (int r = 0; r < 2; r++) {
        float top = segment[r].top;
#pragma unroll
        for (int n = 0; n < KEYS / 8; n++) {
          top = fmaxf(top, fmaxf(score[n][2 * r], score[n][2 * r + 1]));
        }
        top = fmaxf(top, __shfl_xor_sync(ALL_LANES, top, 1));
        top = fmaxf(top, __shfl_xor_sync(ALL_LANES, top, 2));
        const float base = top == NEGATIVE_INFINITY ? 0.0f : top * scale;
        const float factor = top == NEGATIVE_INFINITY ? 1.0f : powerOfTwo((segment[r].top - top) * scale);
        segment[r].top = top;
        float added = 0;
#pragma unroll
        for (int n = 0; n < KEYS / 8; n++) {
#pragma unroll
          for (int i = 2 * r; i < 2 * r + 2; i++) {
            score[n][i] = powerOfTwo(score[n][i] * scale - base);
            added += score[n][i];
          }
        }
        segment[r].sum = segment[r].sum * factor + added;
#pragma unroll
        for (int n = 0; n < D / 8; n++) {
          sum[n][2 * r] *= factor;
          sum[n][2 * r + 1] *= factor;
        }
      }

      awaitCopies<STAGES == 2 ? 2 : 1>();
      __syncthreads();
      const bf16* const value = values(t % STAGES) + lane % 16 * STRIDE + lane / 16 * 8;
#pragma unroll
      for (int step = 0; step < KEYS / 16; step++) {
        const unsigned weight[4] = {roundToBf16Pair(score[2 * step][0], score[2 * step][1]),
                                    roundToBf16Pair(score[2 * step][2], score[2 * step][3]),
                                    roundToBf16Pair(score[2 * step + 1][0], score[2 * step + 1][1]),
                                    roundToBf16Pair(score[2 * step + 1][2], score[2 * step + 1][3])};
#pragma unroll
        for (int n = 0; n < D / 16; n++) {
          unsigned pair[4];
          loadMatricesTransposed(pair, value + step * 16 * STRIDE + n * 16);
          mma16816(sum[2 * n], weight, pair[0], pair[1]);
          mma16816(sum[2 * n + 1], weight, pair[2], pair[3]);
        }
      }
      if (!SPLIT && (t + 1) % (SEGMENT / KEYS) == 0 && t + 1 < tiles) {
        close(all, segment, sum, scale, isFirst);
        isFirst = false;
#pragma unroll
        for (int n = 0; n < D / 8; n++) {
          sums()[n * THREADS] = {sum[n][0], sum[n][1], sum[n][2], sum[n][3]};
#pragma unroll
          for (int i = 0; i < 4; i++) {
            sum[n][i] = 0;
          }
        }
      }
    }
    awaitCopies<0>();
    close(all, segment, sum, scale, SPLIT || isFirst);
    __syncthreads();
    if (SPLIT) {
      keep(rows, all, sum);
    } else {
      write(rows, all, sum);
    }
  }

  // Ends a segment: adds what the segments before it have left, if it is not the first.
  __device__ void close(Softmax (&all)[2], Softmax (&segment)[2], float (&sum)[D / 8][4], float scale, bool isFirst) const {
#pragma unroll
    for (int r = 0; r < 2; r++) {
      segment[r].sum += __shfl_xor_sync(ALL_LANES, segment[r].sum, 1);
      segment[r].sum += __shfl_xor_sync(ALL_LANES, segment[r].sum, 2);
    }
    if (isFirst) {
#pragma unroll
      for (int r = 0; r < 2; r++) {
        all[r] = segment[r];
      }
    } else {
      const auto power = [](float x) { return powerOfTwo(x); };
      const Merge first(all[0], segment[0], scale, power), second(all[1], segment[1], scale, power);
#pragma unroll
      for (int n = 0; n < D / 8; n++) {
        const float4 before = sums()[n * THREADS];
        sum[n][0] = first.of(before.x, sum[n][0]);
        sum[n][1] = first.of(before.y, sum[n][1]);
        sum[n][2] = second.of(before.z, sum[n][2]);
        sum[n][3] = second.of(before.w, sum[n][3]);
      }
    }
#pragma unroll
    for (int r = 0; r < 2; r++) {
      segment[r] = {NEGATIVE_INFINITY, 0};
    }
  }

  // Leaves the segment's sums to the merge.
  __device__ void keep(const int (&rows)[2], const Softmax (&all)[2], const float (&sum)[D / 8][4]) const {
    const int lane = static_cast<int>(threadIdx.x) % WARP_SIZE;
#pragma unroll
    for (int r = 0; r < 2; r++) {
      if (rows[r] < tile.rows) {
        float* const to = of.states + stateAt(stateRow + rows[r] / tile.group, of.heads, tile.head(rows[r]), D);
#pragma unroll
        for (int n = 0; n < D / 8; n++) {
          *reinterpret_cast<float2*>(to + n * 8 + lane % 4 * 2) = {sum[n][2 * r], sum[n][2 * r + 1]};
        }
        if (lane % 4 == 0) {
          *reinterpret_cast<float2*>(to + D) = {all[r].top, all[r].sum};
        }
      }
    }
  }

  // Through shared memory, so that whole 16 bytes go out.
  __device__ void write(const int (&rows)[2], const Softmax (&all)[2], const float (&sum)[D / 8][4]) const {
    const int warp = static_cast<int>(threadIdx.x) / WARP_SIZE, lane = static_cast<int>(threadIdx.x) % WARP_SIZE;
    bf16* const staged = keys(0);
#pragma unroll
    for (int r = 0; r < 2; r++) {
      const float inverse = inverseOf(all[r].sum);
#pragma unroll
      for (int n = 0; n < D / 8; n++) {
        *reinterpret_cast<unsigned*>(staged + rows[r] * STRIDE + n * 8 + lane % 4 * 2) =
            roundToBf16Pair(fmaf(sum[n][2 * r], inverse, 0.0f), fmaf(sum[n][2 * r + 1], inverse, 0.0f));
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

template <int D, bool SPLIT>
__device__ __forceinline__ void attentionBf16(const Attention<bf16>& of) {
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
  Bf16Attention<D, SPLIT>{of, tile, sequence, range, stateRow, reinterpret_cast<bf16*>(shared)}.run();
}

#define ATTENTION_BF16(D)                                                                                                 \
  extern "C" __global__ void __launch_bounds__(128, 2) attention_bf16_h##D(ATTENTION_ARGUMENTS(bf16)) {                   \
    awaitEarlierLaunch();                                                                                                 \
    attentionBf16<D, false>(Attention<bf16> ATTENTION_VALUES);                                                            \
  }                                                                                                                       \
  KERNEL(attention_bf16_h##D);                                                                                            \
  extern "C" __global__ void __launch_bounds__(128, 2) attention_split_bf16_h##D(ATTENTION_SPLIT_ARGUMENTS(bf16)) {       \
    awaitEarlierLaunch();                                                                                                 \
    attentionBf16<D, true>(Attention<bf16> ATTENTION_SPLIT_VALUES);                                                       \
  }                                                                                                                       \
  KERNEL(attention_split_bf16_h##D);
FOR_HEAD_SIZES(ATTENTION_BF16)
