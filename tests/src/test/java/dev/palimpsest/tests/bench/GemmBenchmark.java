package dev.palimpsest.tests.bench;

import dev.palimpsest.bindings.onednn.Matrix;
import dev.palimpsest.bindings.onednn.OneDnn;
import dev.palimpsest.engine.backend.Activation;
import dev.palimpsest.engine.backend.StepArena;
import dev.palimpsest.engine.backend.Weight;
import dev.palimpsest.engine.backend.host.HostBackend;
import dev.palimpsest.engine.checkpoint.DType;
import dev.palimpsest.engine.checkpoint.Tensor;
import dev.palimpsest.engine.device.Precision;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What do tiles of a fixed shape cost?
 *
 * <p>{@code engine} is the host backend's {@code linear}; {@code library} is oneDNN's f32 product
 * of the same matrices with all rows in one call, its columns cut once per thread. The column
 * {@code gflop} is GFLOP/s: 2 · rows · size² a product.
 *
 * <p>For bf16, {@code library} is oneDNN's bf16 product where the CPU has one. Elsewhere the engine
 * widens bf16 weights to f32, so the f32 product is what bounds it.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@SuppressWarnings("NullAway.Init") // JMH fills in parameters and calls the set-up.
public class GemmBenchmark {
  /** Rows and columns of the weight. */
  @Param({"128", "1024", "4096"})
  public int size;

  /** Rows of the activation. */
  @Param({"1", "32", "96", "256"})
  public int rows;

  /** Of the weight. */
  @Param({"F32", "BF16"})
  public Precision precision;

  /** Threads of one product. */
  @Param({"1", "2"})
  public int threads;

  private HostBackend backend;
  private Weight weight;
  private Activation input;
  private Activation output;

  private Arena memory;
  private Matrix a;
  private Matrix b;
  private Matrix c;
  private boolean bf16;
  private @Nullable SpinningPair pair;

  /** Arithmetic done, which JMH divides by the time. */
  @State(Scope.Thread)
  @AuxCounters(AuxCounters.Type.OPERATIONS)
  public static class Work {
    /** 10⁹ floating-point operations. */
    public double gflop;
  }

  /** Fills the matrices. */
  @Setup
  public void prepare() {
    memory = Arena.ofShared();
    Random random = new Random(1);
    float[] values = normal(random, rows * size);
    MemorySegment weights =
        memory.allocateFrom(ValueLayout.JAVA_FLOAT, normal(random, size * size));

    backend = new HostBackend(precision, threads);
    weight =
        backend.weight(
            List.of(new Tensor("weight", DType.F32, List.of((long) size, (long) size), weights)));
    StepArena arena = new StepArena(backend::paddedRows);
    input = arena.allocate(rows, size);
    output = arena.allocate(rows, size);
    backend.begin(arena.used());
    backend.embed(IntStream.range(0, rows).toArray(), backend.table(rows, size, values), input);

    bf16 = precision == Precision.BF16 && OneDnn.isAvailable() && OneDnn.hasFastBf16();
    MemorySegment inputs = memory.allocateFrom(ValueLayout.JAVA_FLOAT, values);
    a = new Matrix(bf16 ? bf16(values) : inputs, 0, size);
    b = new Matrix(bf16 ? bf16(weights.toArray(ValueLayout.JAVA_FLOAT)) : weights, 0, size);
    c = new Matrix(memory.allocate(4L * rows * size, 64), 0, size);
  }

  /** Frees them. */
  @TearDown
  public void end() {
    if (pair != null) {
      pair.close();
    }
    backend.close();
    memory.close();
  }

  /** Rows in multiples of six by panels of columns. */
  @Benchmark
  public void engine(Work work) {
    backend.linear(input, weight, 0, output);
    work.gflop += gflop();
  }

  /** All rows in one call a thread. */
  @Benchmark
  public void library(Work work) {
    if (threads == 1) {
      columns(0, size);
    } else {
      if (pair == null) { // only here: it would take a core from the engine's threads
        pair = new SpinningPair();
      }
      pair.run(() -> columns(0, size / 2), () -> columns(size / 2, size));
    }
    work.gflop += gflop();
  }

  private void columns(int from, int to) {
    int count = to - from;
    if (bf16) {
      OneDnn.gemmBf16(rows, count, size, a, b.fromBf16(from, 0), 0, c.from(0, from));
    } else {
      OneDnn.sgemm(OneDnn.TRANSPOSE, rows, count, size, a, b.from(from, 0), 0, c.from(0, from));
    }
  }

  private double gflop() {
    return 2e-9 * rows * size * size;
  }

  private static float[] normal(Random random, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  private MemorySegment bf16(float[] values) {
    MemorySegment result = memory.allocate(2L * values.length, 64);
    for (int i = 0; i < values.length; i++) {
      short upper = (short) (Float.floatToRawIntBits(values[i]) >>> 16);
      result.setAtIndex(ValueLayout.JAVA_SHORT, i, upper);
    }
    return result;
  }

  /** Two threads, the caller's and one that spins for work, so that handing over costs little. */
  private static final class SpinningPair {
    private volatile @Nullable Runnable work;
    private volatile boolean closed;

    SpinningPair() {
      Thread.ofPlatform().daemon().name("benchmark-pair").start(this::spin);
    }

    void run(Runnable mine, Runnable other) {
      work = other;
      mine.run();
      while (work != null) {
        Thread.onSpinWait();
      }
    }

    private void spin() {
      while (!closed) {
        Runnable current = work;
        if (current == null) {
          Thread.onSpinWait();
        } else {
          current.run();
          work = null;
        }
      }
    }

    void close() {
      closed = true;
    }
  }
}
