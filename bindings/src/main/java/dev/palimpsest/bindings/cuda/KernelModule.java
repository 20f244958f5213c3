package dev.palimpsest.bindings.cuda;

import java.nio.ByteBuffer;
import jcuda.Pointer;
import jcuda.driver.CUmodule;
import jcuda.driver.JCudaDriver;

/** Compiled kernels, loaded through JCuda into the calling thread's context. */
public final class KernelModule implements AutoCloseable {
  private final CUmodule module = new CUmodule();
  private boolean open = true;

  /**
   * Loads compiled kernels.
   *
   * @param image a fatbin, cubin or PTX
   * @throws CudaException if it has no code for this device, or needs a newer driver
   */
  public KernelModule(byte[] image) {
    // The driver finds the end of an image by itself; that of PTX is a zero.
    ByteBuffer buffer = ByteBuffer.allocateDirect(image.length + 1).put(image).rewind();
    Status.check(
        "cuModuleLoadDataEx",
        JCudaDriver.cuModuleLoadDataEx(module, Pointer.to(buffer), 0, new int[0], new Pointer()));
  }

  /**
   * Looks a kernel up.
   *
   * @throws CudaException if there is none of this name
   */
  public Kernel kernel(String name) {
    Kernel.Handle function = new Kernel.Handle();
    Status.check(
        "cuModuleGetFunction of " + name, JCudaDriver.cuModuleGetFunction(function, module, name));
    return new Kernel(name, function);
  }

  @Override
  public void close() {
    if (open) {
      open = false;
      Status.check("cuModuleUnload", JCudaDriver.cuModuleUnload(module));
    }
  }
}
