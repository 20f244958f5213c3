// The instructions that C++ has no words for. On the CPU the same functions come from native/host/ptx_host.h.
#pragma once

#ifdef __CUDACC__

// Lets the launch behind this one start, and waits until the one before it has ended and what it wrote can be read. The first thing that
// a kernel does: one that was launched to start early may read or write nothing before. Older devices start nothing early.
__device__ __forceinline__ void awaitEarlierLaunch() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;");
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

// The value rounded to bf16, to nearest, ties to even, in the lower half.
__device__ __forceinline__ unsigned short roundToBf16(float value) {
  unsigned short bits;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(value));
  return bits;
}

// Two values rounded to bf16: `low` in the lower half.
__device__ __forceinline__ unsigned roundToBf16Pair(float low, float high) {
  unsigned bits;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(high), "f"(low));
  return bits;
}

// 2 to the power of x, within 2 units in the last place; exactly 1 for 0 and 0 for -inf.
__device__ __forceinline__ float powerOfTwo(float x) {
  float result;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
}

// d[16, 8] += a[16, 16] · b[16, 8] over a warp: bf16 with f32 sums. Lane l, group g = l / 4, t = l % 4, holds
// of a rows g and g + 8, columns 2t, 2t + 1 and 8 more (order: row, row + 8, then the later columns);
// of b rows 2t, 2t + 1 and 8 more, column g; of d rows g and g + 8, columns 2t and 2t + 1.
__device__ __forceinline__ void mma16816(float (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  asm(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

__device__ __forceinline__ unsigned sharedAddress(const void* shared) {
  return static_cast<unsigned>(__cvta_generic_to_shared(shared));
}

// Four matrices of 8 × 8 halves; lane l names the 16 bytes of row l % 8 of matrix l / 8 and gets, of each matrix, row l / 4,
// columns 2 (l % 4) and the next.
__device__ __forceinline__ void loadMatrices(unsigned (&r)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(sharedAddress(row))
               : "memory");
}

// The same, transposed: the lane gets column l / 4, rows 2 (l % 4) and the next.
__device__ __forceinline__ void loadMatricesTransposed(unsigned (&r)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(sharedAddress(row))
               : "memory");
}

// Starts the copy of 16 bytes into shared memory, or of 16 zero bytes when there is nothing to copy.
__device__ __forceinline__ void startCopy(void* shared, const void* global, bool present) {
  const int bytes = present ? 16 : 0;
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
               :
               : "r"(sharedAddress(shared)), "l"(global), "r"(bytes)
               : "memory");
}

__device__ __forceinline__ void startCopy(void* shared, const void* global) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" : : "r"(sharedAddress(shared)), "l"(global) : "memory");
}

// Ends a group of copies.
__device__ __forceinline__ void endCopies() { asm volatile("cp.async.commit_group;" ::: "memory"); }

// Waits for this thread's copies but the latest GROUPS groups.
template <int GROUPS>
__device__ __forceinline__ void awaitCopies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(GROUPS) : "memory");
}

#else
#include "ptx_host.h"
#endif
