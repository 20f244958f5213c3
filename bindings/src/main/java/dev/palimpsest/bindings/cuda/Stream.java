package dev.palimpsest.bindings.cuda;

import java.lang.foreign.MemorySegment;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;

/**
 * A queue of work on the device, done in order. JCuda creates it, so that both JCuda and the
 * foreign function interface can put work into it.
 */
public final class Stream implements AutoCloseable {
  private final Handle handle = new Handle();
  private final MemorySegment address;
  private boolean open = true;

  /** A stream that waits for no other. */
  public Stream() {
    Status.check(
        "cuStreamCreate", JCudaDriver.cuStreamCreate(handle, CudaDriver.CU_STREAM_NON_BLOCKING()));
    address = MemorySegment.ofAddress(handle.address());
  }

  /** What the foreign function interface calls it. */
  public MemorySegment address() {
    return address;
  }

  CUstream handle() {
    return handle;
  }

  /** Waits until the device has done all that was put into it. */
  public void synchronize() {
    Status.check("cuStreamSynchronize", CudaDriver.cuStreamSynchronize(address));
  }

  /** Holds back what is put in from here on until {@code event} has happened. */
  public void await(Event event) {
    Status.check("cuStreamWaitEvent", CudaDriver.cuStreamWaitEvent(address, event.address(), 0));
  }

  @Override
  public void close() {
    if (open) {
      open = false;
      Status.check("cuStreamDestroy_v2", CudaDriver.cuStreamDestroy_v2(address));
    }
  }

  /** JCuda's handle, whose pointer only a subclass can read. */
  private static final class Handle extends CUstream {
    long address() {
      return getNativePointer();
    }
  }
}
