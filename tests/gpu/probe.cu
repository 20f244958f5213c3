// What nobody documents about cuBLASLt and a card, a JSON object a line:
//
// - For products of the published models and 8 to 8,192 rows, the algorithms that add up in one pass: how long each takes, replayed as a
//   graph over weights that no cache holds, and which bits it computes for the first eight rows. Algorithms of one class of bits may serve
//   any number of rows without changing a result.
// - What a copy reaches, and what a node of a graph costs, also with a node that sets the host's memory behind it, if the driver has those.
//
// probe [PROPOSALS]: so many algorithms of each product, 8 if not given.
#include <cublasLt.h>
#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

namespace {

constexpr size_t WEIGHT_ELEMENTS = size_t{3} << 30;
constexpr size_t INPUT_ELEMENTS = size_t{16384} * 12288;
constexpr size_t RESULT_BYTES = size_t{4} << 30;
constexpr size_t WORKSPACE_BYTES = size_t{32} << 20;
constexpr size_t COPIED_BYTES = size_t{1} << 30;
constexpr int HASHED_ROWS = 8;
constexpr int MOST_PROPOSALS = 64;
constexpr int MOST_COPIES = 16;
constexpr int LEAST_CALLS = 8;
constexpr int REPLAYS = 9;
constexpr int WARM_UPS = 2;
constexpr int NODES = 400;

struct Product {
  const char* name;
  int columns;
  int inner;
  bool wideResult;  // f32 instead of bf16
  bool added;
};

constexpr Product PRODUCTS[] = {
    {"LLaDA-8B qkv", 12288, 4096, false, false},    {"LLaDA-8B out", 4096, 4096, false, true},
    {"LLaDA-8B gateUp", 24576, 4096, false, false}, {"LLaDA-8B down", 4096, 12288, false, true},
    {"LLaDA-8B head", 126464, 4096, true, false},   {"Qwen3-4B qkv", 6144, 2560, false, false},
    {"Qwen3-4B out", 2560, 4096, false, true},      {"Qwen3-4B gateUp", 19456, 2560, false, false},
    {"Qwen3-4B down", 2560, 9728, false, true},     {"Qwen3-4B head", 151936, 2560, true, false},
};
constexpr int ROWS[] = {8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192};

// A 64-bit number whose bits all depend on all of the word's.
__device__ uint64_t mixed(uint64_t word) {
  word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9;
  word = (word ^ (word >> 27)) * 0x94D049BB133111EB;
  return word ^ (word >> 31);
}

__global__ void fill(__nv_bfloat16* out, size_t count, uint64_t seed, float scale) {
  for (size_t i = blockIdx.x * size_t{blockDim.x} + threadIdx.x; i < count; i += size_t{gridDim.x} * blockDim.x) {
    const uint64_t word = mixed(seed + 0x9E3779B97F4A7C15 * i);
    const float radius = sqrtf(-2 * logf((static_cast<uint32_t>(word) >> 8) * 0x1p-24f + 0x1p-25f));
    out[i] = __float2bfloat16(scale * radius * cospif((word >> 40) * 0x1p-23f));
  }
}

// A sum that does not depend on the order of the threads, with the place of every word in it.
__global__ void hash(const uint32_t* words, size_t count, unsigned long long* sum) {
  unsigned long long own = 0;
  for (size_t i = blockIdx.x * size_t{blockDim.x} + threadIdx.x; i < count; i += size_t{gridDim.x} * blockDim.x) {
    own += mixed(words[i] + 0x9E3779B97F4A7C15 * (i + 1));
  }
  atomicAdd(sum, own);
}

__global__ void count(float* numbers) { numbers[threadIdx.x] += 1; }

[[noreturn]] void fail(const char* call, int status) {
  printf("{\"what\":\"failure\",\"call\":\"%s\",\"status\":%d}\n", call, status);
  exit(1);
}

template <typename Status>
void check(const char* call, Status status) {
  if (static_cast<int>(status) != 0) {
    fail(call, static_cast<int>(status));
  }
}

cudaStream_t stream;

// The median milliseconds of one of `calls` calls in a graph; negative if the graph cannot be recorded or run.
template <typename Call>
float millis(int calls, Call call) {
  cudaGraph_t graph;
  cudaGraphExec_t executable;
  check("cudaStreamBeginCapture", cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed));
  bool good = true;
  for (int i = 0; i < calls; i++) {
    good = call(i) && good;
  }
  if (cudaStreamEndCapture(stream, &graph) != cudaSuccess || !good || cudaGraphInstantiate(&executable, graph, 0) != cudaSuccess) {
    cudaGetLastError();
    return -1;
  }
  cudaEvent_t start, end;
  check("cudaEventCreate", cudaEventCreate(&start));
  check("cudaEventCreate", cudaEventCreate(&end));
  std::vector<float> times;
  for (int run = 0; run < WARM_UPS + REPLAYS; run++) {
    cudaEventRecord(start, stream);
    cudaGraphLaunch(executable, stream);
    cudaEventRecord(end, stream);
    check("a graph", cudaEventSynchronize(end));
    float each;
    check("cudaEventElapsedTime", cudaEventElapsedTime(&each, start, end));
    if (run >= WARM_UPS) {
      times.push_back(each / calls);
    }
  }
  cudaGraphExecDestroy(executable);
  cudaGraphDestroy(graph);
  cudaEventDestroy(start);
  cudaEventDestroy(end);
  std::nth_element(times.begin(), times.begin() + REPLAYS / 2, times.end());
  return times[REPLAYS / 2];
}

// A time for a JSON object; null if there is none.
std::string micros(float millis) {
  char text[32];
  snprintf(text, sizeof text, "%.2f", millis * 1e3);
  return millis < 0 ? "null" : text;
}

template <typename T>
int number(const cublasLtMatmulAlgo_t& algorithm, cublasLtMatmulAlgoConfigAttributes_t attribute) {
  T value{};
  size_t written;
  cublasLtMatmulAlgoConfigGetAttribute(&algorithm, attribute, &value, sizeof value, &written);
  return static_cast<int>(value);
}

struct Memory {
  __nv_bfloat16* weights;
  __nv_bfloat16* input;
  char* result;
  void* workspace;
  unsigned long long* sum;
};

// Letters for the bits of a product's first rows, in the order in which they are met.
using Classes = std::map<unsigned long long, char>;

void measure(cublasLtHandle_t library, cublasLtMatmulDesc_t descriptor, const Product& product, int rows, int most, const Memory& memory,
             Classes& classes) {
  const size_t elements = static_cast<size_t>(product.columns) * product.inner;
  const size_t resultBytes = product.wideResult ? 4 : 2;
  const auto resultType = product.wideResult ? CUDA_R_32F : CUDA_R_16BF;
  const int copies = static_cast<int>(std::min<size_t>(MOST_COPIES, WEIGHT_ELEMENTS / elements));
  cublasLtMatrixLayout_t left, right, result;
  cublasLtMatmulPreference_t preference;
  check("layout", cublasLtMatrixLayoutCreate(&left, CUDA_R_16BF, product.inner, product.columns, product.inner));
  check("layout", cublasLtMatrixLayoutCreate(&right, CUDA_R_16BF, product.inner, rows, product.inner));
  check("layout", cublasLtMatrixLayoutCreate(&result, resultType, product.columns, rows, product.columns));
  check("preference", cublasLtMatmulPreferenceCreate(&preference));
  const uint32_t onePass = CUBLASLT_REDUCTION_SCHEME_NONE;
  const auto prefer = [&](cublasLtMatmulPreferenceAttributes_t attribute, const auto& value) {
    check("preference", cublasLtMatmulPreferenceSetAttribute(preference, attribute, &value, sizeof value));
  };
  prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, WORKSPACE_BYTES);
  prefer(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, onePass);
  cublasLtMatmulHeuristicResult_t proposals[MOST_PROPOSALS];
  int found = 0;
  // Without a proposal `found` stays 0, and there is nothing to measure.
  cublasLtMatmulAlgoGetHeuristic(library, descriptor, left, right, result, result, preference, most, proposals, &found);
  for (int rank = 0; rank < found; rank++) {
    const cublasLtMatmulAlgo_t& algorithm = proposals[rank].algo;
    const float one = 1;
    const auto multiply = [&](int call, float beta) {
      return cublasLtMatmul(library, descriptor, &one, memory.weights + call % copies * elements, left, memory.input, right, &beta,
                            memory.result, result, memory.result, result, &algorithm, memory.workspace, WORKSPACE_BYTES,
                            stream) == CUBLAS_STATUS_SUCCESS;
    };
    const size_t hashed = HASHED_ROWS * product.columns * resultBytes;
    cudaMemsetAsync(memory.result, 0xFF, hashed, stream);
    cudaMemsetAsync(memory.sum, 0, sizeof *memory.sum, stream);
    const bool computed = multiply(0, 0);
    hash<<<256, 256, 0, stream>>>(reinterpret_cast<uint32_t*>(memory.result), hashed / 4, memory.sum);
    unsigned long long bits = 0;
    cudaMemcpyAsync(&bits, memory.sum, sizeof bits, cudaMemcpyDeviceToHost, stream);
    check("a product", cudaStreamSynchronize(stream));
    char letter = '?';
    if (computed) {
      letter = classes.try_emplace(bits, static_cast<char>('A' + classes.size())).first->second;
    }
    const float each = computed ? millis(std::max(copies, LEAST_CALLS), [&](int call) { return multiply(call, product.added); }) : -1;
    printf("{\"what\":\"product\",\"product\":\"%s\",\"columns\":%d,\"inner\":%d,\"rows\":%d,\"rank\":%d,\"id\":%d,\"tile\":%d,"
           "\"stages\":%d,\"pieces\":%d,\"custom\":%d,\"inner_shape\":%d,\"cluster\":%d,\"waves\":%.2f,\"workspace\":%zu,\"us\":%s,"
           "\"bits\":\"%c\"}\n",
           product.name, product.columns, product.inner, rows, rank, number<int>(algorithm, CUBLASLT_ALGO_CONFIG_ID),
           number<uint32_t>(algorithm, CUBLASLT_ALGO_CONFIG_TILE_ID), number<uint32_t>(algorithm, CUBLASLT_ALGO_CONFIG_STAGES_ID),
           number<uint32_t>(algorithm, CUBLASLT_ALGO_CONFIG_SPLITK_NUM), number<uint32_t>(algorithm, CUBLASLT_ALGO_CONFIG_CUSTOM_OPTION),
           number<uint16_t>(algorithm, CUBLASLT_ALGO_CONFIG_INNER_SHAPE_ID),
           number<uint16_t>(algorithm, CUBLASLT_ALGO_CONFIG_CLUSTER_SHAPE_ID), proposals[rank].wavesCount, proposals[rank].workspaceSize,
           micros(each).c_str(), letter);
  }
  fflush(stdout);
  cublasLtMatmulPreferenceDestroy(preference);
  cublasLtMatrixLayoutDestroy(left);
  cublasLtMatrixLayoutDestroy(right);
  cublasLtMatrixLayoutDestroy(result);
}

void measureNodes(const Memory& memory) {
  const float copied = millis(4, [&](int) {
    return cudaMemcpyAsync(memory.result, memory.weights, COPIED_BYTES, cudaMemcpyDeviceToDevice, stream) == cudaSuccess;
  });
  printf("{\"what\":\"copy\",\"gb_per_s\":%.0f}\n", 2.0 * COPIED_BYTES / copied / 1e6);
  unsigned* host;
  check("cudaHostAlloc", cudaHostAlloc(reinterpret_cast<void**>(&host), 4096, cudaHostAllocPortable));
  auto* numbers = reinterpret_cast<float*>(memory.result);
  const auto launched = [&](int blocks, int threads) {
    count<<<blocks, threads, 0, stream>>>(numbers);
    return cudaGetLastError() == cudaSuccess;
  };
  const float small = millis(NODES, [&](int) { return launched(1, 32); });
  const float wide = millis(NODES, [&](int) { return launched(264, 256); });
  void* found = nullptr;
  cudaDriverEntryPointQueryResult known;
  check("cudaGetDriverEntryPointByVersion",
        cudaGetDriverEntryPointByVersion("cuMemsetD32Async", &found, 12000, cudaEnableDefault, &known));
  const auto set = reinterpret_cast<int (*)(unsigned long long, unsigned, size_t, cudaStream_t)>(found);
  const float marked = millis(NODES, [&](int i) {
    return launched(1, 32) && set(reinterpret_cast<unsigned long long>(host), static_cast<unsigned>(i), 1, stream) == 0;
  });
  printf("{\"what\":\"node\",\"us\":%s,\"wide_us\":%s,\"with_host_memset_us\":%s}\n", micros(small).c_str(), micros(wide).c_str(),
         micros(marked).c_str());
  fflush(stdout);
  cudaFreeHost(host);
}

}  // namespace

int main(int arguments, char** argument) {
  const int most = arguments > 1 ? atoi(argument[1]) : 8;
  if (most < 1 || most > MOST_PROPOSALS) {
    fprintf(stderr, "probe measures 1 to %d algorithms of a product, and %s are asked for\n", MOST_PROPOSALS, argument[1]);
    return 2;
  }
  cudaDeviceProp device;
  check("cudaGetDeviceProperties", cudaGetDeviceProperties(&device, 0));
  check("cudaStreamCreateWithFlags", cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  int driver;
  check("cudaDriverGetVersion", cudaDriverGetVersion(&driver));
  printf("{\"what\":\"card\",\"name\":\"%s\",\"multiprocessors\":%d,\"l2_bytes\":%d,\"driver\":%d,\"cublaslt\":%zu}\n", device.name,
         device.multiProcessorCount, device.l2CacheSize, driver, cublasLtGetVersion());
  cublasLtHandle_t library;
  check("cublasLtCreate", cublasLtCreate(&library));
  Memory memory{};
  check("cudaMalloc", cudaMalloc(&memory.weights, WEIGHT_ELEMENTS * 2));
  check("cudaMalloc", cudaMalloc(&memory.input, INPUT_ELEMENTS * 2));
  check("cudaMalloc", cudaMalloc(&memory.result, RESULT_BYTES));
  check("cudaMalloc", cudaMalloc(&memory.workspace, WORKSPACE_BYTES));
  check("cudaMalloc", cudaMalloc(&memory.sum, sizeof *memory.sum));
  fill<<<1024, 256, 0, stream>>>(memory.weights, WEIGHT_ELEMENTS, 1, 0.02f);
  fill<<<1024, 256, 0, stream>>>(memory.input, INPUT_ELEMENTS, 2, 1.0f);
  check("fill", cudaStreamSynchronize(stream));
  measureNodes(memory);

  cublasLtMatmulDesc_t descriptor;
  check("cublasLtMatmulDescCreate", cublasLtMatmulDescCreate(&descriptor, CUBLAS_COMPUTE_32F, CUDA_R_32F));
  const cublasOperation_t transposed = CUBLAS_OP_T;
  check("transpose", cublasLtMatmulDescSetAttribute(descriptor, CUBLASLT_MATMUL_DESC_TRANSA, &transposed, sizeof transposed));
  for (const Product& product : PRODUCTS) {
    Classes classes;
    for (const int rows : ROWS) {
      const size_t bytes = static_cast<size_t>(product.columns) * rows * (product.wideResult ? 4 : 2);
      if (bytes <= RESULT_BYTES && static_cast<size_t>(rows) * product.inner <= INPUT_ELEMENTS) {
        measure(library, descriptor, product, rows, most, memory, classes);
      }
    }
  }
}
