package dev.palimpsest.bindings.cuda;

import jcuda.Pointer;
import jcuda.driver.CUfunction;
import jcuda.driver.JCudaDriver;

/** A kernel of a {@link KernelModule}; it means nothing once that is closed. */
public final class Kernel {
  private static final Pointer NO_EXTRA = new Pointer();

  private final String name;
  private final CUfunction function;

  Kernel(String name, CUfunction function) {
    this.name = name;
    this.function = function;
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
}
