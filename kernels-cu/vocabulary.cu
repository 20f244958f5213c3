// The reduction of logits to a handful of scalars a row, grain of ids by grain of ids: the engine's RowFold on the device.
//
// vocabulary_fold: what is known of a grain of 4,096 ids, into states [rows, grains], from logits [rows, count] of stride `stride`, those
// of the ids from firstId on: the argmax, the two highest, the softmax's sums and, at a temperature T > 0, the argmax of
// logit - T · ln(-ln u), with u from Philox keyed by seed, step, position and id, in double precision. Ids in the ranges of idLists that
// draws [rows] name are not drawn, or not counted; those outside a row's set of allowed ids are as if their logits were -inf.
// Grid (rows, ⌈count / 4096⌉), 256 threads, each with four loads of 16 bytes under way.
// Reads 4 · rows · count bytes, writes 48 · rows · grains; 8 · rows · count FLOP, with noise about 50 integer operations more an id.
// Nothing is double but the noise of the few ids that may be drawn, and the sums over warps. An f32 sum has 512 ids at most.
//
// vocabulary_finish: out [rows] from the states, merged in one order. Grid (⌈rows / 8⌉), 256 threads, a warp a row.
// Moves (48 · grains + 112) · rows bytes; about (30 · grains + 100) · rows FLOP.
#include "philox.cuh"

struct RowDraw {
  double temperature;
  unsigned long long seed;
  int step;
  int position;
  int undrawnStart;
  int undrawnCount;
  int uncountedStart;
  int uncountedCount;
  int allowedStart;  // in idLists, a bit an id; -1: all are allowed
};

struct RowState {
  double drawnScore;
  double sum;          // of e^(x - top)
  double weightedSum;  // of (x - top) · e^(x - top)
  float top;
  float second;
  float argmaxLogit;
  int argmax;  // -1: none
  float drawnLogit;
  int drawn;  // -1: none
};

struct DevicePrediction {
  double probability;
  double top;
  double second;
  double logSumExp;
  double entropy;
  double maximum;
  double sum;
  int token;
  int argmax;
};

static_assert(sizeof(RowDraw) == 48 && sizeof(RowState) == 48 && sizeof(DevicePrediction) == 64, "as in README.md");

constexpr int FOLD_THREADS = 256;
constexpr int FOLD_WARPS = FOLD_THREADS / WARP_SIZE;
constexpr int FOLD_PACKS = 4;  // of four ids, a thread's share of a grain
constexpr int GRAIN = FOLD_THREADS * FOLD_PACKS * 4;
constexpr float LOG2_OF_E = 1.44269504f;
constexpr float NEGLIGIBLE = -100.0f;        // e^x is 0 in f32; keeps -inf · 0 out of the weighted sum
constexpr float HIGHEST_GUMBEL = 22.875f;    // -ln(-ln(1 - 2^-33)) = 22.87385…, rounded up
constexpr float LOWEST_GUMBEL = -3.132f;     // -ln(-ln(2^-33)) = -3.13006…, rounded down
constexpr float SCREENING_ERROR = 1e-3f;     // far above the error of a Gumbel number in f32
constexpr float ROUNDING_ERROR = 0x1p-22f;   // of a score in f32
constexpr float HIGHEST_TEMPERATURE = 1e30f;  // above it a logit changes no score in f32
constexpr double NO_SCORE = -__builtin_huge_val();

__device__ __forceinline__ bool isBetter(float value, int id, float than, int thanId) {
  return value > than || (value == than && static_cast<unsigned>(id) < static_cast<unsigned>(thanId));
}

// -ln(-ln u) with u = (word + 0.5) / 2^32.
__device__ __forceinline__ double gumbel(unsigned word) { return -log(-log((word + 0.5) * 0x1p-32)); }

// The same in f32, accurate at both ends.
__device__ __forceinline__ float roughGumbel(unsigned word) {
  const float rest = (static_cast<float>(~word) + 0.5f) * 0x1p-32f;  // 1 - u
  const float exponential = rest > 0.0625f ? -__logf((static_cast<float>(word) + 0.5f) * 0x1p-32f)
                                           : rest * (1.0f + rest * (0.5f + rest * (1.0f / 3.0f + rest * 0.25f)));
  return -__logf(exponential);
}

// The highest logits of some ids.
struct Highest {
  float top;
  float second;
  float argmaxLogit;
  int argmax;  // -1: none

  __device__ __forceinline__ void take(const Highest& other) {
    second = fmaxf(fminf(top, other.top), fmaxf(second, other.second));
    top = fmaxf(top, other.top);
    if (isBetter(other.argmaxLogit, other.argmax, argmaxLogit, argmax)) {
      argmaxLogit = other.argmaxLogit;
      argmax = other.argmax;
    }
  }

  __device__ __forceinline__ void takeLanes() {
#pragma unroll
    for (int lanes = WARP_SIZE / 2; lanes > 0; lanes /= 2) {
      take({__shfl_xor_sync(ALL_LANES, top, lanes), __shfl_xor_sync(ALL_LANES, second, lanes),
            __shfl_xor_sync(ALL_LANES, argmaxLogit, lanes), __shfl_xor_sync(ALL_LANES, argmax, lanes)});
    }
  }
};

// The best that may be drawn of some ids.
struct Drawn {
  double score;
  int id;  // -1: none
  float logit;

  __device__ __forceinline__ void take(const Drawn& other) {
    if (other.score > score || (other.score == score && static_cast<unsigned>(other.id) < static_cast<unsigned>(id))) {
      *this = other;
    }
  }

  __device__ __forceinline__ void takeLanes() {
#pragma unroll
    for (int lanes = WARP_SIZE / 2; lanes > 0; lanes /= 2) {
      take({__shfl_xor_sync(ALL_LANES, score, lanes), __shfl_xor_sync(ALL_LANES, id, lanes),
            __shfl_xor_sync(ALL_LANES, logit, lanes)});
    }
  }
};

__device__ __forceinline__ Highest nothingHigh() { return {NEGATIVE_INFINITY, NEGATIVE_INFINITY, NEGATIVE_INFINITY, -1}; }
__device__ __forceinline__ Drawn nothingDrawn() { return {NO_SCORE, -1, NEGATIVE_INFINITY}; }

// A bit for every id of a grain that is in a list.
struct Marks {
  unsigned words[GRAIN / 32];

  __device__ void clear() {
    for (int i = static_cast<int>(threadIdx.x); i < GRAIN / 32; i += FOLD_THREADS) {
      words[i] = 0;
    }
  }

  __device__ void set(const int* ids, int count, int firstId) {
    for (int i = static_cast<int>(threadIdx.x); i < count; i += FOLD_THREADS) {
      const int j = ids[i] - firstId;
      if (j >= 0 && j < GRAIN) {
        atomicOr(&words[j / 32], 1u << (j % 32));
      }
    }
  }

  // Those of four ids from the j-th on, j a multiple of 4.
  __device__ unsigned four(int j) const { return words[j / 32] >> (j % 32) & 15u; }
};

// What a thread holds of a grain: packs of four logits that lie a block's width apart.
struct Share {
  float logits[FOLD_PACKS][4];
  unsigned hidden;   // a bit for each that is not to be drawn
  unsigned skipped;  // and for each that does not count

  static __device__ __forceinline__ int place(int pack) { return (pack * FOLD_THREADS + static_cast<int>(threadIdx.x)) * 4; }

  __device__ __forceinline__ bool isDrawable(int pack, int i) const { return (hidden >> (pack * 4 + i) & 1) == 0; }

  __device__ __forceinline__ float counted(int pack, int i) const {
    return (skipped >> (pack * 4 + i) & 1) == 0 ? logits[pack][i] : NEGATIVE_INFINITY;
  }

  __device__ __forceinline__ void load(const float* from, int width, bool whole, const unsigned* allowed) {
    hidden = 0;
    skipped = 0;
#pragma unroll
    for (int p = 0; p < FOLD_PACKS; p++) {
      Pack<float, 4> pack;
      ::load(pack, from + place(p), width - place(p), whole);
#pragma unroll
      for (int i = 0; i < 4; i++) {
        logits[p][i] = place(p) + i < width ? pack.at[i] : NEGATIVE_INFINITY;
      }
    }
    if (allowed != nullptr) {
#pragma unroll
      for (int p = 0; p < FOLD_PACKS; p++) {
        const unsigned four = place(p) < width ? allowed[place(p) / 32] >> (place(p) % 32) : 0;
#pragma unroll
        for (int i = 0; i < 4; i++) {
          logits[p][i] = (four >> i & 1) != 0 ? logits[p][i] : NEGATIVE_INFINITY;
        }
      }
    }
#pragma unroll
    for (int p = 0; p < FOLD_PACKS; p++) {
#pragma unroll
      for (int i = 0; i < 4; i++) {
        hidden |= logits[p][i] > NEGATIVE_INFINITY ? 0 : 1u << (p * 4 + i);
      }
    }
  }

  __device__ __forceinline__ Highest highest(int firstId) const {
    Highest found = nothingHigh();
#pragma unroll
    for (int p = 0; p < FOLD_PACKS; p++) {
#pragma unroll
      for (int i = 0; i < 4; i++) {
        if (isDrawable(p, i) && logits[p][i] > found.argmaxLogit) {
          found.argmaxLogit = logits[p][i];
          found.argmax = firstId + place(p) + i;
        }
        found.second = fmaxf(found.second, fminf(found.top, counted(p, i)));
        found.top = fmaxf(found.top, counted(p, i));
      }
    }
    return found;
  }

  // Adds e^x and x · e^x of x = logit - top. Logits of -inf add nothing.
  __device__ __forceinline__ void sumUp(float top, float& sum, float& weightedSum) const {
    const float base = top == NEGATIVE_INFINITY ? 0.0f : top;
#pragma unroll
    for (int p = 0; p < FOLD_PACKS; p++) {
#pragma unroll
      for (int i = 0; i < 4; i++) {
        const float x = counted(p, i) - base;
        const float e = powerOfTwo(x * LOG2_OF_E);
        sum += e;
        weightedSum += e * fmaxf(x, NEGLIGIBLE);
      }
    }
  }

  // The highest score in f32 of the ids whose noise, were it the highest, would lift them to `goal`.
  __device__ __forceinline__ float roughBest(int firstId, const RowDraw& how, float temperature, float goal) const {
    const float reach = temperature * HIGHEST_GUMBEL;
    float best = NEGATIVE_INFINITY;
#pragma unroll
    for (int p = 0; p < FOLD_PACKS; p++) {
      bool reaches = false;
#pragma unroll
      for (int i = 0; i < 4; i++) {
        reaches |= isDrawable(p, i) && logits[p][i] + reach >= goal;
      }
      if (reaches) {
        const Words words = noise(firstId, p, how);
#pragma unroll
        for (int i = 0; i < 4; i++) {
          const float score = logits[p][i] + temperature * roughGumbel(words.at[i]);
          best = isDrawable(p, i) ? fmaxf(best, score) : best;
        }
      }
    }
    return best;
  }

  // The best of those whose score in f32 is at least `least`; few threads have any, so they read their logits again.
  __device__ __forceinline__ Drawn best(const float* from, int firstId, const RowDraw& how, float temperature, float least) const {
    Drawn drawn = nothingDrawn();
#pragma unroll 1
    for (int p = 0; p < FOLD_PACKS; p++) {
      const Words words = noise(firstId, p, how);
#pragma unroll 1
      for (int i = 0; i < 4; i++) {
        if (isDrawable(p, i)) {
          const unsigned word = i < 2 ? (i == 0 ? words.at[0] : words.at[1]) : (i == 2 ? words.at[2] : words.at[3]);
          const float logit = from[place(p) + i];
          if (logit + temperature * roughGumbel(word) >= least) {
            // Rounded twice, as on the host: the compiler may not make one operation of it.
            drawn.take({__dadd_rn(logit, __dmul_rn(how.temperature, gumbel(word))), firstId + place(p) + i, logit});
          }
        }
      }
    }
    return drawn;
  }

  static __device__ __forceinline__ Words noise(int firstId, int pack, const RowDraw& how) {
    return philox(static_cast<unsigned>(firstId + place(pack)) / 4, static_cast<unsigned>(how.position),
                  static_cast<unsigned>(how.step), 0, how.seed);
  }
};

__device__ __forceinline__ Highest ofAll(const Highest* warps) {
  Highest all = warps[0];
#pragma unroll
  for (int warp = 1; warp < FOLD_WARPS; warp++) {
    all.take(warps[warp]);
  }
  return all;
}

__device__ __forceinline__ float highestOf(const float* warps) {
  float highest = warps[0];
#pragma unroll
  for (int warp = 1; warp < FOLD_WARPS; warp++) {
    highest = fmaxf(highest, warps[warp]);
  }
  return highest;
}

// Four blocks a multiprocessor leave a thread 64 registers; for Blackwell ptxas needs 100 where others need 64, or it spills.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 1000
constexpr int FOLD_BLOCKS = 2;
#else
constexpr int FOLD_BLOCKS = 4;
#endif

extern "C" __global__ void __launch_bounds__(FOLD_THREADS, FOLD_BLOCKS)
    vocabulary_fold(const float* logits, int stride, int firstId, int count, const RowDraw* draws, const int* idLists, int grains,
                    RowState* states) {
  awaitEarlierLaunch();
  __shared__ Marks undrawn;
  __shared__ Marks uncounted;
  __shared__ Highest highestOfWarp[FOLD_WARPS];
  __shared__ float sumOfWarp[FOLD_WARPS];
  __shared__ float weightedSumOfWarp[FOLD_WARPS];
  __shared__ float roughOfWarp[FOLD_WARPS];
  __shared__ Drawn drawnOfWarp[FOLD_WARPS];
  const RowDraw& how = draws[blockIdx.x];
  const int from = static_cast<int>(blockIdx.y) * GRAIN;
  const int id = firstId + from;
  const int width = min(count - from, GRAIN);
  const int thread = static_cast<int>(threadIdx.x);
  const int warp = thread / WARP_SIZE;
  const bool first = thread % WARP_SIZE == 0;

  const float* const row = logits + offset(blockIdx.x, stride) + from;
  Share share;
  share.load(row, width, isAligned(logits, stride),
             how.allowedStart < 0 ? nullptr : reinterpret_cast<const unsigned*>(idLists) + how.allowedStart + id / 32);
  if (how.undrawnCount + how.uncountedCount > 0) {
    undrawn.clear();
    uncounted.clear();
    __syncthreads();
    undrawn.set(idLists + how.undrawnStart, how.undrawnCount, id);
    uncounted.set(idLists + how.uncountedStart, how.uncountedCount, id);
    __syncthreads();
#pragma unroll
    for (int p = 0; p < FOLD_PACKS; p++) {
      share.hidden |= undrawn.four(Share::place(p)) << (4 * p);
      share.skipped |= uncounted.four(Share::place(p)) << (4 * p);
    }
  }

  Highest highest = share.highest(id);
  highest.takeLanes();
  if (first) {
    highestOfWarp[warp] = highest;
  }
  __syncthreads();
  highest = ofAll(highestOfWarp);
  float sum = 0, weightedSum = 0;
  share.sumUp(highest.top, sum, weightedSum);
  sum = warpSum(sum);
  weightedSum = warpSum(weightedSum);
  if (first) {
    sumOfWarp[warp] = sum;
    weightedSumOfWarp[warp] = weightedSum;
  }

  // Scores in f32 tell which few ids may have the best one.
  Drawn drawn = nothingDrawn();
  if (how.temperature > 0) {
    const float temperature = how.temperature < HIGHEST_TEMPERATURE ? static_cast<float>(how.temperature) : HIGHEST_TEMPERATURE;
    const float error = 2 * SCREENING_ERROR * temperature;
    const float sure = highest.argmaxLogit + temperature * LOWEST_GUMBEL;
    const float goal = sure - error - fabsf(sure) * ROUNDING_ERROR;
    const float best = share.roughBest(id, how, temperature, goal);
    float bestOfWarp = best;
#pragma unroll
    for (int lanes = WARP_SIZE / 2; lanes > 0; lanes /= 2) {
      bestOfWarp = fmaxf(bestOfWarp, __shfl_xor_sync(ALL_LANES, bestOfWarp, lanes));
    }
    if (first) {
      roughOfWarp[warp] = bestOfWarp;
    }
    __syncthreads();
    bestOfWarp = highestOf(roughOfWarp);
    const float least = bestOfWarp - error - fabsf(bestOfWarp) * ROUNDING_ERROR;
    if (best >= least) {
      drawn = share.best(row, id, how, temperature, least);
    }
    drawn.takeLanes();
    if (first) {
      drawnOfWarp[warp] = drawn;
    }
  }
  __syncthreads();
  if (thread == 0) {
    highest = ofAll(highestOfWarp);
    double all = 0, weighted = 0;
    for (int each = 0; each < FOLD_WARPS; each++) {
      all += sumOfWarp[each];
      weighted += weightedSumOfWarp[each];
      if (how.temperature > 0) {
        drawn.take(drawnOfWarp[each]);
      }
    }
    states[offset(blockIdx.x, grains) + id / GRAIN] = {
        drawn.score,         all,           weighted,   highest.top, highest.second, highest.argmaxLogit,
        highest.argmax, drawn.logit, drawn.id};
  }
}
KERNEL(vocabulary_fold);

extern "C" __global__ void __launch_bounds__(FOLD_THREADS)
    vocabulary_finish(const RowState* states, int grains, const RowDraw* draws, const int* idLists, DevicePrediction* out, int rows) {
  awaitEarlierLaunch();
  const int row = static_cast<int>(blockIdx.x) * FOLD_WARPS + static_cast<int>(threadIdx.x) / WARP_SIZE;
  const int lane = static_cast<int>(threadIdx.x) % WARP_SIZE;
  if (row >= rows) {
    return;
  }
  const RowState* const own = states + offset(row, grains);
  const RowDraw how = draws[row];
  Highest highest = nothingHigh();
  Drawn drawn = nothingDrawn();
  for (int grain = lane; grain < grains; grain += WARP_SIZE) {
    const RowState& state = own[grain];
    highest.take({state.top, state.second, state.argmaxLogit, state.argmax});
    drawn.take({state.drawnScore, state.drawn, state.drawnLogit});
  }
  highest.takeLanes();
  drawn.takeLanes();
  const double top = highest.top;
  double sum = 0, weightedSum = 0;
  for (int grain = lane; grain < grains; grain += WARP_SIZE) {
    const RowState& state = own[grain];
    if (state.top > NEGATIVE_INFINITY || state.sum != 0) {  // something was counted; a sum of NaN goes on
      const double down = static_cast<double>(state.top) - top;
      const double factor = exp(down);
      sum += factor * state.sum;
      weightedSum += factor * (state.weightedSum + down * state.sum);
    }
  }
  sum = warpSum(sum);
  weightedSum = warpSum(weightedSum);

  const bool noisy = how.temperature > 0;
  const int token = noisy ? drawn.id : highest.argmax;
  const float logit = noisy ? drawn.logit : highest.argmaxLogit;
  int uncounted = 0;
  for (int i = lane; i < how.uncountedCount; i += WARP_SIZE) {
    uncounted += idLists[how.uncountedStart + i] == token;
  }
  uncounted = warpSum(uncounted);
  const double logOfSum = log(sum);
  const double entropy = logOfSum - weightedSum / sum;
  DevicePrediction prediction;
  prediction.probability = uncounted == 0 ? exp(logit - top) / sum : 0.0;
  prediction.top = 1.0 / sum;
  prediction.second = exp(highest.second - top) / sum;
  prediction.logSumExp = top + logOfSum;
  prediction.entropy = entropy < 0.0 ? 0.0 : entropy;
  prediction.maximum = top;
  prediction.sum = sum;
  prediction.token = token;
  prediction.argmax = highest.argmax;
  if (lane == 0) {
    out[row] = prediction;
  }
}
KERNEL(vocabulary_finish);
