// The three calls of cuBLAS 12 that a test makes through JCublas, to check the products of cuBLASLt: here a sum in double precision.
#include <cstring>

#include "abi.h"

namespace {

enum : Status { CUBLAS_SUCCESS = 0, CUBLAS_INVALID_VALUE = 7 };

constexpr int F32 = 0;
constexpr int BF16 = 14;
constexpr int NOT_TRANSPOSED = 0;
constexpr int TRANSPOSED = 1;

size_t bytes(int type) { return type == F32 ? 4 : 2; }

// A bf16 number is the upper half of an f32 one.
float load(int type, const unsigned char* data, size_t index) {
  unsigned char wide[4] = {};
  memcpy(wide + 4 - bytes(type), data + index * bytes(type), bytes(type));
  float value;
  memcpy(&value, wide, 4);
  return value;
}

void store(int type, unsigned char* data, size_t index, float value) {
  uint32_t word;
  memcpy(&word, &value, 4);
  if (type == BF16) {
    word += 0x7FFF + ((word >> 16) & 1);
  }
  unsigned char wide[4];
  memcpy(wide, &word, 4);
  memcpy(data + index * bytes(type), wide + 4 - bytes(type), bytes(type));
}

}  // namespace

EXPORT Status cublasCreate_v2(void** handle) {
  static char only;
  *handle = &only;
  return CUBLAS_SUCCESS;
}

EXPORT Status cublasDestroy_v2(void*) { return CUBLAS_SUCCESS; }

// c = alpha · aᵀ · b + beta · c, column-major, at once.
EXPORT Status cublasGemmEx(void*, int transA, int transB, int m, int n, int k, const float* alpha, const unsigned char* a, int aType,
                           int aStride, const unsigned char* b, int bType, int bStride, const float* beta, unsigned char* c, int cType,
                           int cStride, int, int) {
  for (const int type : {aType, bType, cType}) {
    if (type != F32 && type != BF16) {
      return CUBLAS_INVALID_VALUE;
    }
  }
  if (transA != TRANSPOSED || transB != NOT_TRANSPOSED || aStride < k || bStride < k || cStride < m) {
    return CUBLAS_INVALID_VALUE;
  }
  for (size_t column = 0; column < static_cast<size_t>(n); column++) {
    for (size_t row = 0; row < static_cast<size_t>(m); row++) {
      double sum = 0;
      for (size_t i = 0; i < static_cast<size_t>(k); i++) {
        sum += static_cast<double>(load(aType, a, row * static_cast<size_t>(aStride) + i)) *
               load(bType, b, column * static_cast<size_t>(bStride) + i);
      }
      const size_t at = column * static_cast<size_t>(cStride) + row;
      const double before = *beta == 0 ? 0 : static_cast<double>(*beta) * load(cType, c, at);
      store(cType, c, at, static_cast<float>(*alpha * sum + before));
    }
  }
  return CUBLAS_SUCCESS;
}
