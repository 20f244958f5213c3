package dev.palimpsest.bindings.cuda;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/** A piece of the device's memory. */
public final class DeviceMemory implements AutoCloseable {
  private final long address;
  private final long bytes;
  private boolean open = true;

  private DeviceMemory(long address, long bytes) {
    this.address = address;
    this.bytes = bytes;
  }

  /**
   * Allocates memory whose content is undefined; its address is a multiple of 256.
   *
   * @throws CudaException that {@linkplain CudaException#isOutOfMemory says so} if there is too
   *     little
   */
  public static DeviceMemory allocate(long bytes) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment address = arena.allocate(JAVA_LONG);
      Status.check("cuMemAlloc_v2", CudaDriver.cuMemAlloc_v2(address, bytes));
      return new DeviceMemory(address.get(JAVA_LONG, 0), bytes);
    }
  }

  /** No memory at all, where there is to be some later. */
  public static DeviceMemory none() {
    DeviceMemory none = new DeviceMemory(0, 0);
    none.open = false;
    return none;
  }

  /** Where it lies in the device's address space. */
  public long address() {
    return address;
  }

  /** Its size. */
  public long bytes() {
    return bytes;
  }

  /** Copies {@code count} bytes from {@code source} to byte {@code at}, in the stream's order. */
  public void copyFrom(PinnedMemory source, long from, long at, long count, Stream stream) {
    Objects.checkFromIndexSize(at, count, bytes);
    Status.check(
        "cuMemcpyHtoDAsync_v2",
        CudaDriver.cuMemcpyHtoDAsync_v2(
            address + at, source.segment().asSlice(from, count), count, stream.address()));
  }

  /** Copies {@code count} bytes from byte {@code from} to {@code target}, in the stream's order. */
  public void copyTo(PinnedMemory target, long from, long at, long count, Stream stream) {
    Objects.checkFromIndexSize(from, count, bytes);
    Status.check(
        "cuMemcpyDtoHAsync_v2",
        CudaDriver.cuMemcpyDtoHAsync_v2(
            target.segment().asSlice(at, count), address + from, count, stream.address()));
  }

  /** Copies {@code count} bytes of {@code source} to byte {@code at}, in the stream's order. */
  public void copyFrom(DeviceMemory source, long from, long at, long count, Stream stream) {
    Objects.checkFromIndexSize(at, count, bytes);
    Objects.checkFromIndexSize(from, count, source.bytes);
    Status.check(
        "cuMemcpyDtoDAsync_v2",
        CudaDriver.cuMemcpyDtoDAsync_v2(
            address + at, source.address + from, count, stream.address()));
  }

  /** Sets {@code count} 32-bit words from byte {@code at} on, in the stream's order. */
  public void fill(int word, long at, long count, Stream stream) {
    Objects.checkFromIndexSize(at, count * Integer.BYTES, bytes);
    Status.check(
        "cuMemsetD32Async",
        CudaDriver.cuMemsetD32Async(address + at, word, count, stream.address()));
  }

  /** Frees it once the device has done all that was asked of it. */
  @Override
  public void close() {
    if (open) {
      open = false;
      Status.check("cuMemFree_v2", CudaDriver.cuMemFree_v2(address));
    }
  }
}
