package dev.palimpsest.bindings.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** What driver calls return. */
final class Status {
  private Status() {}

  /**
   * Checks a status right at the call.
   *
   * @throws CudaException if it is not success
   */
  static void check(String call, int status) {
    if (status != CudaDriver.CUDA_SUCCESS()) {
      throw new CudaException(call, name(status), message(status));
    }
  }

  static String name(int status) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment text = arena.allocate(ADDRESS);
      return CudaDriver.cuGetErrorName(status, text) == CudaDriver.CUDA_SUCCESS()
          ? text(text)
          : "status " + status;
    }
  }

  static String message(int status) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment text = arena.allocate(ADDRESS);
      return CudaDriver.cuGetErrorString(status, text) == CudaDriver.CUDA_SUCCESS()
          ? text(text)
          : "";
    }
  }

  private static String text(MemorySegment pointer) {
    return pointer.get(ADDRESS, 0).reinterpret(Long.MAX_VALUE).getString(0);
  }
}
