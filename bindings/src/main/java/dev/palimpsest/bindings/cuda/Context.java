package dev.palimpsest.bindings.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A device's primary context, retained until this is closed. */
public final class Context implements AutoCloseable {
  private final Device device;
  private final MemorySegment handle;
  private boolean open = true;

  private Context(Device device, MemorySegment handle) {
    this.device = device;
    this.handle = handle;
  }

  /** Retains a device's primary context and makes it the calling thread's. */
  public static Context retain(Device device) {
    Cuda.requireAvailable();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment handle = arena.allocate(ADDRESS);
      Status.check(
          "cuDevicePrimaryCtxRetain",
          CudaDriver.cuDevicePrimaryCtxRetain(handle, device.ordinal()));
      Context context = new Context(device, handle.get(ADDRESS, 0));
      context.makeCurrent();
      return context;
    }
  }

  /** The device that it is of. */
  public Device device() {
    return device;
  }

  /** Makes it the calling thread's context; every other type here works in that. */
  public void makeCurrent() {
    Status.check("cuCtxSetCurrent", CudaDriver.cuCtxSetCurrent(handle));
  }

  /** Waits until the device has done all that was asked of it. */
  public void synchronize() {
    Status.check("cuCtxSynchronize", CudaDriver.cuCtxSynchronize());
  }

  /** Bytes of device memory that nobody holds. */
  public long freeBytes() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment free = arena.allocate(JAVA_LONG);
      MemorySegment total = arena.allocate(JAVA_LONG);
      Status.check("cuMemGetInfo_v2", CudaDriver.cuMemGetInfo_v2(free, total));
      return free.get(JAVA_LONG, 0);
    }
  }

  @Override
  public void close() {
    if (open) {
      open = false;
      Status.check(
          "cuDevicePrimaryCtxRelease_v2",
          CudaDriver.cuDevicePrimaryCtxRelease_v2(device.ordinal()));
    }
  }
}
