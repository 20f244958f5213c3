// An emulated cuBLASLt for tests: products as plain loops, put into the emulated driver's streams.
#include <cstring>
#include <string>
#include <vector>

#include "abi.h"

namespace {

enum : Status { CUBLAS_SUCCESS = 0, CUBLAS_INVALID_VALUE = 7, CUBLAS_EXECUTION_FAILED = 13, CUBLAS_NOT_SUPPORTED = 15 };

constexpr int F32 = 0;
constexpr int BF16 = 14;
constexpr int TRANSA = 3;
constexpr int TRANSPOSED = 1;
constexpr uint64_t ALGORITHM_MARK = 0x70616c696d707331;
constexpr int LANES = 16;
constexpr size_t ALGORITHM_BYTES = 64;

struct Layout {
  int type;
  uint64_t rows;
  uint64_t columns;
  int64_t stride;

  size_t elementBytes() const { return type == BF16 ? 2 : 4; }
  size_t bytes() const { return columns == 0 ? 0 : ((columns - 1) * static_cast<size_t>(stride) + rows) * elementBytes(); }
};

struct Descriptor {
  int transposed = 0;
};

struct Algorithm {
  uint64_t mark;
  unsigned char rest[ALGORITHM_BYTES - 8];
};

struct HeuristicResult {
  Algorithm algorithm;
  size_t workspaceBytes;
  Status state;
  float waves;
  int reserved[4];
};

float load(const Layout& layout, const unsigned char* data, size_t index) {
  if (layout.type == F32) {
    float value;
    memcpy(&value, data + 4 * index, 4);
    return value;
  }
  uint16_t half;
  memcpy(&half, data + 2 * index, 2);
  const uint32_t bits = static_cast<uint32_t>(half) << 16;
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

void store(const Layout& layout, unsigned char* data, size_t index, float value) {
  if (layout.type == F32) {
    memcpy(data + 4 * index, &value, 4);
    return;
  }
  uint32_t bits;
  memcpy(&bits, &value, 4);
  const bool nan = (bits & 0x7FFFFFFFu) > 0x7F800000u;
  const auto half = static_cast<uint16_t>(nan ? 0x7FFF : (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
  memcpy(data + 2 * index, &half, 2);
}

std::vector<float> column(const Layout& layout, const unsigned char* data, uint64_t index) {
  std::vector<float> values(layout.rows);
  for (uint64_t i = 0; i < layout.rows; i++) {
    values[i] = load(layout, data, index * static_cast<size_t>(layout.stride) + i);
  }
  return values;
}

// Sixteen sums over every sixteenth element, added in order: the same for every element of the result.
float dot(const float* a, const float* b, uint64_t count) {
  float sums[LANES] = {};
  uint64_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    for (int lane = 0; lane < LANES; lane++) {
      sums[lane] += a[i + lane] * b[i + lane];
    }
  }
  for (; i < count; i++) {
    sums[i % LANES] += a[i] * b[i];
  }
  float sum = 0;
  for (const float each : sums) {
    sum += each;
  }
  return sum;
}

// d = alpha · aᵀ · b + beta · d
void multiply(float alpha, const Layout& a, const unsigned char* aData, const Layout& b, const unsigned char* bData, float beta,
              const Layout& d, unsigned char* dData) {
  std::vector<std::vector<float>> right;
  for (uint64_t n = 0; n < d.columns; n++) {
    right.push_back(column(b, bData, n));
  }
  for (uint64_t m = 0; m < d.rows; m++) {
    const std::vector<float> left = column(a, aData, m);
    for (uint64_t n = 0; n < d.columns; n++) {
      const size_t at = n * static_cast<size_t>(d.stride) + m;
      const float product = alpha * dot(left.data(), right[n].data(), a.rows);
      store(d, dData, at, beta == 0 ? product : product + beta * load(d, dData, at));
    }
  }
}

bool fits(const Descriptor& descriptor, const Layout& a, const Layout& b, const Layout& d) {
  return descriptor.transposed == TRANSPOSED && a.rows == b.rows && a.columns == d.rows && b.columns == d.columns && a.type == b.type;
}

}  // namespace

EXPORT size_t cublasLtGetVersion() { return 0; }

EXPORT const char* cublasLtGetStatusName(Status status) {
  switch (status) {
    case CUBLAS_SUCCESS:
      return "CUBLAS_STATUS_SUCCESS";
    case CUBLAS_INVALID_VALUE:
      return "CUBLAS_STATUS_INVALID_VALUE";
    case CUBLAS_EXECUTION_FAILED:
      return "CUBLAS_STATUS_EXECUTION_FAILED";
    case CUBLAS_NOT_SUPPORTED:
      return "CUBLAS_STATUS_NOT_SUPPORTED";
    default:
      return "CUBLAS_STATUS_INTERNAL_ERROR";
  }
}

EXPORT const char* cublasLtGetStatusString(Status) { return "of the emulated device"; }

EXPORT Status cublasLtCreate(void** handle) {
  static char only;
  *handle = &only;
  return CUBLAS_SUCCESS;
}

EXPORT Status cublasLtDestroy(void*) { return CUBLAS_SUCCESS; }

EXPORT Status cublasLtMatmulDescCreate(void** descriptor, int, int) {
  *descriptor = new Descriptor();
  return CUBLAS_SUCCESS;
}

EXPORT Status cublasLtMatmulDescDestroy(void* descriptor) {
  delete static_cast<Descriptor*>(descriptor);
  return CUBLAS_SUCCESS;
}

EXPORT Status cublasLtMatmulDescSetAttribute(void* descriptor, int attribute, const void* value, size_t bytes) {
  if (attribute != TRANSA || bytes != sizeof(int)) {
    return CUBLAS_NOT_SUPPORTED;
  }
  memcpy(&static_cast<Descriptor*>(descriptor)->transposed, value, bytes);
  return CUBLAS_SUCCESS;
}

EXPORT Status cublasLtMatrixLayoutCreate(void** layout, int type, uint64_t rows, uint64_t columns, int64_t stride) {
  if ((type != F32 && type != BF16) || stride < static_cast<int64_t>(rows)) {
    return CUBLAS_INVALID_VALUE;
  }
  *layout = new Layout{type, rows, columns, stride};
  return CUBLAS_SUCCESS;
}

EXPORT Status cublasLtMatrixLayoutDestroy(void* layout) {
  delete static_cast<Layout*>(layout);
  return CUBLAS_SUCCESS;
}

EXPORT Status cublasLtMatmulPreferenceCreate(void** preference) {
  static char only;
  *preference = &only;
  return CUBLAS_SUCCESS;
}

EXPORT Status cublasLtMatmulPreferenceDestroy(void*) { return CUBLAS_SUCCESS; }

EXPORT Status cublasLtMatmulPreferenceSetAttribute(void*, int, const void*, size_t) { return CUBLAS_SUCCESS; }

EXPORT Status cublasLtMatmulAlgoCheck(void*, void* descriptor, void* a, void* b, void*, void* d, const Algorithm* algorithm,
                                      HeuristicResult* result) {
  if (algorithm->mark != ALGORITHM_MARK || !emulatorMultiplies(static_cast<Layout*>(b)->columns) ||
      !fits(*static_cast<Descriptor*>(descriptor), *static_cast<Layout*>(a), *static_cast<Layout*>(b), *static_cast<Layout*>(d))) {
    return CUBLAS_NOT_SUPPORTED;
  }
  *result = HeuristicResult{*algorithm, 0, CUBLAS_SUCCESS, 1, {}};
  return CUBLAS_SUCCESS;
}

EXPORT Status cublasLtMatmulAlgoGetHeuristic(void* handle, void* descriptor, void* a, void* b, void* c, void* d, void*, int wanted,
                                             HeuristicResult* results, int* count) {
  const Algorithm algorithm{ALGORITHM_MARK, {}};
  *count = 0;
  const Status status = wanted < 1 ? CUBLAS_INVALID_VALUE : cublasLtMatmulAlgoCheck(handle, descriptor, a, b, c, d, &algorithm, results);
  *count = status == CUBLAS_SUCCESS ? 1 : 0;
  return status;
}

EXPORT Status cublasLtMatmulAlgoConfigGetAttribute(const Algorithm*, int attribute, void* value, size_t bytes, size_t* written) {
  const int answer = attribute == 2 ? 1 : 0;  // one piece; the rest has no meaning here
  memcpy(value, &answer, sizeof(answer));
  *written = bytes;
  return CUBLAS_SUCCESS;
}

EXPORT Status cublasLtMatmul(void*, void* descriptor, const float* alpha, const unsigned char* a, void* aLayout, const unsigned char* b,
                             void* bLayout, const float* beta, const void* c, void*, unsigned char* d, void* dLayout,
                             const Algorithm* algorithm, void* workspace, size_t workspaceBytes, void* stream) {
  const Layout aCopy = *static_cast<Layout*>(aLayout);
  const Layout bCopy = *static_cast<Layout*>(bLayout);
  const Layout dCopy = *static_cast<Layout*>(dLayout);
  if (!fits(*static_cast<Descriptor*>(descriptor), aCopy, bCopy, dCopy) || algorithm->mark != ALGORITHM_MARK || c != d ||
      !emulatorOwns(a, aCopy.bytes()) || !emulatorOwns(b, bCopy.bytes()) || !emulatorOwns(d, dCopy.bytes()) ||
      (workspaceBytes > 0 && !emulatorOwns(workspace, workspaceBytes))) {
    return CUBLAS_INVALID_VALUE;
  }
  if (!emulatorMultiplies(bCopy.columns) || emulatorRefuses(stream)) {
    return CUBLAS_NOT_SUPPORTED;
  }
  const float times = *alpha;
  const float plus = *beta;
  const Status status = emulatorEnqueue(stream, [=] {
    if (emulatorFails("cublasLtMatmul")) {
      return ILLEGAL_ADDRESS;
    }
    multiply(times, aCopy, a, bCopy, b, plus, dCopy, d);
    return SUCCESS;
  });
  return status == SUCCESS ? CUBLAS_SUCCESS : CUBLAS_EXECUTION_FAILED;
}
