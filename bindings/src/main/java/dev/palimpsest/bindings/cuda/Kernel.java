package dev.palimpsest.bindings.cuda;

import java.lang.foreign.MemorySegment;
import jcuda.Pointer;
import jcuda.driver.CUfunction;
import jcuda.driver.JCudaDriver;

/** A kernel of a {@link KernelModule}; it means nothing once that is closed. */
public final class Kernel {
  private static final Pointer NO_EXTRA = new Pointer();

  private final String name;
  private final CUfunction function;
  private final MemorySegment address;

  Kernel(String name, Handle function) {
    this.name = name;
    this.function = function;
    address = MemorySegment.ofAddress(function.address());
  }

  /** The name that it was looked up by. */
  public String name() {
    return name;
  }

  /** Lets its blocks ask for more shared memory than the 48 KiB that every kernel may have. */
  public void allowSharedBytes(int bytes) {
    Status.check(
        "cuFuncSetAttribute of " + name,
        JCudaDriver.cuFuncSetAttribute(
            function, CudaDriver.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES(), bytes));
  }

  /**
   * Puts a launch into the stream.
   *
   * @param arguments are copied before this returns
   */
  public void launch(
      Stream stream,
      int gridX,
      int gridY,
      int gridZ,
      int threads,
      int sharedBytes,
      KernelArguments arguments) {
    int status =
        JCudaDriver.cuLaunchKernel(
            function,
            gridX,
            gridY,
            gridZ,
            threads,
            1,
            1,
            sharedBytes,
            stream.handle(),
            arguments.pointers(),
            NO_EXTRA);
    if (status != 0) {
      Status.check("cuLaunchKernel of " + name, status);
    }
  }

  /**
   * Puts a launch into the stream that may start before the kernel ahead of it has ended, on
   * devices of compute capability 9.0 or newer. The kernel has to wait by itself before it touches
   * memory.
   *
   * @param arguments are copied before this returns
   */
  public void launchEarly(
      Stream stream,
      int gridX,
      int gridY,
      int threads,
      int sharedBytes,
      KernelArguments arguments) {
    int status =
        CudaDriver.cuLaunchKernelEx(
            arguments.early().of(stream, gridX, gridY, threads, sharedBytes),
            address,
            arguments.addresses(),
            MemorySegment.NULL);
    if (status != 0) {
      Status.check("cuLaunchKernelEx of " + name, status);
    }
  }

  /** JCuda's handle, whose pointer only a subclass can read. */
  static final class Handle extends CUfunction {
    long address() {
      return getNativePointer();
    }
  }
}
