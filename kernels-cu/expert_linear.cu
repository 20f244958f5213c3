// The products of a mixture of experts: rows in groups, each with the weights of its own expert, and the router's.
//
// expert_linear_T: out[i] = x[groupRows[i]] · weights[e]ᵀ for the places i of every group e, [offsets[e], offsets[e + 1]).
//
// x [.., inputs] of stride xStride, groupRows [entries] or null: x[i] itself, offsets [experts + 1], weights
// [experts · outputs, inputs], out [entries, outputs] of stride outStride. The number of tiles is known on the device alone: grid
// (⌊(entries + min(experts, entries) · (R - 1)) / R⌋, ⌈outputs / C⌉), where more is launched than is needed, the rest exits.
// bf16: R = 64, C = 128, on tensor cores, 128 threads, 46,080 bytes of dynamic shared memory, three stages of cp.async.
// f32: R = 32, C = 64, by fused multiply-adds, 256 threads.
// Moves inputs · outputs · sizeof(T) bytes for every R rows of a group, entries · (inputs · ⌈outputs / C⌉ + outputs) · sizeof(T);
// 2 · entries · inputs · outputs FLOP.
//
// router_T: out = x · weightsᵀ in f32. x [rows, inputs] of T, weights [experts, inputs] and out [rows, experts] of f32.
// bf16: grid (⌈rows / 32⌉, ⌈experts / 32⌉), 256 threads, on tensor cores: a weight is the sum of three bf16 numbers, exactly, so that all
// products are exact. Eight warps share the inputs, 32 at a time in turns; their sums are added in order.
// f32: grid (⌈rows / 32⌉, ⌈experts / 64⌉), 256 threads, by fused multiply-adds.
// Moves rows · inputs · sizeof(T) · ⌈experts / C⌉ + 4 · experts · inputs · ⌈rows / 32⌉ + 4 · rows · experts bytes;
// 2 · rows · inputs · experts FLOP, three times as many in bf16.
//
// An element is one sum in an order that follows from the number of inputs alone, ascending but for router_bf16.
#include "common.cuh"

// Some rows of one group.
struct GroupTile {
  int expert;
  int first;
  int rows;  // 0: the tile has no group
};

// The tile of this number, of tiles of `tileRows` rows that start with every group anew; the same in every lane.
__device__ __forceinline__ GroupTile findTile(const int* offsets, int experts, int tileRows, int tile) {
  const int lane = static_cast<int>(threadIdx.x) % WARP_SIZE;
  for (int base = 0; base < experts; base += WARP_SIZE) {
    const int expert = base + lane;
    const int start = offsets[min(expert, experts)], end = offsets[min(expert + 1, experts)];
    const int tiles = (end - start + tileRows - 1) / tileRows;
    int upTo = tiles;
#pragma unroll
    for (int distance = 1; distance < WARP_SIZE; distance *= 2) {
      const int before = __shfl_up_sync(ALL_LANES, upTo, distance);
      upTo += lane >= distance ? before : 0;
    }
    const int first = start + (tile - (upTo - tiles)) * tileRows;
    const bool own = tile >= upTo - tiles && tile < upTo;
    const int owner = static_cast<int>(warpSum(own ? lane + 1 : 0)) - 1;
    if (owner >= 0) {
      return {base + owner, __shfl_sync(ALL_LANES, first, owner), __shfl_sync(ALL_LANES, min(end - first, tileRows), owner)};
    }
    tile -= __shfl_sync(ALL_LANES, upTo, WARP_SIZE - 1);
  }
  return {0, 0, 0};
}

struct Bf16ExpertLinear {
  static constexpr int ROWS = 64;
  static constexpr int COLUMNS = 128;
  static constexpr int THREADS = 128;
  static constexpr int DEPTH = 32;
  static constexpr int STRIDE = DEPTH + 8;  // 16 bytes of padding: the eight rows of an ldmatrix fall on different banks
  static constexpr int CHUNKS = DEPTH / 8;  // of 16 bytes in a row
  static constexpr int STAGES = 3;
  static constexpr int STAGE = (ROWS + COLUMNS) * STRIDE;
  static constexpr int ROUND_ROWS = THREADS / CHUNKS;
  static constexpr int ROW_ROUNDS = ROWS / ROUND_ROWS;
  static constexpr int COLUMN_ROUNDS = COLUMNS / ROUND_ROWS;

  bf16* const shared;
  const int inputs;
  const bf16* rowFrom[ROW_ROUNDS];        // this thread's rows of the input, null beyond the group's
  const bf16* columnFrom[COLUMN_ROUNDS];  // and its rows of the weights

  __device__ void startStage(int step) const {
    const int thread = static_cast<int>(threadIdx.x);
    const int row = thread / CHUNKS, column = thread % CHUNKS * 8;
    const int at = step * DEPTH + column;
    bf16* const to = shared + step % STAGES * STAGE + row * STRIDE + column;
    if (step * DEPTH < inputs) {
#pragma unroll
      for (int round = 0; round < ROW_ROUNDS; round++) {
        const bool present = rowFrom[round] != nullptr && at < inputs;
        startCopy(to + round * ROUND_ROWS * STRIDE, present ? rowFrom[round] + at : columnFrom[0], present);
      }
#pragma unroll
      for (int round = 0; round < COLUMN_ROUNDS; round++) {
        const bool present = at < inputs;
        startCopy(to + (ROWS + round * ROUND_ROWS) * STRIDE, columnFrom[round] + (present ? at : 0), present);
      }
    }
    endCopies();
  }

  // A warp has 32 rows and 64 columns of the tile.
  __device__ void run(const GroupTile& tile, int firstColumn, int outputs, bf16* out, int outStride) const {
    const int warp = static_cast<int>(threadIdx.x) / WARP_SIZE, lane = static_cast<int>(threadIdx.x) % WARP_SIZE;
    const int warpRow = warp / 2 * 32, warpColumn = warp % 2 * 64;
    float sum[2][8][4] = {};
    startStage(0);
    startStage(1);
    for (int step = 0; step * DEPTH < inputs; step++) {
      awaitCopies<1>();
      __syncthreads();
      startStage(step + 2);
      const bf16* const rows = shared + step % STAGES * STAGE;
      const bf16* const columns = rows + ROWS * STRIDE;
#pragma unroll
      for (int k = 0; k < DEPTH; k += 16) {
        unsigned row[2][4];
#pragma unroll
        for (int m = 0; m < 2; m++) {
          loadMatrices(row[m], rows + (warpRow + m * 16 + lane % 16) * STRIDE + k + lane / 16 * 8);
        }
#pragma unroll
        for (int n = 0; n < 4; n++) {
          unsigned column[4];
          loadMatrices(column, columns + (warpColumn + n * 16 + lane / 16 * 8 + lane % 8) * STRIDE + k + lane / 8 % 2 * 8);
#pragma unroll
          for (int m = 0; m < 2; m++) {
            mma16816(sum[m][2 * n], row[m], column[0], column[1]);
            mma16816(sum[m][2 * n + 1], row[m], column[2], column[3]);
          }
        }
      }
    }
    awaitCopies<0>();

    const bool paired = isAligned<4>(out, outStride);
#pragma unroll
    for (int m = 0; m < 2; m++) {
#pragma unroll
      for (int r = 0; r < 2; r++) {
        const int row = warpRow + m * 16 + lane / 4 + r * 8;
        bf16* const to = out + offset(tile.first + row, outStride);
#pragma unroll
        for (int n = 0; n < 8; n++) {
          const int column = firstColumn + warpColumn + n * 8 + lane % 4 * 2;
          const Pack<bf16, 2> pair = {{sum[m][n][2 * r], sum[m][n][2 * r + 1]}};
          if (row < tile.rows && column < outputs) {
            store(to + column, pair, outputs - column, paired);
          }
        }
      }
    }
  }
};

extern "C" __global__ void __launch_bounds__(128) expert_linear_bf16(const bf16* x, int xStride, const int* groupRows,
                                                                     const int* offsets, int experts, const bf16* weights,
                                                                     int outputs, int inputs, bf16* out, int outStride) {
  awaitEarlierLaunch();
  DYNAMIC_SHARED(stages);
  using Product = Bf16ExpertLinear;
  const GroupTile tile = findTile(offsets, experts, Product::ROWS, static_cast<int>(blockIdx.x));
  if (tile.rows == 0) {
    return;
  }
  const int firstColumn = static_cast<int>(blockIdx.y) * Product::COLUMNS;
  const int own = static_cast<int>(threadIdx.x) / Product::CHUNKS;
  Product product = {reinterpret_cast<bf16*>(stages), inputs, {}, {}};
#pragma unroll
  for (int round = 0; round < Product::ROW_ROUNDS; round++) {
    const int row = own + round * Product::ROUND_ROWS;
    const int place = tile.first + min(row, tile.rows - 1);
    const int from = groupRows == nullptr ? place : groupRows[place];
    product.rowFrom[round] = row < tile.rows ? x + offset(from, xStride) : nullptr;
  }
#pragma unroll
  for (int round = 0; round < Product::COLUMN_ROUNDS; round++) {
    // What comes out of columns beyond the last is not written.
    const int column = min(firstColumn + own + round * Product::ROUND_ROWS, outputs - 1);
    product.columnFrom[round] = weights + (offset(tile.expert, outputs) + column) * inputs;
  }
  product.run(tile, firstColumn, outputs, out, outStride);
}
KERNEL(expert_linear_bf16);

// Tiles of 32 rows and 64 columns by fused multiply-adds; a thread has 2 rows and 4 columns.
struct FmaProduct {
  static constexpr int ROWS = 32;
  static constexpr int COLUMNS = 64;
  static constexpr int DEPTH = 32;
  static constexpr int PACK = 4;
  static constexpr int PACKS = DEPTH / PACK;

  struct Shared {
    float rows[DEPTH][ROWS + 1];
    float columns[DEPTH][COLUMNS + 1];
  };

  // `x` is this thread's row, thread / 8 of the tile, or null; `weights` the first of the tile's columns, of which there are `count`;
  // `out` the tile's first element.
  static __device__ __forceinline__ void run(Shared& shared, const float* x, bool wholeRows, const float* weights, int count,
                                             int inputs, float* out, int outStride, int rows) {
    const int thread = static_cast<int>(threadIdx.x);
    const int own = thread / PACKS, at = thread % PACKS * PACK;
    const int row = thread / 16 * 2, column = thread % 16;
    const bool wholeColumns = isAligned(weights, inputs);
    float sum[2][4] = {};
    for (int first = 0; first < inputs; first += DEPTH) {
      const int left = inputs - first - at;
      Pack<float, PACK> pack = {};
      if (x != nullptr && left > 0) {
        load(pack, x + first + at, left, wholeRows);
      }
      Pack<float, PACK> weight[2] = {};
#pragma unroll
      for (int round = 0; round < 2; round++) {
        const int from = own + round * ROWS;
        if (from < count && left > 0) {
          load(weight[round], weights + offset(from, inputs) + first + at, left, wholeColumns);
        }
      }
      __syncthreads();
#pragma unroll
      for (int i = 0; i < PACK; i++) {
        shared.rows[at + i][own] = pack.at[i];
        shared.columns[at + i][own] = weight[0].at[i];
        shared.columns[at + i][own + ROWS] = weight[1].at[i];
      }
      __syncthreads();
      // No term but those of the row itself: what follows the last input is left out.
      const int depth = min(DEPTH, inputs - first);
      for (int k = 0; k < depth; k++) {
#pragma unroll
        for (int r = 0; r < 2; r++) {
#pragma unroll
          for (int c = 0; c < 4; c++) {
            sum[r][c] = fmaf(shared.rows[k][row + r], shared.columns[k][column + c * 16], sum[r][c]);
          }
        }
      }
    }
#pragma unroll
    for (int r = 0; r < 2; r++) {
#pragma unroll
      for (int c = 0; c < 4; c++) {
        if (row + r < rows && column + c * 16 < count) {
          out[offset(row + r, outStride) + column + c * 16] = sum[r][c];
        }
      }
    }
  }
};

extern "C" __global__ void __launch_bounds__(256) expert_linear_f32(const float* x, int xStride, const int* groupRows,
                                                                    const int* offsets, int experts, const float* weights,
                                                                    int outputs, int inputs, float* out, int outStride) {
  awaitEarlierLaunch();
  using Product = FmaProduct;
  __shared__ Product::Shared shared;
  const GroupTile tile = findTile(offsets, experts, Product::ROWS, static_cast<int>(blockIdx.x));
  if (tile.rows == 0) {
    return;
  }
  const int firstColumn = static_cast<int>(blockIdx.y) * Product::COLUMNS;
  const int own = static_cast<int>(threadIdx.x) / Product::PACKS;
  const int place = tile.first + min(own, tile.rows - 1);
  const float* row = own < tile.rows ? x + offset(groupRows == nullptr ? place : groupRows[place], xStride) : nullptr;
  Product::run(shared, row, isAligned(x, xStride), weights + (offset(tile.expert, outputs) + firstColumn) * inputs,
               min(Product::COLUMNS, outputs - firstColumn), inputs, out + offset(tile.first, outStride) + firstColumn, outStride,
               tile.rows);
}
KERNEL(expert_linear_f32);

extern "C" __global__ void __launch_bounds__(256) router_f32(const float* x, int xStride, int rows, const float* weights,
                                                             int experts, int inputs, float* out, int outStride) {
  awaitEarlierLaunch();
  using Product = FmaProduct;
  __shared__ Product::Shared shared;
  const int firstRow = static_cast<int>(blockIdx.x) * Product::ROWS;
  const int firstColumn = static_cast<int>(blockIdx.y) * Product::COLUMNS;
  const int own = firstRow + static_cast<int>(threadIdx.x) / Product::PACKS;
  Product::run(shared, own < rows ? x + offset(own, xStride) : nullptr, isAligned(x, xStride),
               weights + offset(firstColumn, inputs), min(Product::COLUMNS, experts - firstColumn), inputs,
               out + offset(firstRow, outStride) + firstColumn, outStride, min(Product::ROWS, rows - firstRow));
}
KERNEL(router_f32);

// Two f32 numbers as three pairs of bf16 numbers whose sums they are.
struct SplitPair {
  unsigned parts[3];

  __device__ explicit SplitPair(float low, float high) {
#pragma unroll
    for (int i = 0; i < 3; i++) {
      parts[i] = roundToBf16Pair(low, high);
      low -= __uint_as_float(parts[i] << 16);
      high -= __uint_as_float(parts[i] & 0xFFFF0000u);
    }
  }
};

// Tiles of 32 rows and 32 columns. A lane loads eight neighbouring inputs of a row; which inputs meet in an instruction does not matter, as
// long as they are the same of x and of the weights.
struct SplitProduct {
  static constexpr int ROWS = 32;
  static constexpr int COLUMNS = 32;
  static constexpr int THREADS = 256;
  static constexpr int WARPS = THREADS / WARP_SIZE;
  static constexpr int DEPTH = 32;
  static constexpr int OWN = 8;

  float sum[2][4][4];

  static __device__ __forceinline__ void loadOwn(unsigned (&pairs)[OWN / 2], const bf16* from, int count, bool whole) {
    if (whole && count >= OWN) {
      const uint4 four = *reinterpret_cast<const uint4*>(from);
      pairs[0] = four.x;
      pairs[1] = four.y;
      pairs[2] = four.z;
      pairs[3] = four.w;
    } else {
#pragma unroll
      for (int i = 0; i < OWN / 2; i++) {
        const unsigned low = 2 * i < count ? from[2 * i].bits : 0, high = 2 * i + 1 < count ? from[2 * i + 1].bits : 0;
        pairs[i] = low | high << 16;
      }
    }
  }

  // Adds the products of 32 inputs, of which `count` are left for this lane. Rows and columns beyond the last are null.
  __device__ __forceinline__ void add(const bf16* const (&rows)[4], const float* const (&columns)[4], int at, int count,
                                      bool wholeRows, bool wholeColumns) {
    unsigned row[4][OWN / 2];
#pragma unroll
    for (int r = 0; r < 4; r++) {
      loadOwn(row[r], rows[r] + at, rows[r] == nullptr ? 0 : count, wholeRows);
    }
#pragma unroll
    for (int n = 0; n < 4; n++) {
      Pack<float, 4> weights[2];
#pragma unroll
      for (int half = 0; half < 2; half++) {
        load(weights[half], columns[n] + at + 4 * half, columns[n] == nullptr ? 0 : count - 4 * half, wholeColumns);
      }
#pragma unroll
      for (int step = 0; step < 2; step++) {
        const float(&four)[4] = weights[step].at;
        const SplitPair first(four[0], four[1]), second(four[2], four[3]);
#pragma unroll
        for (int part = 0; part < 3; part++) {
#pragma unroll
          for (int m = 0; m < 2; m++) {
            const unsigned a[4] = {row[2 * m][2 * step], row[2 * m + 1][2 * step], row[2 * m][2 * step + 1],
                                   row[2 * m + 1][2 * step + 1]};
            mma16816(sum[m][n], a, first.parts[part], second.parts[part]);
          }
        }
      }
    }
  }
};

extern "C" __global__ void __launch_bounds__(256, 2) router_bf16(const bf16* x, int xStride, int rows, const float* weights,
                                                                 int experts, int inputs, float* out, int outStride) {
  awaitEarlierLaunch();
  using Product = SplitProduct;
  __shared__ float sums[Product::WARPS][Product::ROWS][Product::COLUMNS + 1];
  const int thread = static_cast<int>(threadIdx.x), warp = thread / WARP_SIZE, lane = thread % WARP_SIZE;
  const int firstRow = static_cast<int>(blockIdx.x) * Product::ROWS, firstColumn = static_cast<int>(blockIdx.y) * Product::COLUMNS;
  const int own = lane % 4 * Product::OWN;
  const bf16* row[4];
  const float* column[4];
#pragma unroll
  for (int i = 0; i < 4; i++) {
    const int r = firstRow + i * 8 + lane / 4, c = firstColumn + i * 8 + lane / 4;
    row[i] = r < rows ? x + offset(r, xStride) : nullptr;
    column[i] = c < experts ? weights + offset(c, inputs) : nullptr;
  }
  const bool wholeRows = isAligned(x, xStride), wholeColumns = isAligned(weights, inputs);
  Product product = {};
  for (int first = warp * Product::DEPTH; first < inputs; first += Product::WARPS * Product::DEPTH) {
    product.add(row, column, first + own, inputs - first - own, wholeRows, wholeColumns);
  }
#pragma unroll
  for (int m = 0; m < 2; m++) {
#pragma unroll
    for (int n = 0; n < 4; n++) {
#pragma unroll
      for (int i = 0; i < 4; i++) {
        sums[warp][m * 16 + i / 2 * 8 + lane / 4][n * 8 + lane % 4 * 2 + i % 2] = product.sum[m][n][i];
      }
    }
  }
  __syncthreads();
  for (int i = thread; i < Product::ROWS * Product::COLUMNS; i += Product::THREADS) {
    const int r = i / Product::COLUMNS, c = i % Product::COLUMNS;
    float sum = 0;
#pragma unroll
    for (int each = 0; each < Product::WARPS; each++) {
      sum += sums[each][r][c];
    }
    if (firstRow + r < rows && firstColumn + c < experts) {
      out[offset(firstRow + r, outStride) + firstColumn + c] = sum;
    }
  }
}
KERNEL(router_bf16);
