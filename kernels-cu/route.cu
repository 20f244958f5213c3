// The routers of mixtures of experts. One warp a row; a row's choice depends on its logits alone. Ids come out in ascending order,
// each with its weight; between equals the lower id is chosen.
//
// route_softmax_f32: the `chosen` highest of softmax(logits), weighted by their probabilities, or by these divided by their sum if
// `normalise` is not 0 (LLaDA-MoE, OLMoE).
//
// route_grouped_f32: p = sigmoid(logits), r = p + bias; a group's score is the sum of its two highest r; of the keptGroups best
// groups the `chosen` highest r, weighted by scale · p / (Σ p + 1e-20) (LLaDA2, after DeepSeek-V3).
//
// Rows from *routed on are padding: their ids are -1, their weights 0, and their logits are not read.
//
// logits [rows, experts] of stride `stride`, experts ≤ 512, bias [experts] or null, ids and weights [rows, chosen], chosen ≤ 32,
// groups ≤ 32 of equal size. Grid (rows), 32 threads.
// Moves rows · (4 · experts + 8 · chosen) bytes; about rows · experts · (8 + 2 · chosen) FLOP.
#include "common.cuh"

constexpr int MAX_EXPERTS = 512;
constexpr int EXPERTS_A_LANE = MAX_EXPERTS / WARP_SIZE;

// The experts of a lane: lane, lane + 32, …
struct Scores {
  float of[EXPERTS_A_LANE];

  // Takes out the highest; -1 if nothing is left. The same in every lane.
  __device__ int takeBest() {
    const int lane = static_cast<int>(threadIdx.x);
    float best = NEGATIVE_INFINITY;
    int expert = -1;
#pragma unroll
    for (int i = 0; i < EXPERTS_A_LANE; i++) {
      if (of[i] > best) {
        best = of[i];
        expert = lane + i * WARP_SIZE;
      }
    }
#pragma unroll
    for (int lanes = WARP_SIZE / 2; lanes > 0; lanes /= 2) {
      const float other = __shfl_xor_sync(ALL_LANES, best, lanes);
      const int otherExpert = __shfl_xor_sync(ALL_LANES, expert, lanes);
      if (other > best || (other == best && static_cast<unsigned>(otherExpert) < static_cast<unsigned>(expert))) {
        best = other;
        expert = otherExpert;
      }
    }
#pragma unroll
    for (int i = 0; i < EXPERTS_A_LANE; i++) {
      if (lane + i * WARP_SIZE == expert) {
        of[i] = NEGATIVE_INFINITY;
      }
    }
    return expert;
  }
};

// Lane i < chosen brings the i-th choice; it goes to its place in ascending order.
__device__ void writeChoice(int expert, float weight, int chosen, int* ids, float* weights) {
  const int lane = static_cast<int>(threadIdx.x);
  int place = 0;
  for (int i = 0; i < chosen; i++) {
    const int other = __shfl_sync(ALL_LANES, expert, i);
    place += other < expert || (other == expert && i < lane);
  }
  if (lane < chosen) {
    ids[offset(blockIdx.x, chosen) + place] = expert;
    weights[offset(blockIdx.x, chosen) + place] = weight;
  }
}

// Whether the row is padding; then nothing is chosen for it.
__device__ __forceinline__ bool isPadding(const int* routed, int chosen, int* ids, float* weights) {
  const int lane = static_cast<int>(threadIdx.x);
  const bool padding = static_cast<int>(blockIdx.x) >= *routed;
  if (padding && lane < chosen) {
    ids[offset(blockIdx.x, chosen) + lane] = -1;
    weights[offset(blockIdx.x, chosen) + lane] = 0;
  }
  return padding;
}

extern "C" __global__ void route_softmax_f32(const float* logits, int stride, const int* routed, int experts, int chosen, int normalise, int* ids,
                                             float* weights) {
  awaitEarlierLaunch();
  if (isPadding(routed, chosen, ids, weights)) {
    return;
  }
  const int lane = static_cast<int>(threadIdx.x);
  const float* row = logits + offset(blockIdx.x, stride);
  Scores scores;
  float highest = NEGATIVE_INFINITY;
#pragma unroll
  for (int i = 0; i < EXPERTS_A_LANE; i++) {
    const int expert = lane + i * WARP_SIZE;
    scores.of[i] = expert < experts ? row[expert] : NEGATIVE_INFINITY;
    highest = fmaxf(highest, scores.of[i]);
  }
#pragma unroll
  for (int lanes = WARP_SIZE / 2; lanes > 0; lanes /= 2) {
    highest = fmaxf(highest, __shfl_xor_sync(ALL_LANES, highest, lanes));
  }
  float sum = 0;
#pragma unroll
  for (int i = 0; i < EXPERTS_A_LANE; i++) {
    sum += lane + i * WARP_SIZE < experts ? expf(scores.of[i] - highest) : 0.0f;
  }
  sum = warpSum(sum);

  int expert = -1;
  for (int i = 0; i < chosen; i++) {
    const int best = scores.takeBest();
    expert = lane == i ? best : expert;
  }
  float weight = expert >= 0 ? expf(row[expert] - highest) / sum : 0.0f;
  const float chosenSum = warpSum(weight);
  if (normalise != 0) {
    weight /= chosenSum;
  }
  writeChoice(expert, weight, chosen, ids, weights);
}
KERNEL(route_softmax_f32);

extern "C" __global__ void route_grouped_f32(const float* logits, int stride, const int* routed, const float* bias, int experts, int groups,
                                             int keptGroups, int chosen, float scale, int* ids, float* weights) {
  awaitEarlierLaunch();
  __shared__ float selection[MAX_EXPERTS];
  if (isPadding(routed, chosen, ids, weights)) {
    return;
  }
  const int lane = static_cast<int>(threadIdx.x);
  const float* row = logits + offset(blockIdx.x, stride);
  for (int expert = lane; expert < experts; expert += WARP_SIZE) {
    selection[expert] = 1.0f / (1.0f + expf(-row[expert])) + (bias == nullptr ? 0.0f : bias[expert]);
  }
  __syncwarp();

  const int groupSize = experts / groups;
  float first = NEGATIVE_INFINITY, second = NEGATIVE_INFINITY;
  if (lane < groups) {
    for (int i = 0; i < groupSize; i++) {
      const float score = selection[lane * groupSize + i];
      second = fmaxf(second, fminf(first, score));
      first = fmaxf(first, score);
    }
  }
  const float score = groupSize > 1 ? first + second : first;
  int better = 0;
  for (int group = 0; group < groups; group++) {
    const float other = __shfl_sync(ALL_LANES, score, group);
    better += other > score || (other == score && group < lane);
  }

  Scores scores;
#pragma unroll
  for (int i = 0; i < EXPERTS_A_LANE; i++) {
    const int expert = lane + i * WARP_SIZE;
    const int group = expert < experts ? expert / groupSize : 0;
    const bool kept = __shfl_sync(ALL_LANES, better, group) < keptGroups;
    scores.of[i] = kept && expert < experts ? selection[expert] : NEGATIVE_INFINITY;
  }
  int expert = -1;
  for (int i = 0; i < chosen; i++) {
    const int best = scores.takeBest();
    expert = lane == i ? best : expert;
  }
  const float probability = expert >= 0 ? 1.0f / (1.0f + expf(-row[expert])) : 0.0f;
  const float weight = probability / (warpSum(probability) + 1e-20f) * scale;
  writeChoice(expert, weight, chosen, ids, weights);
}
KERNEL(route_grouped_f32);
