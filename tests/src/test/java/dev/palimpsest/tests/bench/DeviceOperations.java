package dev.palimpsest.tests.bench;

import dev.palimpsest.bindings.cuda.Context;
import dev.palimpsest.bindings.cuda.Cuda;
import dev.palimpsest.bindings.cuda.DeviceMemory;
import dev.palimpsest.bindings.cuda.Event;
import dev.palimpsest.bindings.cuda.Stream;
import dev.palimpsest.engine.backend.Activation;
import dev.palimpsest.engine.backend.Backend;
import dev.palimpsest.engine.backend.RowDraw;
import dev.palimpsest.engine.backend.StepArena;
import dev.palimpsest.engine.backend.Weight;
import dev.palimpsest.engine.backend.cuda.CudaBackend;
import dev.palimpsest.engine.checkpoint.Checkpoint;
import dev.palimpsest.engine.checkpoint.DType;
import dev.palimpsest.engine.checkpoint.Tensor;
import dev.palimpsest.engine.device.CudaOptions;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.step.Draw;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Operations of a step by themselves: attention, the vocabulary with the product that it is made
 * of, and what the device can do at most.
 */
final class DeviceOperations implements AutoCloseable {
  private static final String HEAD = "model.transformer.ff_out.weight";
  private static final int WARM_UPS = 3;
  private static final int TIMED = 7;
  private static final int TABLE_ROWS = 256;

  private final CudaBackend backend;
  private final ModelSpec spec;
  private final Weight smallHead;

  private DeviceOperations(ModelSpec spec) {
    this.spec = spec;
    backend = CudaBackend.open(Precision.BF16, CudaOptions.DEFAULT, spec);
    smallHead = random(16, 64);
  }

  static void measure(Path model, int[][] shapes, boolean tiny) {
    ModelSpec spec = BenchModels.spec(model);
    try (DeviceOperations operations = new DeviceOperations(spec)) {
      operations.peakCopy(tiny ? 1 << 20 : 1 << 30);
      operations.peakProduct(tiny ? 256 : 8192);
      for (int[] shape : shapes) {
        operations.attention(shape[0], shape[1], tiny ? 2 : 32);
      }
      operations.vocabulary(model, tiny ? 64 : 4096);
    }
  }

  /** Bytes from one place of the device's memory to another; read and written both count. */
  private void peakCopy(long bytes) {
    try (Context _ = Context.retain(Cuda.devices().getFirst());
        Stream stream = new Stream();
        DeviceMemory source = DeviceMemory.allocate(bytes);
        DeviceMemory target = DeviceMemory.allocate(bytes);
        Event start = Event.timed();
        Event end = Event.timed()) {
      source.fill(0x3F8C3F8C, 0, bytes / Integer.BYTES, stream);
      List<Double> millis = new ArrayList<>();
      for (int run = 0; run < WARM_UPS + TIMED; run++) {
        start.record(stream);
        target.copyFrom(source, 0, 0, bytes, stream);
        end.record(stream);
        end.synchronize();
        if (run >= WARM_UPS) {
          millis.add((double) start.millisTo(end));
        }
      }
      double median = Lines.median(millis);
      Lines.print("peak-copy", "bytes", bytes, "ms", median, "gb_per_s", 2 * bytes / median / 1e6);
    }
  }

  /** The engine's own product of three equal dimensions. */
  private void peakProduct(int size) {
    StepArena arena = arena();
    Activation x = arena.allocate(size, size);
    Activation out = arena.allocate(size, size);
    Weight weight = random(size, size);
    double millis = millis(arena, x, 10, () -> backend.linear(x, weight, 0, out));
    double flops = 2.0 * size * size * size;
    Lines.print("peak-gemm", "size", size, "ms", millis, "tflops", flops / millis / 1e9);
  }

  private void attention(int batch, int length, int repetitions) {
    int width = spec.attention().queryWidth();
    int keyWidth = spec.attention().keyWidth();
    int[] starts = IntStream.rangeClosed(0, batch).map(i -> i * length).toArray();
    int[] limits = new int[batch * length];
    Arrays.fill(limits, length);
    StepArena arena = arena();
    Activation qkv = arena.allocate(batch * length, width + 2 * keyWidth);
    Activation out = arena.allocate(batch * length, width);
    double millis =
        millis(
            arena,
            qkv,
            repetitions,
            () ->
                backend.attention(
                    qkv.columns(0, width),
                    qkv.columns(width, keyWidth),
                    qkv.columns(width + keyWidth, keyWidth),
                    spec.attention().headSize(),
                    starts,
                    starts,
                    limits,
                    Backend.ALL_KEYS,
                    out));
    double flops = 4.0 * batch * length * length * width;
    Lines.print(
        "attention",
        "batch",
        batch,
        "length",
        length,
        "ms",
        millis,
        "tflops",
        flops / millis / 1e9);
  }

  /** The reduction of the head's logits, the bare product of the same rows, and its memory. */
  private void vocabulary(Path model, int rows) {
    Weight head;
    try (Checkpoint checkpoint = Checkpoint.open(model)) {
      head = backend.weight(List.of(checkpoint.tensor(HEAD)));
    }
    StepArena arena = arena();
    Activation x = arena.allocate(rows, spec.hidden());
    Activation logits = arena.allocate(rows, spec.vocabulary());
    double product = millis(arena, x, 4, () -> backend.linear(x, head, 0, logits));
    Weight table = random(TABLE_ROWS, spec.hidden());
    int[] ids = ids(rows);
    List<RowDraw> draws = Collections.nCopies(rows, new RowDraw(Draw.GREEDY, 0));
    List<Double> millis = new ArrayList<>();
    List<Double> onDevice = new ArrayList<>();
    long free;
    try (Context context = Context.retain(Cuda.devices().getFirst())) {
      free = context.freeBytes();
      for (int run = 0; run < WARM_UPS + TIMED; run++) {
        backend.begin(arena.used());
        backend.embed(ids, table, x);
        long waited = backend.waitedNanos();
        long started = System.nanoTime();
        backend.vocabulary(x, head, draws);
        if (run >= WARM_UPS) {
          millis.add((System.nanoTime() - started) / 1e6);
          onDevice.add((backend.waitedNanos() - waited) / 1e6);
        }
      }
      free -= context.freeBytes();
    }
    Lines.print(
        "vocabulary",
        "rows",
        rows,
        "ids",
        spec.vocabulary(),
        "ms",
        Lines.median(millis),
        "device_ms",
        Lines.median(onDevice),
        "product_ms",
        product,
        "over_product",
        Lines.median(onDevice) / product,
        "bytes",
        free);
  }

  private StepArena arena() {
    return new StepArena(backend::paddedRows);
  }

  private static int[] ids(int rows) {
    return new SplittableRandom(2).ints(rows, 0, TABLE_ROWS).toArray();
  }

  /**
   * Milliseconds that the device takes for an operation: a step with many of them less one with
   * none, both replayed as graphs.
   *
   * @param x is filled with random rows before the operations
   */
  private double millis(StepArena arena, Activation x, int repetitions, Runnable operation) {
    Weight table = random(TABLE_ROWS, x.columns());
    int[] ids = ids(x.rows());
    Activation last = arena.allocate(1, smallHead.columns());
    Weight lastTable = random(TABLE_ROWS, smallHead.columns());
    List<RowDraw> draws = List.of(new RowDraw(Draw.GREEDY, 0));
    double[] medians = new double[2];
    for (int count : new int[] {0, repetitions}) {
      List<Double> millis = new ArrayList<>();
      for (int run = 0; run < WARM_UPS + TIMED; run++) {
        backend.begin(arena.used());
        backend.embed(ids, table, x);
        for (int i = 0; i < count; i++) {
          operation.run();
        }
        backend.embed(new int[] {0}, lastTable, last);
        long started = System.nanoTime();
        backend.vocabulary(last, smallHead, draws);
        if (run >= WARM_UPS) {
          millis.add((System.nanoTime() - started) / 1e6);
        }
      }
      medians[count == 0 ? 0 : 1] = Lines.median(millis);
    }
    return (medians[1] - medians[0]) / repetitions;
  }

  /** A matrix of normally distributed numbers. */
  private Weight random(int rows, int columns) {
    SplittableRandom random = new SplittableRandom(4);
    float[] values = new float[rows * columns];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return backend.weight(
        List.of(
            new Tensor(
                "random",
                DType.F32,
                List.of((long) rows, (long) columns),
                MemorySegment.ofArray(values))));
  }

  @Override
  public void close() {
    backend.close();
  }
}
