package dev.palimpsest.bindings.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A point in a stream's work that others can wait for. */
public final class Event implements AutoCloseable {
  private final MemorySegment address;
  private boolean open = true;

  private Event(int flags) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment handle = arena.allocate(ADDRESS);
      Status.check("cuEventCreate", CudaDriver.cuEventCreate(handle, flags));
      address = handle.get(ADDRESS, 0);
    }
  }

  /** An event to wait for, which keeps no time and therefore costs least. */
  public static Event untimed() {
    return new Event(CudaDriver.CU_EVENT_DISABLE_TIMING());
  }

  /** An event that keeps the time at which it happens. */
  public static Event timed() {
    return new Event(CudaDriver.CU_EVENT_DEFAULT());
  }

  MemorySegment address() {
    return address;
  }

  /** Puts it into the stream: it happens when all that was put in before has been done. */
  public void record(Stream stream) {
    Status.check("cuEventRecord", CudaDriver.cuEventRecord(address, stream.address()));
  }

  /** Waits until it has happened; at once if it was never recorded. */
  public void synchronize() {
    Status.check("cuEventSynchronize", CudaDriver.cuEventSynchronize(address));
  }

  /** Milliseconds from this event to a later one; both are timed and have happened. */
  public float millisTo(Event later) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment millis = arena.allocate(JAVA_FLOAT);
      Status.check(
          "cuEventElapsedTime_v2",
          CudaDriver.cuEventElapsedTime_v2(millis, address, later.address));
      return millis.get(JAVA_FLOAT, 0);
    }
  }

  @Override
  public void close() {
    if (open) {
      open = false;
      Status.check("cuEventDestroy_v2", CudaDriver.cuEventDestroy_v2(address));
    }
  }
}
