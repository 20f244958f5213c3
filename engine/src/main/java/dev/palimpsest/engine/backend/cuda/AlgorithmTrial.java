package dev.palimpsest.engine.backend.cuda;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.palimpsest.bindings.cublas.MatmulAlgorithm;
import dev.palimpsest.bindings.cuda.DeviceMemory;
import dev.palimpsest.bindings.cuda.Event;
import dev.palimpsest.bindings.cuda.Graph;
import dev.palimpsest.bindings.cuda.PinnedMemory;
import dev.palimpsest.bindings.cuda.Stream;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Random rows that algorithms are tried on: which bits they compute, and how fast. */
final class AlgorithmTrial implements AutoCloseable {
  private static final int COMPARED_ROWS = 8;
  private static final int LEAST_CALLS = 8;
  private static final int WARM_UPS = 2;
  private static final int REPLAYS = 5;

  private final Gemm gemm;
  private final Stream stream;
  private final DeviceMemory x;
  private final DeviceMemory bias;
  private final DeviceMemory out;

  /**
   * A trial.
   *
   * @param most the largest product that is tried
   */
  AlgorithmTrial(Gemm gemm, Kernels kernels, Stream stream, Gemm.Product most) {
    this.gemm = gemm;
    this.stream = stream;
    List<DeviceMemory> allocated = new ArrayList<>();
    boolean complete = false;
    try {
      x = allocate(most.xBytes(), allocated);
      bias = allocate(Math.max(most.resultType().bytes(), most.biasBytes()), allocated);
      out = allocate(most.outBytes(), allocated);
      complete = true;
    } finally {
      if (!complete) {
        Release.all(allocated);
      }
    }
    kernels.random(x.address(), most.xBytes(), stream);
    kernels.random(bias.address(), bias.bytes(), stream);
  }

  private static DeviceMemory allocate(long bytes, List<DeviceMemory> allocated) {
    DeviceMemory memory = DeviceMemory.allocate(bytes);
    allocated.add(memory);
    return memory;
  }

  /** The first rows of a product, as they lie. */
  byte[] bits(Gemm.Product product, MatmulAlgorithm algorithm, long weight) {
    int rows = Math.min(COMPARED_ROWS, product.rows());
    long width = product.resultType().bytes() * product.columns();
    long stride = product.resultType().bytes() * product.outStride();
    byte[] bits = new byte[Math.toIntExact(rows * width)];
    try (PinnedMemory copy = PinnedMemory.allocate((rows - 1) * stride + width)) {
      gemm.multiply(product, algorithm, weight, bias.address(), x.address(), out.address(), false);
      out.copyTo(copy, 0, 0, copy.segment().byteSize(), stream);
      stream.synchronize();
      for (int row = 0; row < rows; row++) {
        MemorySegment.copy(
            copy.segment(),
            JAVA_BYTE,
            row * stride,
            bits,
            Math.toIntExact(row * width),
            Math.toIntExact(width));
      }
    }
    return bits;
  }

  /**
   * The median milliseconds of a product, launched as a graph.
   *
   * @param weights that are taken in turn, as a step takes its layers': what one of them leaves in
   *     the device's cache is of no use to the next
   */
  float millis(Gemm.Product product, MatmulAlgorithm algorithm, List<Long> weights) {
    int calls = Math.max(LEAST_CALLS, weights.size());
    Runnable work =
        () -> {
          for (int call = 0; call < calls; call++) {
            gemm.multiply(
                product,
                algorithm,
                weights.get(call % weights.size()),
                bias.address(),
                x.address(),
                out.address(),
                false);
          }
        };
    float[] millis = new float[REPLAYS];
    try (Graph graph = Graph.capture(stream, work);
        Event start = Event.timed();
        Event end = Event.timed()) {
      for (int run = -WARM_UPS; run < REPLAYS; run++) {
        start.record(stream);
        graph.launch(stream);
        end.record(stream);
        end.synchronize();
        if (run >= 0) {
          millis[run] = start.millisTo(end) / calls;
        }
      }
    }
    Arrays.sort(millis);
    return millis[REPLAYS / 2];
  }

  @Override
  public void close() {
    Release.all(List.of(x, bias, out));
  }
}
