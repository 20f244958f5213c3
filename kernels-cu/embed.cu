// embed_T: out[row] = table[tokens[row]].
//
// tokens [rows], table [ids, columns], out [rows, columns] of stride outStride. Grid (rows, y).
// Moves 2 · rows · columns · sizeof(T) bytes; 0 FLOP.
#include "common.cuh"

template <typename T>
__device__ void embed(const int* tokens, const T* table, int columns, T* out, int outStride) {
  constexpr int SIZE = Pack<T>::SIZE;
  const bool whole = isAligned(table, columns) && isAligned(out, outStride);
  const T* from = table + offset(tokens[blockIdx.x], columns);
  T* to = out + offset(blockIdx.x, outStride);
  for (int c = firstColumn<SIZE>(); c < columns; c += columnStep<SIZE>()) {
    copyPack(to + c, from + c, columns - c, whole);
  }
}

#define EMBED(name, T)                                                                                                    \
  extern "C" __global__ void embed_##name(const int* tokens, const T* table, int columns, T* out, int outStride) {       \
    awaitEarlierLaunch();                                                                                                 \
    embed(tokens, table, columns, out, outStride);                                                                        \
  }                                                                                                                       \
  KERNEL(embed_##name);
FOR_BOTH_TYPES(EMBED)
