// Narrows whole rows of logits to their nucleus and their top k, before they are folded: the engine's FilteredRow on the device.
//
// vocabulary_shape: for rows whose RowShape has a topK above 0, logits [rows, ids] of stride `stride` become
// (logit - highest) / temperature where the id is kept and -inf where it is not, and shifts [rows] the highest / temperature, by which
// the softmax's logarithm has moved. Ids in the lists, or outside a row's set of allowed ids, are not kept; of the others, in descending order of logit (ties: the lower id
// first), those whose rank is below topK and whose probabilities before them sum to at most topP; with topKFirst, to at most topP of the
// first topK's sum. Other rows stay, with a shift of 0.
// Grid (rows), 256 threads.
// Reads 4 · rows · ids bytes ten times, nearly all from L2, and writes them once; rows · ids exponentials in double precision.
//
// The last id that is kept is found by its logit's bits, four at a time from the highest: every thread counts, for each of the sixteen
// values of the next four bits, its ids that agree so far, and adds up their probabilities as whole multiples of 2^-44. Whole numbers
// have one sum in any order. Logits that are not numbers stay as they are, so that the fold finds them.
#include "common.cuh"

struct RowShape {
  double temperature;  // above 0
  double topP;         // 1: no nucleus
  int topK;            // 0: no shape
  int undrawnStart;
  int undrawnCount;
  int uncountedStart;
  int uncountedCount;
  int topKFirst;
  int allowedStart;  // in idLists, a bit an id; -1: all are allowed
};

static_assert(sizeof(RowShape) == 48, "as in README.md");

constexpr int SHAPE_THREADS = 256;
constexpr int SHAPE_WARPS = SHAPE_THREADS / WARP_SIZE;
constexpr int DIGIT_BITS = 4;
constexpr int DIGITS = 1 << DIGIT_BITS;
constexpr double PROBABILITY_UNIT = 0x1p-44;  // 2^19 ids of probability 1 still fit

using Mass = unsigned long long;

// What each thread has found of each digit.
struct DigitShares {
  Mass mass[DIGITS][SHAPE_THREADS];
  unsigned short count[DIGITS][SHAPE_THREADS];
};

// Ascending with the logit; the two zeros are one.
__device__ __forceinline__ unsigned ascendingKey(float logit) {
  const unsigned bits = __float_as_uint(logit + 0.0f);
  return bits >> 31 != 0 ? ~bits : bits | 0x80000000u;
}

__device__ __forceinline__ Mass massOf(float logit, float top, double inverse) {
  return static_cast<Mass>(exp((static_cast<double>(logit) - top) * inverse) * (1 / PROBABILITY_UNIT));
}

__device__ __forceinline__ void hide(float* row, int ids, const int* list, int count) {
  for (int i = static_cast<int>(threadIdx.x); i < count; i += SHAPE_THREADS) {
    if (list[i] < ids) {
      row[list[i]] = NEGATIVE_INFINITY;
    }
  }
}

__device__ __forceinline__ void hideOthers(float* row, int ids, const unsigned* allowed) {
  for (int id = static_cast<int>(threadIdx.x); id < ids; id += SHAPE_THREADS) {
    if ((allowed[id / 32] >> (id % 32) & 1) == 0) {
      row[id] = NEGATIVE_INFINITY;
    }
  }
}

// The highest logit, in every thread.
__device__ float highest(const float* row, int ids, bool whole, float* partial) {
  const int thread = static_cast<int>(threadIdx.x);
  float top = NEGATIVE_INFINITY;
  for (int j = thread * 4; j < ids; j += SHAPE_THREADS * 4) {
    Pack<float, 4> pack;
    load(pack, row + j, ids - j, whole);
#pragma unroll
    for (int i = 0; i < 4; i++) {
      top = i < ids - j ? fmaxf(top, pack.at[i]) : top;
    }
  }
#pragma unroll
  for (int lanes = WARP_SIZE / 2; lanes > 0; lanes /= 2) {
    top = fmaxf(top, __shfl_xor_sync(ALL_LANES, top, lanes));
  }
  if (thread % WARP_SIZE == 0) {
    partial[thread / WARP_SIZE] = top;
  }
  __syncthreads();
  for (int warp = 0; warp < SHAPE_WARPS; warp++) {
    top = fmaxf(top, partial[warp]);
  }
  return top;
}

// The ids of a logit above `key` are kept, and those with that very logit up to `lastId`.
struct Cut {
  unsigned key;
  int lastId;
};

__device__ __forceinline__ bool isOut(const Cut& cut, float logit, int id) {
  const unsigned key = ascendingKey(logit);
  return logit > NEGATIVE_INFINITY && (key < cut.key || (key == cut.key && id > cut.lastId));
}

// Ties are kept from the lowest id on: the id of the `kept`-th.
__device__ int lastOfTies(const float* row, int ids, unsigned key, unsigned kept, unsigned short* counts, int* found) {
  const int thread = static_cast<int>(threadIdx.x);
  const int share = (ids + SHAPE_THREADS - 1) / SHAPE_THREADS;
  const int from = min(ids, thread * share), to = min(ids, from + share);
  unsigned own = 0;
  for (int id = from; id < to; id++) {
    own += row[id] > NEGATIVE_INFINITY && ascendingKey(row[id]) == key ? 1 : 0;
  }
  counts[thread] = static_cast<unsigned short>(own);
  __syncthreads();
  unsigned before = 0;
  for (int other = 0; other < thread; other++) {
    before += counts[other];
  }
  if (before < kept && kept <= before + own) {
    int id = from;
    for (unsigned left = kept - before; left > 0; id++) {
      left -= row[id] > NEGATIVE_INFINITY && ascendingKey(row[id]) == key ? 1 : 0;
    }
    *found = id - 1;
  }
  __syncthreads();
  return *found;
}

__device__ Cut findCut(const float* row, int ids, bool whole, float top, double inverse, unsigned topK, double topP, DigitShares& shares,
                       Mass* masses, unsigned* counts, int* found) {
  const int thread = static_cast<int>(threadIdx.x);
  const bool nucleus = topP < 1;
  unsigned key = 0, mask = 0;
  unsigned above = 0, ties = 0;  // ids of higher logits, and with this one
  Mass massAbove = 0, massOfTies = 0, bound = 0;
  for (int shift = 32 - DIGIT_BITS; shift >= 0; shift -= DIGIT_BITS) {
#pragma unroll
    for (int digit = 0; digit < DIGITS; digit++) {
      shares.mass[digit][thread] = 0;
      shares.count[digit][thread] = 0;
    }
    for (int j = thread * 4; j < ids; j += SHAPE_THREADS * 4) {
      Pack<float, 4> pack;
      load(pack, row + j, ids - j, whole);
#pragma unroll
      for (int i = 0; i < 4; i++) {
        const unsigned its = ascendingKey(pack.at[i]);
        if (i < ids - j && pack.at[i] > NEGATIVE_INFINITY && (its & mask) == key) {
          const unsigned digit = its >> shift & (DIGITS - 1);
          shares.count[digit][thread]++;
          if (nucleus) {
            shares.mass[digit][thread] += massOf(pack.at[i], top, inverse);
          }
        }
      }
    }
    __syncthreads();
    for (int digit = thread / WARP_SIZE; digit < DIGITS; digit += SHAPE_WARPS) {
      Mass mass = 0;
      unsigned count = 0;
      for (int other = thread % WARP_SIZE; other < SHAPE_THREADS; other += WARP_SIZE) {
        mass += shares.mass[digit][other];
        count += shares.count[digit][other];
      }
      mass = warpSum(mass);
      count = warpSum(count);
      if (thread % WARP_SIZE == 0) {
        masses[digit] = mass;
        counts[digit] = count;
      }
    }
    __syncthreads();
    if (mask == 0) {
      Mass all = 0;
      for (int digit = 0; digit < DIGITS; digit++) {
        all += masses[digit];
      }
      bound = static_cast<Mass>(topP * static_cast<double>(all));
    }
    // The last that is kept is the first by which the k-th place is reached, or more than the bound.
    int digit = DIGITS - 1;
    while (digit >= 0 && above + counts[digit] < topK && !(nucleus && massAbove + masses[digit] > bound)) {
      above += counts[digit];
      massAbove += masses[digit];
      digit--;
    }
    if (digit < 0) {
      return {0, ids};  // all are kept
    }
    ties = counts[digit];
    massOfTies = masses[digit];
    key |= static_cast<unsigned>(digit) << shift;
    mask |= static_cast<unsigned>(DIGITS - 1) << shift;
  }
  unsigned kept = min(ties, topK - above);
  if (nucleus && massOfTies > 0) {
    const Mass fitting = (bound - massAbove) / (massOfTies / ties) + 1;
    kept = fitting < kept ? static_cast<unsigned>(fitting) : kept;
  }
  return {key, kept == ties ? ids : lastOfTies(row, ids, key, kept, shares.count[0], found)};
}

extern "C" __global__ void __launch_bounds__(SHAPE_THREADS)
    vocabulary_shape(float* logits, int stride, int ids, const RowShape* shapes, const int* idLists, double* shifts) {
  awaitEarlierLaunch();
  __shared__ DigitShares shares;
  __shared__ Mass masses[DIGITS];
  __shared__ unsigned counts[DIGITS];
  __shared__ float partial[SHAPE_WARPS];
  __shared__ int found;
  const RowShape shape = shapes[blockIdx.x];
  const bool whole = isAligned(logits, stride);
  float* row = logits + offset(blockIdx.x, stride);
  const int thread = static_cast<int>(threadIdx.x);
  if (shape.topK == 0) {
    if (thread == 0) {
      shifts[blockIdx.x] = 0;
    }
    return;
  }
  hide(row, ids, idLists + shape.undrawnStart, shape.undrawnCount);
  hide(row, ids, idLists + shape.uncountedStart, shape.uncountedCount);
  if (shape.allowedStart >= 0) {
    hideOthers(row, ids, reinterpret_cast<const unsigned*>(idLists) + shape.allowedStart);
  }
  __syncthreads();
  const float top = highest(row, ids, whole, partial);
  const double beta = 1 / shape.temperature;
  const unsigned topK = static_cast<unsigned>(shape.topK);
  const bool apart = shape.topKFirst != 0 && shape.topK < ids && shape.topP < 1;
  Cut cut = {0, ids};
  if (apart) {
    cut = findCut(row, ids, whole, top, beta, topK, 1, shares, masses, counts, &found);
    __syncthreads();
    for (int id = thread; id < ids; id += SHAPE_THREADS) {
      row[id] = isOut(cut, row[id], id) ? NEGATIVE_INFINITY : row[id];
    }
    __syncthreads();
  }
  if (shape.topP < 1 || shape.topK < ids) {
    cut = findCut(row, ids, whole, top, beta, apart ? static_cast<unsigned>(ids) : topK, shape.topP, shares, masses, counts, &found);
    __syncthreads();
  }
  const float inverse = static_cast<float>(1 / shape.temperature);
  for (int j = thread * 4; j < ids; j += SHAPE_THREADS * 4) {
    Pack<float, 4> pack;
    load(pack, row + j, ids - j, whole);
#pragma unroll
    for (int i = 0; i < 4; i++) {
      pack.at[i] = isOut(cut, pack.at[i], j + i) ? NEGATIVE_INFINITY : (pack.at[i] - top) * inverse;
    }
    store(row + j, pack, ids - j, whole);
  }
  if (thread == 0) {
    shifts[blockIdx.x] = static_cast<double>(top) / shape.temperature;
  }
}
KERNEL(vocabulary_shape);
