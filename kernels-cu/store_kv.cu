// store_kv_T: keyCache[slots[row]] = k[row] and valueCache[slots[row]] = v[row]; a row with slot -1 is not stored.
//
// k, v [rows, columns] with their strides, slots [rows], caches [tokens, columns] without gaps. Grid (rows, y).
// Moves 4 · rows · columns · sizeof(T) bytes; 0 FLOP.
#include "common.cuh"

template <typename T>
__device__ void storeKeysAndValues(const T* k, int kStride, const T* v, int vStride, const int* slots, T* keyCache,
                                   T* valueCache, int columns) {
  constexpr int SIZE = Pack<T>::SIZE;
  const int slot = slots[blockIdx.x];
  if (slot < 0) {
    return;
  }
  const bool whole = isAligned(k, kStride) && isAligned(v, vStride) && isAligned(keyCache, columns) &&
                     isAligned(valueCache, columns);
  for (int c = firstColumn<SIZE>(); c < columns; c += columnStep<SIZE>()) {
    copyPack(keyCache + offset(slot, columns) + c, k + offset(blockIdx.x, kStride) + c, columns - c, whole);
    copyPack(valueCache + offset(slot, columns) + c, v + offset(blockIdx.x, vStride) + c, columns - c, whole);
  }
}

#define STORE_KV(name, T)                                                                                                 \
  extern "C" __global__ void store_kv_##name(const T* k, int kStride, const T* v, int vStride, const int* slots,         \
                                             T* keyCache, T* valueCache, int columns) {                                   \
    storeKeysAndValues(k, kStride, v, vStride, slots, keyCache, valueCache, columns);                                     \
  }                                                                                                                       \
  KERNEL(store_kv_##name);
FOR_BOTH_TYPES(STORE_KV)
