// The twins of kernels-cu/ptx.cuh: see there for what each computes.
#pragma once

#include "shim.h"

inline void awaitEarlierLaunch() { shim::awaitEarlierLaunch(); }

inline unsigned short roundToBf16(float value) {
  const unsigned bits = __float_as_uint(value);
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u) {
    return 0x7FFF;
  }
  return static_cast<unsigned short>((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
}

inline unsigned roundToBf16Pair(float low, float high) {
  return roundToBf16(low) | (static_cast<unsigned>(roundToBf16(high)) << 16);
}

inline float powerOfTwo(float x) { return exp2f(x); }

namespace shim {

inline float lowerHalf(uint32_t pair) { return __uint_as_float(pair << 16); }
inline float upperHalf(uint32_t pair) { return __uint_as_float(pair & 0xFFFF0000u); }

// Sums in ascending order of the inner index. The products are exact in f32, so a fused multiply-add gives the same bits.
inline void multiply(Exchange& e) {
  float a[16][16], b[16][8], d[16][8];
  for (int lane = 0; lane < WARP; lane++) {
    const int g = lane / 4, t = lane % 4 * 2;
    const uint32_t* in = e.in[lane];
    for (int i = 0; i < 4; i++) {
      const int row = g + i % 2 * 8, column = t + i / 2 * 8;
      a[row][column] = lowerHalf(in[i]);
      a[row][column + 1] = upperHalf(in[i]);
    }
    for (int i = 0; i < 2; i++) {
      b[t + 8 * i][g] = lowerHalf(in[4 + i]);
      b[t + 8 * i + 1][g] = upperHalf(in[4 + i]);
    }
    for (int i = 0; i < 4; i++) {
      d[g + i / 2 * 8][t + i % 2] = __uint_as_float(in[6 + i]);
    }
  }
  for (int row = 0; row < 16; row++) {
    for (int k = 0; k < 16; k++) {
      for (int column = 0; column < 8; column++) {
        d[row][column] += a[row][k] * b[k][column];
      }
    }
  }
  for (int lane = 0; lane < WARP; lane++) {
    const int g = lane / 4, t = lane % 4 * 2;
    for (int i = 0; i < 4; i++) {
      e.out[lane][i] = __float_as_uint(d[g + i / 2 * 8][t + i % 2]);
    }
  }
}

inline const unsigned char* rowAddress(const Exchange& e, int matrix, int row) {
  const unsigned char* address;
  memcpy(&address, e.in[matrix * 8 + row], sizeof(address));
  return address;
}

inline void distribute(Exchange& e) {
  for (int lane = 0; lane < WARP; lane++) {
    for (int matrix = 0; matrix < 4; matrix++) {
      memcpy(&e.out[lane][matrix], rowAddress(e, matrix, lane / 4) + lane % 4 * 4, 4);
    }
  }
}

inline void distributeTransposed(Exchange& e) {
  for (int lane = 0; lane < WARP; lane++) {
    for (int matrix = 0; matrix < 4; matrix++) {
      for (int half = 0; half < 2; half++) {
        memcpy(reinterpret_cast<unsigned char*>(&e.out[lane][matrix]) + 2 * half,
               rowAddress(e, matrix, lane % 4 * 2 + half) + lane / 4 * 2, 2);
      }
    }
  }
}

inline void load(unsigned (&r)[4], const void* row, Together together) {
  if (reinterpret_cast<uintptr_t>(row) % 16 != 0) {
    fail("ldmatrix takes rows on 16-byte boundaries");
  }
  Exchange* const exchange = place.exchange;
  const int lane = place.lane;
  memcpy(exchange->in[lane], &row, sizeof(row));
  awaitWarp(together);
  memcpy(r, exchange->out[lane], sizeof(r));
}

}  // namespace shim

inline void mma16816(float (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  shim::Exchange* const exchange = shim::place.exchange;
  const int lane = shim::place.lane;
  uint32_t* const in = exchange->in[lane];
  memcpy(in, a, 16);
  in[4] = b0;
  in[5] = b1;
  memcpy(in + 6, d, 16);
  shim::awaitWarp(shim::multiply);
  memcpy(d, exchange->out[lane], 16);
}

inline void loadMatrices(unsigned (&r)[4], const void* row) { shim::load(r, row, shim::distribute); }

inline void loadMatricesTransposed(unsigned (&r)[4], const void* row) { shim::load(r, row, shim::distributeTransposed); }

inline void startCopy(void* shared, const void* global, bool present) { shim::startCopy(shared, global, present); }

inline void startCopy(void* shared, const void* global) { shim::startCopy(shared, global, true); }

inline void endCopies() { shim::endCopies(); }

template <int GROUPS>
void awaitCopies() {
  shim::awaitCopies(GROUPS);
}
