package dev.palimpsest.bindings.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Work that was put into a stream once and can be done again with one call. */
public final class Graph implements AutoCloseable {
  private final MemorySegment executable;
  private boolean open = true;

  private Graph(MemorySegment executable) {
    this.executable = executable;
  }

  /**
   * Records what {@code work} puts into the stream, without doing it. Kernels keep the arguments
   * they are given here; copies keep their addresses.
   *
   * @throws CudaException if something in it cannot be recorded
   */
  public static Graph capture(Stream stream, Runnable work) {
    // Relaxed: libraries may load a kernel at its first use, which stricter modes refuse.
    Status.check(
        "cuStreamBeginCapture_v2",
        CudaDriver.cuStreamBeginCapture_v2(
            stream.address(), CudaDriver.CU_STREAM_CAPTURE_MODE_RELAXED()));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment handle = arena.allocate(ADDRESS);
      boolean recorded = false;
      int status;
      try {
        work.run();
        recorded = true;
      } finally {
        status = CudaDriver.cuStreamEndCapture(stream.address(), handle);
        if (!recorded && status == CudaDriver.CUDA_SUCCESS()) {
          int _ = CudaDriver.cuGraphDestroy(handle.get(ADDRESS, 0));
        }
      }
      Status.check("cuStreamEndCapture", status);
      return instantiate(handle.get(ADDRESS, 0));
    }
  }

  private static Graph instantiate(MemorySegment graph) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment handle = arena.allocate(ADDRESS);
      int status = CudaDriver.cuGraphInstantiateWithFlags(handle, graph, 0);
      Status.check("cuGraphDestroy", CudaDriver.cuGraphDestroy(graph));
      Status.check("cuGraphInstantiateWithFlags", status);
      return new Graph(handle.get(ADDRESS, 0));
    }
  }

  /** Puts the recorded work into the stream. */
  public void launch(Stream stream) {
    Status.check("cuGraphLaunch", CudaDriver.cuGraphLaunch(executable, stream.address()));
  }

  @Override
  public void close() {
    if (open) {
      open = false;
      Status.check("cuGraphExecDestroy", CudaDriver.cuGraphExecDestroy(executable));
    }
  }
}
