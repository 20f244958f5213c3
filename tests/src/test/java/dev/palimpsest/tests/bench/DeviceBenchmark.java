package dev.palimpsest.tests.bench;

import dev.palimpsest.api.ModelTraits;
import dev.palimpsest.bindings.cuda.Cuda;
import dev.palimpsest.engine.backend.cuda.CudaBackend;
import dev.palimpsest.engine.checkpoint.Checkpoint;
import dev.palimpsest.engine.device.CudaOptions;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.canvas.SnapshotListener;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.sampler.run.Driver;
import dev.palimpsest.sampler.run.Generator;
import dev.palimpsest.sampler.run.Request;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Query;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import tools.jackson.databind.json.JsonMapper;

/**
 * What the engine's work costs on a GPU, on random weights: one JSON object a line, on standard
 * output. Times are medians of whole calls of {@link Transformer#predict}, the copies to and from
 * the device included, unless they say otherwise.
 *
 * <p>Arguments: a folder for the checkpoints, and {@code real} for published geometries or {@code
 * tiny} for models that an emulated device can run.
 */
final class DeviceBenchmark {
  private static final int[][] SHAPES = {{1, 32}, {1, 256}, {1, 1024}, {8, 1024}, {32, 512}};
  private static final int[][] TINY_SHAPES = {{1, 8}, {1, 32}, {2, 64}};
  private static final int BLOCK_ROWS = 32;

  private final CudaBackend backend;
  private final Transformer transformer;
  private final ModelSpec spec;
  private final boolean tiny;

  private DeviceBenchmark(
      CudaBackend backend, Transformer transformer, ModelSpec spec, boolean tiny) {
    this.backend = backend;
    this.transformer = transformer;
    this.spec = spec;
    this.tiny = tiny;
  }

  public static void main(String[] arguments) throws IOException {
    boolean tiny = arguments[1].equals("tiny");
    Path folder = Path.of(arguments[0]).resolve(tiny ? "tiny" : "real");
    Lines.print(
        "device",
        "device",
        CudaBackend.device(),
        "emulated",
        Cuda.isEmulated(),
        "date",
        Instant.now().truncatedTo(ChronoUnit.MINUTES).toString(),
        "geometry",
        tiny ? "tiny" : "LLaDA-8B, SDAR-4B, Qwen3-4B");
    Path llada =
        checkpoint(
            folder.resolve("llada"),
            tiny ? RandomCheckpoint.TINY_LLADA : RandomCheckpoint.LLADA_8B);
    steps(llada, tiny);
    DeviceOperations.measure(llada, tiny ? TINY_SHAPES : SHAPES, tiny);
    DeviceDecoding.measure(folder, tiny);
  }

  /** Writes a checkpoint of random weights, if it is not there yet. */
  static Path checkpoint(Path folder, String config) throws IOException {
    if (!Files.exists(folder.resolve("complete"))) {
      Files.createDirectories(folder);
      RandomCheckpoint.write(folder, config);
      Files.createFile(folder.resolve("complete"));
    }
    return folder;
  }

  private static void steps(Path folder, boolean tiny) {
    ModelSpec spec = BenchModels.spec(folder);
    CudaBackend backend = CudaBackend.open(Precision.BF16, CudaOptions.DEFAULT, spec);
    long started = System.nanoTime();
    long bytes;
    Transformer transformer;
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      bytes = checkpoint.bytes();
      transformer = Transformer.load(checkpoint, spec, backend, _ -> {});
    }
    double seconds = (System.nanoTime() - started) / 1e9;
    try (transformer) {
      Lines.print(
          "load",
          "backend",
          backend.describe(),
          "bytes",
          bytes,
          "seconds",
          seconds,
          "gb_per_s",
          bytes / seconds / 1e9);
      DeviceBenchmark benchmark = new DeviceBenchmark(backend, transformer, spec, tiny);
      for (int[] shape : tiny ? TINY_SHAPES : SHAPES) {
        benchmark.step(shape[0], shape[1], shape[1]);
        if (shape[1] > BLOCK_ROWS) {
          benchmark.step(shape[0], shape[1], BLOCK_ROWS);
        }
      }
      benchmark.streaming(folder.resolveSibling("snapshots.jsonl"));
    }
  }

  private Query query(SplittableRandom random, int length, int asked) {
    int[] tokens = random.ints(length, 0, spec.vocabulary()).toArray();
    int[] rows = IntStream.range(length - asked, length).toArray();
    return new Query(tokens, 0, rows, 0, Draw.GREEDY, Optional.empty());
  }

  private void step(int batch, int length, int asked) {
    SplittableRandom random = new SplittableRandom(1);
    List<Query> queries = new ArrayList<>();
    for (int i = 0; i < batch; i++) {
      queries.add(query(random, length, asked));
    }
    // The host's code is to be compiled before its time counts, and a small step takes few seconds.
    int warmUps = tiny ? 10 : batch * length <= 256 ? 300 : 5;
    int timed = tiny ? 5 : batch * length <= 256 ? 100 : 20;
    List<Double> millis = new ArrayList<>();
    List<Double> hostMicros = new ArrayList<>();
    for (int run = 0; run < warmUps + timed; run++) {
      long waited = backend.waitedNanos();
      long started = System.nanoTime();
      transformer.predict(queries);
      long nanos = System.nanoTime() - started;
      if (run >= warmUps) {
        millis.add(nanos / 1e6);
        hostMicros.add((nanos - (backend.waitedNanos() - waited)) / 1e3);
      }
    }
    double median = Lines.median(millis);
    Lines.print(
        "step",
        "batch",
        batch,
        "length",
        length,
        "asked",
        asked,
        "ms",
        median,
        "fastest_ms",
        Collections.min(millis),
        "host_us",
        Lines.median(hostMicros),
        "tokens_per_s",
        1e3 * batch * length / median,
        "tflops",
        flops(batch, length, asked) / median / 1e9,
        "weight_gb_per_s",
        weightBytes() / median / 1e6);
  }

  /** Multiplications and additions; the last block has queries for the asked rows alone. */
  private double flops(int batch, int length, int asked) {
    double queries = spec.attention().queryWidth();
    double keys = spec.attention().keyWidth();
    double ofKeys = 2 * keys * spec.hidden();
    double ofRows = 2 * queries * spec.hidden() + 3.0 * spec.hidden() * spec.feedForward().width();
    double ofPairs = 2 * queries * length;
    double rows = (spec.layers() - 1.0) * length + asked;
    double sequence =
        spec.layers() * length * ofKeys
            + rows * (ofRows + ofPairs)
            + (double) asked * spec.vocabulary() * spec.hidden();
    return 2 * batch * sequence;
  }

  /** What a step must read: all weights but the embedding, of which it reads a row a token. */
  private double weightBytes() {
    return 2.0 * (spec.parameters() - (long) spec.vocabulary() * spec.hidden());
  }

  /** The same generations without a listener and with one that writes every snapshot to a file. */
  private void streaming(Path file) {
    int batch = tiny ? 2 : 8;
    int steps = tiny ? 4 : 32;
    SamplingOptions options =
        SamplingOptions.of(
            "llada",
            Map.of("steps", steps, "gen_length", tiny ? 16 : 128, "block_length", tiny ? 16 : 128));
    Generator generator =
        new Generator(
            transformer, ModelTraits.limits(spec), ModelTraits.specials(spec, OptionalInt.empty()));
    SplittableRandom random = new SplittableRandom(5);
    List<int[]> prompts =
        IntStream.range(0, batch)
            .mapToObj(_ -> random.ints(tiny ? 16 : 128, 3, spec.vocabulary()).toArray())
            .toList();
    List<Double> silent = new ArrayList<>();
    List<Double> streamed = new ArrayList<>();
    for (int run = 0; run < (tiny ? 3 : 8); run++) {
      double without = seconds(generator, prompts, options, SnapshotListener.NONE);
      double with;
      try (BufferedWriter out = Files.newBufferedWriter(file)) {
        with = seconds(generator, prompts, options, snapshot -> write(out, snapshot));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      if (run > 0) {
        silent.add(without);
        streamed.add(with);
      }
    }
    double without = Lines.median(silent);
    double with = Lines.median(streamed);
    Lines.print(
        "streaming",
        "batch",
        batch,
        "steps",
        steps,
        "seconds",
        without,
        "seconds_streamed",
        with,
        "cost",
        with / without - 1);
  }

  private static void write(BufferedWriter out, Snapshot snapshot) {
    try {
      out.write(
          JsonMapper.shared()
              .writeValueAsString(
                  Map.of(
                      "step",
                      snapshot.step(),
                      "ids",
                      snapshot.canvas().ids(),
                      "predictions",
                      snapshot.predictions())));
      out.newLine();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static double seconds(
      Generator generator,
      List<int[]> prompts,
      SamplingOptions options,
      SnapshotListener listener) {
    List<Request> requests =
        prompts.stream().map(prompt -> generator.request(prompt, options, listener)).toList();
    long started = System.nanoTime();
    generator.generateAll(requests, Driver.UNLIMITED);
    return (System.nanoTime() - started) / 1e9;
  }
}
