package dev.palimpsest.tests.bench;

import dev.palimpsest.engine.Draw;
import dev.palimpsest.engine.Query;
import dev.palimpsest.engine.backend.Activation;
import dev.palimpsest.engine.backend.Backend;
import dev.palimpsest.engine.backend.Precision;
import dev.palimpsest.engine.backend.RowDraw;
import dev.palimpsest.engine.backend.StepArena;
import dev.palimpsest.engine.backend.Weight;
import dev.palimpsest.engine.backend.cuda.CudaBackend;
import dev.palimpsest.engine.backend.cuda.CudaOptions;
import dev.palimpsest.engine.checkpoint.Checkpoint;
import dev.palimpsest.engine.checkpoint.DType;
import dev.palimpsest.engine.checkpoint.Tensor;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.model.ModelSpec;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import tools.jackson.databind.json.JsonMapper;

/**
 * What a step costs on a GPU: one JSON object a line, on standard output. Times are medians, of
 * whole calls of {@link Transformer#predict}, the copies to and from the device included.
 *
 * <p>Arguments: a folder for the checkpoint, and {@code tiny} for a model that an emulated device
 * can run; LLaDA-8B's geometry otherwise.
 */
final class DeviceBenchmark {
  private static final int[][] SHAPES = {{1, 256}, {1, 1024}, {8, 1024}, {32, 512}};
  private static final int[][] TINY_SHAPES = {{1, 32}, {2, 64}};
  private static final int[] BLOCK_ROWS = {32};

  private final Transformer transformer;
  private final ModelSpec spec;
  private final int warmUps;
  private final int timed;

  private DeviceBenchmark(Transformer transformer, ModelSpec spec, int warmUps, int timed) {
    this.transformer = transformer;
    this.spec = spec;
    this.warmUps = warmUps;
    this.timed = timed;
  }

  public static void main(String[] arguments) throws IOException {
    Path folder = Path.of(arguments[0]);
    boolean tiny = List.of(arguments).contains("tiny");
    Files.createDirectories(folder);
    if (!Files.exists(folder.resolve("config.json"))) {
      RandomCheckpoint.write(
          folder, tiny ? RandomCheckpoint.TINY_LLADA : RandomCheckpoint.LLADA_8B);
    }
    ModelSpec spec = BenchModels.spec(folder);
    CudaBackend backend = CudaBackend.open(Precision.BF16, CudaOptions.DEFAULT, spec);
    print(Map.of("benchmark", "device", "device", backend.describe()));
    long started = System.nanoTime();
    long bytes;
    Transformer transformer;
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      bytes = checkpoint.bytes();
      transformer = Transformer.load(checkpoint, spec, backend, _ -> {});
    }
    try (transformer) {
      transformer.predict(List.of(query(new SplittableRandom(1), spec, 8, 8)));
      double seconds = (System.nanoTime() - started) / 1e9;
      print(
          Map.of(
              "benchmark",
              "load",
              "bytes",
              bytes,
              "seconds",
              seconds,
              "gb_per_s",
              bytes / seconds / 1e9));
      DeviceBenchmark benchmark =
          new DeviceBenchmark(transformer, spec, tiny ? 2 : 5, tiny ? 3 : 20);
      for (int[] shape : tiny ? TINY_SHAPES : SHAPES) {
        benchmark.step(shape[0], shape[1], shape[1]);
        for (int rows : BLOCK_ROWS) {
          benchmark.step(shape[0], shape[1], rows);
        }
      }
    }
    try (CudaBackend operations = CudaBackend.open(Precision.BF16, CudaOptions.DEFAULT, spec)) {
      for (int[] shape : tiny ? TINY_SHAPES : SHAPES) {
        attention(operations, spec, shape[0], shape[1], tiny ? 2 : 32);
      }
      vocabulary(operations, folder, spec, tiny ? 64 : 4096, tiny ? 2 : 20);
    }
  }

  private static Query query(SplittableRandom random, ModelSpec spec, int length, int asked) {
    int[] tokens = random.ints(length, 0, spec.vocabulary()).toArray();
    int[] rows = IntStream.range(length - Math.min(length, asked), length).toArray();
    return new Query(tokens, 0, rows, 0, Draw.GREEDY, Optional.empty());
  }

  private void step(int batch, int length, int asked) {
    SplittableRandom random = new SplittableRandom(1);
    List<Query> queries = new ArrayList<>();
    for (int i = 0; i < batch; i++) {
      queries.add(query(random, spec, length, asked));
    }
    List<Double> millis = new ArrayList<>();
    for (int run = 0; run < warmUps + timed; run++) {
      long started = System.nanoTime();
      transformer.predict(queries);
      if (run >= warmUps) {
        millis.add((System.nanoTime() - started) / 1e6);
      }
    }
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("benchmark", "step");
    result.put("batch", batch);
    result.put("length", length);
    result.put("asked", Math.min(length, asked));
    result.put("ms", median(millis));
    result.put("fastest_ms", Collections.min(millis));
    result.put("tokens_per_s", 1e3 * batch * length / median(millis));
    print(result);
  }

  /** Many attentions in one go, less the cost of going. */
  private static void attention(
      CudaBackend backend, ModelSpec spec, int batch, int length, int repetitions) {
    int rows = batch * length;
    int width = spec.heads() * spec.headSize();
    int keyWidth = spec.keyValueHeads() * spec.headSize();
    int[] starts = IntStream.rangeClosed(0, batch).map(i -> i * length).toArray();
    int[] limits = new int[rows];
    Arrays.fill(limits, length);
    Weight table = random(backend, 256, width + 2 * keyWidth);
    int[] ids = new SplittableRandom(2).ints(rows, 0, table.rows()).toArray();
    StepArena arena = new StepArena(backend::paddedRows);
    Activation qkv = arena.allocate(rows, width + 2 * keyWidth);
    Activation out = arena.allocate(rows, width);
    List<Double> millis = new ArrayList<>();
    for (int run = 0; run < 7; run++) {
      double[] seconds = new double[2];
      for (int count : new int[] {0, repetitions}) {
        backend.begin(arena.used());
        backend.embed(ids, table, qkv);
        backend.read(out.firstRows(1));
        long started = System.nanoTime();
        for (int i = 0; i < count; i++) {
          backend.attention(
              qkv.columns(0, width),
              qkv.columns(width, keyWidth),
              qkv.columns(width + keyWidth, keyWidth),
              spec.headSize(),
              starts,
              starts,
              limits,
              out);
        }
        backend.read(out.firstRows(1));
        seconds[count == 0 ? 0 : 1] = (System.nanoTime() - started) / 1e9;
      }
      millis.add(1e3 * (seconds[1] - seconds[0]) / repetitions);
    }
    double flops = 4.0 * batch * length * length * width;
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("benchmark", "attention");
    result.put("batch", batch);
    result.put("length", length);
    result.put("ms", median(millis));
    result.put("tflops", flops / median(millis) / 1e9);
    print(result);
  }

  private static void vocabulary(
      CudaBackend backend, Path folder, ModelSpec spec, int rows, int repetitions) {
    Weight head;
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      Tensor tensor = checkpoint.tensor("model.transformer.ff_out.weight");
      head = backend.weight(List.of(tensor));
    }
    Weight table = random(backend, 256, spec.hidden());
    int[] ids = new SplittableRandom(3).ints(rows, 0, table.rows()).toArray();
    StepArena arena = new StepArena(backend::paddedRows);
    Activation x = arena.allocate(rows, spec.hidden());
    List<RowDraw> draws = Collections.nCopies(rows, new RowDraw(Draw.GREEDY, 0));
    List<Double> millis = new ArrayList<>();
    for (int run = 0; run < repetitions; run++) {
      backend.begin(arena.used());
      backend.embed(ids, table, x);
      long started = System.nanoTime();
      backend.vocabulary(x, head, draws);
      millis.add((System.nanoTime() - started) / 1e6);
    }
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("benchmark", "vocabulary");
    result.put("rows", rows);
    result.put("ids", spec.vocabulary());
    result.put("ms", median(millis));
    result.put("tflops", 2.0 * rows * spec.vocabulary() * spec.hidden() / median(millis) / 1e9);
    print(result);
  }

  /** A matrix of normally distributed numbers, of the type of activations. */
  private static Weight random(Backend backend, int rows, int columns) {
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

  private static double median(List<Double> values) {
    List<Double> sorted = values.stream().sorted().toList();
    return sorted.get(sorted.size() / 2);
  }

  private static void print(Map<String, Object> result) {
    System.out.println(JsonMapper.shared().writeValueAsString(result));
  }
}
