// The reduction of logits to a handful of scalars a row, chunk of ids by chunk of ids: the engine's RowFold on the device.
//
// vocabulary_start: states [rows] as of rows without logits. Grid (⌈rows / blockDim⌉).
// Writes 48 · rows bytes; 0 FLOP.
//
// vocabulary_fold: folds logits [rows, count] of stride `stride`, those of the ids from firstId on, into the states [rows]: the argmax,
// the two highest, the softmax's sums and, at a temperature T > 0, the argmax of logit - T · ln(-ln u), with u from Philox keyed by
// seed, step, position and id, in double precision. Ids in the ranges of idLists that draws [rows] name are not drawn, or not
// counted. Grid (rows), 256 threads.
// Reads 4 · rows · count bytes (and 136 a row); 8 · rows · count FLOP, with noise about 70 integer operations more an id.
// Sums are f32 within a thread's share of a grain of 16,384 ids (64 ids), double across.
//
// vocabulary_finish: out [rows] from the states. Grid (⌈rows / blockDim⌉). Moves 152 · rows bytes; about 100 · rows FLOP.
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

static_assert(sizeof(RowDraw) == 40 && sizeof(RowState) == 48 && sizeof(DevicePrediction) == 64, "as in README.md");

constexpr int GRAIN = 16384;
constexpr int FOLD_THREADS = 256;
constexpr float LOG2_OF_E = 1.44269504f;
constexpr float NEGLIGIBLE = -100.0f;        // e^x is 0 in f32; keeps -inf · 0 out of the weighted sum
constexpr double HIGHEST_GUMBEL = 22.874;     // -ln(-ln(1 - 2^-33)) = 22.87385…, rounded up
constexpr float SCREENING_ERROR = 1e-3f;     // far above the error of a Gumbel number in f32
constexpr double NO_SCORE = -__builtin_huge_val();

__device__ __forceinline__ bool isBetter(float value, int id, float than, int thanId) {
  return value > than || (value == than && static_cast<unsigned>(id) < static_cast<unsigned>(thanId));
}

__device__ __forceinline__ void takeDrawn(RowState& state, double score, int id, float logit) {
  if (score > state.drawnScore ||
      (score == state.drawnScore && static_cast<unsigned>(id) < static_cast<unsigned>(state.drawn))) {
    state.drawnScore = score;
    state.drawn = id;
    state.drawnLogit = logit;
  }
}

__device__ __forceinline__ void takeArgmax(RowState& state, float logit, int id) {
  if (isBetter(logit, id, state.argmaxLogit, state.argmax)) {
    state.argmaxLogit = logit;
    state.argmax = id;
  }
}

__device__ __forceinline__ RowState emptyState() {
  return {NO_SCORE, 0, 0, NEGATIVE_INFINITY, NEGATIVE_INFINITY, NEGATIVE_INFINITY, -1, NEGATIVE_INFINITY, -1};
}

// Folds in what is known of other ids.
__device__ void merge(RowState& state, const RowState& other) {
  takeArgmax(state, other.argmaxLogit, other.argmax);
  takeDrawn(state, other.drawnScore, other.drawn, other.drawnLogit);
  if (other.top == NEGATIVE_INFINITY && other.sum == 0) {
    return;  // nothing was counted; a sum of NaN goes on
  }
  const float top = fmaxf(state.top, other.top);
  state.second = fmaxf(fminf(state.top, other.top), fmaxf(state.second, other.second));
  const double down = state.top == NEGATIVE_INFINITY ? 0.0 : static_cast<double>(state.top) - top;
  const double otherDown = other.top == NEGATIVE_INFINITY ? 0.0 : static_cast<double>(other.top) - top;
  const double factor = exp(down), otherFactor = exp(otherDown);
  state.weightedSum =
      factor * (state.weightedSum + down * state.sum) + otherFactor * (other.weightedSum + otherDown * other.sum);
  state.sum = factor * state.sum + otherFactor * other.sum;
  state.top = top;
}

// -ln(-ln u) with u = (word + 0.5) / 2^32.
__device__ __forceinline__ double gumbel(unsigned word) { return -log(-log((word + 0.5) * 0x1p-32)); }

// The same in f32, accurate at both ends.
__device__ __forceinline__ float roughGumbel(unsigned word) {
  const float exponential = word < 0x80000000u ? -logf((static_cast<float>(word) + 0.5f) * 0x1p-32f)
                                               : -log1pf(-(static_cast<float>(~word) + 0.5f) * 0x1p-32f);
  return -logf(exponential);
}

// What one thread gathers in a grain.
struct Share {
  float argmaxLogit = NEGATIVE_INFINITY;
  int argmax = -1;
  double drawnScore;
  int drawn = -1;
  float drawnLogit = NEGATIVE_INFINITY;
  float top = NEGATIVE_INFINITY;
  float second = NEGATIVE_INFINITY;
  float sum = 0;
  float weightedSum = 0;

  // A drawn id must be better than what came before the grain.
  __device__ explicit Share(double scoreToBeat) : drawnScore(scoreToBeat) {}

  // `hidden`: a bit for each of the four logits that is not to be drawn.
  __device__ void draw(const float (&logits)[4], int id, unsigned hidden, const RowDraw& how) {
    bool noisy = false;
    const double reach = how.temperature * HIGHEST_GUMBEL;
#pragma unroll
    for (int i = 0; i < 4; i++) {
      if ((hidden >> i & 1) == 0) {
        if (logits[i] > argmaxLogit) {
          argmaxLogit = logits[i];
          argmax = id + i;
        }
        noisy |= logits[i] > NEGATIVE_INFINITY && logits[i] + reach > drawnScore;
      }
    }
    if (how.temperature > 0 && noisy) {
      const Words words = philox(static_cast<unsigned>(id) / 4, static_cast<unsigned>(how.position),
                                 static_cast<unsigned>(how.step), 0, how.seed);
#pragma unroll
      for (int i = 0; i < 4; i++) {
        const bool drawable = (hidden >> i & 1) == 0 && logits[i] > NEGATIVE_INFINITY;
        if (drawable && logits[i] + how.temperature * (roughGumbel(words.at[i]) + SCREENING_ERROR) > drawnScore) {
          // Rounded twice, as on the host: the compiler may not make one operation of it.
          const double score = __dadd_rn(logits[i], __dmul_rn(how.temperature, gumbel(words.at[i])));
          if (score > drawnScore) {
            drawnScore = score;
            drawn = id + i;
            drawnLogit = logits[i];
          }
        }
      }
    }
  }

  // Logits of -inf count nothing.
  __device__ void count(const float (&logits)[4]) {
    const float before = top;
#pragma unroll
    for (int i = 0; i < 4; i++) {
      second = fmaxf(second, fminf(top, logits[i]));
      top = fmaxf(top, logits[i]);
    }
    if (top > before && before > NEGATIVE_INFINITY) {
      const float down = before - top;
      const float factor = powerOfTwo(down * LOG2_OF_E);
      weightedSum = factor * (weightedSum + down * sum);
      sum *= factor;
    }
    const float base = top == NEGATIVE_INFINITY ? 0.0f : top;
#pragma unroll
    for (int i = 0; i < 4; i++) {
      const float x = logits[i] - base;
      const float e = powerOfTwo(x * LOG2_OF_E);
      sum += e;
      weightedSum += e * fmaxf(x, NEGLIGIBLE);
    }
  }

  // The shares of a warp together, in every lane.
  __device__ RowState ofWarp() const {
    RowState state = {drawnScore, 0, 0, top, second, argmaxLogit, argmax, drawnLogit, drawn};
#pragma unroll
    for (int lanes = WARP_SIZE / 2; lanes > 0; lanes /= 2) {
      const float otherTop = __shfl_xor_sync(ALL_LANES, state.top, lanes);
      const float otherSecond = __shfl_xor_sync(ALL_LANES, state.second, lanes);
      state.second = fmaxf(fminf(state.top, otherTop), fmaxf(state.second, otherSecond));
      state.top = fmaxf(state.top, otherTop);
      const float otherLogit = __shfl_xor_sync(ALL_LANES, state.argmaxLogit, lanes);
      const int otherArgmax = __shfl_xor_sync(ALL_LANES, state.argmax, lanes);
      takeArgmax(state, otherLogit, otherArgmax);
      const double otherScore = __shfl_xor_sync(ALL_LANES, state.drawnScore, lanes);
      const int otherDrawn = __shfl_xor_sync(ALL_LANES, state.drawn, lanes);
      const float otherDrawnLogit = __shfl_xor_sync(ALL_LANES, state.drawnLogit, lanes);
      takeDrawn(state, otherScore, otherDrawn, otherDrawnLogit);
    }
    const float down = top == NEGATIVE_INFINITY ? 0.0f : top - state.top;
    const double factor = powerOfTwo(down * LOG2_OF_E);
    state.sum = warpSum(factor * sum);
    state.weightedSum = warpSum(factor * (weightedSum + static_cast<double>(down) * sum));
    return state;
  }
};

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

extern "C" __global__ void vocabulary_start(RowState* states, int rows) {
  const int row = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (row < rows) {
    states[row] = emptyState();
  }
}
KERNEL(vocabulary_start);

extern "C" __global__ void __launch_bounds__(FOLD_THREADS)
    vocabulary_fold(const float* logits, int stride, int firstId, int count, const RowDraw* draws, const int* idLists,
                    RowState* states) {
  __shared__ Marks undrawn;
  __shared__ Marks uncounted;
  __shared__ RowState parts[FOLD_THREADS / WARP_SIZE];
  __shared__ double scoreToBeat;
  const RowDraw how = draws[blockIdx.x];
  const bool whole = isAligned(logits, stride);
  const float* row = logits + offset(blockIdx.x, stride);
  const int thread = static_cast<int>(threadIdx.x);
  RowState state = states[blockIdx.x];  // kept by the first thread
  if (thread == 0) {
    scoreToBeat = state.drawnScore;
  }

  int width;
  for (int first = firstId; first < firstId + count; first += width) {
    const int grain = first / GRAIN * GRAIN;
    width = min(firstId + count, grain + GRAIN) - first;
    if (how.undrawnCount + how.uncountedCount > 0) {
      undrawn.clear();
      uncounted.clear();
      __syncthreads();
      undrawn.set(idLists + how.undrawnStart, how.undrawnCount, grain);
      uncounted.set(idLists + how.uncountedStart, how.uncountedCount, grain);
    }
    __syncthreads();

    Share share(scoreToBeat);
    for (int j = thread * 4; j < width; j += FOLD_THREADS * 4) {
      Pack<float, 4> pack;
      load(pack, row + (first - firstId) + j, width - j, whole);
      unsigned hidden = 0, skipped = 0;
      if (how.undrawnCount > 0) {
        hidden = undrawn.four(first - grain + j);
      }
      if (how.uncountedCount > 0) {
        skipped = uncounted.four(first - grain + j);
      }
#pragma unroll
      for (int i = 0; i < 4; i++) {
        pack.at[i] = i < width - j ? pack.at[i] : NEGATIVE_INFINITY;
      }
      share.draw(pack.at, first + j, hidden, how);
#pragma unroll
      for (int i = 0; i < 4; i++) {
        pack.at[i] = (skipped >> i & 1) == 0 ? pack.at[i] : NEGATIVE_INFINITY;
      }
      share.count(pack.at);
    }
    const RowState part = share.ofWarp();
    if (thread % WARP_SIZE == 0) {
      parts[thread / WARP_SIZE] = part;
    }
    __syncthreads();
    if (thread == 0) {
      for (int warp = 0; warp < FOLD_THREADS / WARP_SIZE; warp++) {
        merge(state, parts[warp]);
      }
      scoreToBeat = state.drawnScore;
    }
  }
  if (thread == 0) {
    states[blockIdx.x] = state;
  }
}
KERNEL(vocabulary_fold);

extern "C" __global__ void vocabulary_finish(const RowState* states, const RowDraw* draws, const int* idLists,
                                             DevicePrediction* out, int rows) {
  const int row = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (row >= rows) {
    return;
  }
  const RowState state = states[row];
  const RowDraw how = draws[row];
  const bool noisy = how.temperature > 0;
  const int token = noisy ? state.drawn : state.argmax;
  const float logit = noisy ? state.drawnLogit : state.argmaxLogit;
  bool counted = true;
  for (int i = 0; i < how.uncountedCount; i++) {
    counted = counted && idLists[how.uncountedStart + i] != token;
  }
  const double top = state.top;
  const double logOfSum = log(state.sum);
  const double entropy = logOfSum - state.weightedSum / state.sum;
  DevicePrediction prediction;
  prediction.probability = counted ? exp(logit - top) / state.sum : 0.0;
  prediction.top = 1.0 / state.sum;
  prediction.second = exp(state.second - top) / state.sum;
  prediction.logSumExp = top + logOfSum;
  prediction.entropy = entropy < 0.0 ? 0.0 : entropy;
  prediction.maximum = top;
  prediction.sum = state.sum;
  prediction.token = token;
  prediction.argmax = state.argmax;
  out[row] = prediction;
}
KERNEL(vocabulary_finish);
