// An emulated cuBLASLt for tests: products as plain loops, put into the emulated driver's streams.
//
// It offers what a real one may, and in the order that misleads most: for few rows an algorithm first whose sums depend on the number of
// rows, then one whose sums are its own, and last, on a device of capability 9 and for bf16, those of the class that add up alike. Where
// pieces of the inner dimension may be added up one after another, such an algorithm comes first, and it forgets what is left over from
// whole blocks of 64, as a published version does (facebookexperimental/triton#2767).
#include <cstring>
#include <string>
#include <vector>

#include "abi.h"

namespace {

enum : Status { CUBLAS_SUCCESS = 0, CUBLAS_INVALID_VALUE = 7, CUBLAS_EXECUTION_FAILED = 13, CUBLAS_NOT_SUPPORTED = 15 };

constexpr int F32 = 0;
constexpr int BF16 = 14;
constexpr int TRANSA = 3, EPILOGUE = 7, BIAS_POINTER = 8;
constexpr int BIAS = 4;
constexpr int TRANSPOSED = 1;
constexpr uint64_t ALGORITHM_MARK = 0x70616c696d707331;
constexpr int MOST_LANES = 16;
constexpr int VECTOR = 11, WHOLE = 21, CLASS = 66;  // algorithms
constexpr int CLASS_STAGES = 35;
constexpr uint64_t VECTOR_ROWS = 16;
constexpr uint64_t PIECE_BLOCK = 64;
constexpr int REDUCTION_SCHEMES = 3;  // of a preference
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
  int epilogue = 1;
  const unsigned char* bias = nullptr;
};

struct Algorithm {
  uint64_t mark;
  int id;
  int tile;
  int stages;
  int pieces;
  unsigned char rest[ALGORITHM_BYTES - 24];
};

struct Preference {
  bool inPieces = true;
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

// How an algorithm adds up: so many sums over every so manieth element, added in order, of so many pieces. Sums may be rounded to bf16
// before they are added, so that a difference shows in few numbers.
struct Order {
  int lanes;
  int pieces;
  bool coarse;
};

Order order(const Algorithm& algorithm, const Layout& right) {
  const Products products = emulatorProducts();
  const bool narrow = right.type == BF16;
  if (algorithm.id == VECTOR || !products.invariant) {
    return {right.columns <= VECTOR_ROWS ? 4 : 2, 1, narrow};
  }
  const bool deviates = algorithm.id == CLASS && algorithm.tile == products.deviatingTile;
  const bool other = algorithm.id == WHOLE || deviates;
  return {other ? MOST_LANES : 8, algorithm.pieces, other && narrow};
}

float rounded(float value) {
  const Layout narrow{BF16, 1, 1, 1};
  unsigned char half[2];
  store(narrow, half, 0, value);
  return load(narrow, half, 0);
}

float sumOf(const float* a, const float* b, uint64_t count, const Order& order) {
  const int lanes = order.lanes;
  float sums[MOST_LANES] = {};
  uint64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    for (int lane = 0; lane < lanes; lane++) {
      sums[lane] += a[i + lane] * b[i + lane];
    }
  }
  for (; i < count; i++) {
    sums[i % lanes] += a[i] * b[i];
  }
  float sum = 0;
  for (int lane = 0; lane < lanes; lane++) {
    sum += order.coarse ? rounded(sums[lane]) : sums[lane];
  }
  return sum;
}

float dot(const float* a, const float* b, uint64_t count, const Order& order) {
  if (order.pieces <= 1) {
    return sumOf(a, b, count, order);
  }
  const uint64_t piece = count / order.pieces / PIECE_BLOCK * PIECE_BLOCK;
  float sum = 0;
  for (uint64_t from = 0; from + PIECE_BLOCK <= count; from += piece) {
    const uint64_t rest = (count - from) / PIECE_BLOCK * PIECE_BLOCK;
    sum += sumOf(a + from, b + from, piece < rest ? piece : rest, order);
  }
  return sum;
}

// d = alpha · aᵀ · b + beta · d + bias, rounded once
void multiply(const Order& order, float alpha, const Layout& a, const unsigned char* aData, const Layout& b, const unsigned char* bData, float beta,
              const unsigned char* bias, const Layout& d, unsigned char* dData) {
  std::vector<std::vector<float>> right;
  for (uint64_t n = 0; n < d.columns; n++) {
    right.push_back(column(b, bData, n));
  }
  for (uint64_t m = 0; m < d.rows; m++) {
    const std::vector<float> left = column(a, aData, m);
    for (uint64_t n = 0; n < d.columns; n++) {
      const size_t at = n * static_cast<size_t>(d.stride) + m;
      float sum = alpha * dot(left.data(), right[n].data(), a.rows, order);
      if (beta != 0) {
        sum += beta * load(d, dData, at);
      }
      store(d, dData, at, bias == nullptr ? sum : sum + load(d, bias, m));
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
  auto& target = *static_cast<Descriptor*>(descriptor);
  if (attribute == TRANSA && bytes == sizeof(int)) {
    memcpy(&target.transposed, value, bytes);
  } else if (attribute == EPILOGUE && bytes == sizeof(int)) {
    memcpy(&target.epilogue, value, bytes);
  } else if (attribute == BIAS_POINTER && bytes == sizeof(void*)) {
    memcpy(&target.bias, value, bytes);
  } else {
    return CUBLAS_NOT_SUPPORTED;
  }
  return target.epilogue == 1 || target.epilogue == BIAS ? CUBLAS_SUCCESS : CUBLAS_INVALID_VALUE;
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
  *preference = new Preference();
  return CUBLAS_SUCCESS;
}

EXPORT Status cublasLtMatmulPreferenceDestroy(void* preference) {
  delete static_cast<Preference*>(preference);
  return CUBLAS_SUCCESS;
}

EXPORT Status cublasLtMatmulPreferenceSetAttribute(void* preference, int attribute, const void* value, size_t) {
  if (attribute == REDUCTION_SCHEMES) {
    int schemes;
    memcpy(&schemes, value, sizeof schemes);
    static_cast<Preference*>(preference)->inPieces = schemes != 0;
  }
  return CUBLAS_SUCCESS;
}

EXPORT Status cublasLtMatmulAlgoCheck(void*, void* descriptor, void* a, void* b, void*, void* d, const Algorithm* algorithm,
                                      HeuristicResult* result) {
  const Layout& left = *static_cast<Layout*>(a);
  const Layout& right = *static_cast<Layout*>(b);
  if (algorithm->mark != ALGORITHM_MARK || !emulatorMultiplies(right.columns) ||
      (algorithm->pieces > 1 && left.rows < algorithm->pieces * PIECE_BLOCK) ||
      !fits(*static_cast<Descriptor*>(descriptor), left, right, *static_cast<Layout*>(d))) {
    return CUBLAS_NOT_SUPPORTED;
  }
  *result = HeuristicResult{*algorithm, 0, CUBLAS_SUCCESS, 1, {}};
  return CUBLAS_SUCCESS;
}

EXPORT Status cublasLtMatmulAlgoGetHeuristic(void* handle, void* descriptor, void* a, void* b, void* c, void* d, void* preference,
                                             int wanted, HeuristicResult* results, int* count) {
  *count = 0;
  if (wanted < 1) {
    return CUBLAS_INVALID_VALUE;
  }
  const Layout& right = *static_cast<Layout*>(b);
  const bool classed = right.type == BF16 && emulatorMajor() == 9;
  std::vector<Algorithm> all;
  if (static_cast<Preference*>(preference)->inPieces) {
    all.push_back({ALGORITHM_MARK, classed ? CLASS : WHOLE, 1, CLASS_STAGES, 2, {}});
  }
  if (right.columns <= VECTOR_ROWS) {
    all.push_back({ALGORITHM_MARK, VECTOR, 1, 0, 1, {}});
  }
  all.push_back({ALGORITHM_MARK, WHOLE, 1, 3, 1, {}});
  const Products products = emulatorProducts();
  for (int tile = 1; classed && right.columns != products.silentRows && tile <= products.tiles; tile++) {
    all.push_back({ALGORITHM_MARK, CLASS, tile, CLASS_STAGES, 1, {}});
  }
  for (const Algorithm& each : all) {
    if (*count < wanted && cublasLtMatmulAlgoCheck(handle, descriptor, a, b, c, d, &each, results + *count) == CUBLAS_SUCCESS) {
      ++*count;
    }
  }
  return *count > 0 ? CUBLAS_SUCCESS : CUBLAS_NOT_SUPPORTED;
}

EXPORT Status cublasLtMatmulAlgoConfigGetAttribute(const Algorithm* algorithm, int attribute, void* value, size_t bytes,
                                                   size_t* written) {
  int answer = 0;
  switch (attribute) {
    case 0:
      answer = algorithm->id;
      break;
    case 1:
      answer = algorithm->tile;
      break;
    case 2:
      answer = algorithm->pieces;
      break;
    case 6:
      answer = algorithm->stages;
      break;
    default:
      return CUBLAS_INVALID_VALUE;
  }
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
  const Descriptor& wanted = *static_cast<Descriptor*>(descriptor);
  const unsigned char* bias = wanted.epilogue == BIAS ? wanted.bias : nullptr;
  if ((wanted.epilogue == BIAS && !emulatorOwns(bias, dCopy.rows * dCopy.elementBytes())) ||
      !fits(wanted, aCopy, bCopy, dCopy) || algorithm->mark != ALGORITHM_MARK || c != d ||
      !emulatorOwns(a, aCopy.bytes()) || !emulatorOwns(b, bCopy.bytes()) || !emulatorOwns(d, dCopy.bytes()) ||
      (workspaceBytes > 0 && !emulatorOwns(workspace, workspaceBytes))) {
    return CUBLAS_INVALID_VALUE;
  }
  if (!emulatorMultiplies(bCopy.columns) || emulatorRefuses(stream)) {
    return CUBLAS_NOT_SUPPORTED;
  }
  const Products products = emulatorProducts();
  const bool slow = algorithm->id == products.slowAlgorithm && algorithm->tile == products.slowTile;
  const Order adding = order(*algorithm, bCopy);
  const float times = *alpha;
  const float plus = *beta;
  const Status status = emulatorEnqueue(stream, [=] {
    if (emulatorFails("cublasLtMatmul")) {
      return ILLEGAL_ADDRESS;
    }
    if (slow) {
      emulatorDelay(1);
    }
    multiply(adding, times, aCopy, a, bCopy, b, plus, bias, dCopy, d);
    return SUCCESS;
  });
  return status == SUCCESS ? CUBLAS_SUCCESS : CUBLAS_EXECUTION_FAILED;
}
