package dev.palimpsest.tests.bench;

import dev.palimpsest.api.ModelTraits;
import dev.palimpsest.engine.backend.cuda.CudaBackend;
import dev.palimpsest.engine.checkpoint.Checkpoint;
import dev.palimpsest.engine.device.CudaOptions;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.sampler.canvas.SnapshotListener;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.sampler.run.Driver;
import dev.palimpsest.sampler.run.Generation;
import dev.palimpsest.sampler.run.Generator;
import dev.palimpsest.sampler.run.Request;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Block diffusion with the exact cache beside autoregressive decoding, on the same random weights:
 * SDAR's geometry, and Qwen3's, which is the same with another attention pattern.
 */
final class DeviceDecoding {
  private static final long KV_CACHE_BYTES = 24L << 30;
  private static final int BLOCK = 4;

  private final ModelSpec spec;
  private final Transformer transformer;
  private final SplittableRandom random = new SplittableRandom(6);
  private final int length;

  private DeviceDecoding(ModelSpec spec, Transformer transformer, int length) {
    this.spec = spec;
    this.transformer = transformer;
    this.length = length;
  }

  static void measure(Path folder, boolean tiny) throws IOException {
    Path blocks =
        DeviceBenchmark.checkpoint(
            folder.resolve("sdar"), tiny ? RandomCheckpoint.TINY_SDAR : RandomCheckpoint.SDAR_4B);
    Path causal = Files.createDirectories(folder.resolve("qwen3"));
    Files.writeString(
        causal.resolve("config.json"),
        Files.readString(blocks.resolve("config.json"))
            .replace("\"sdar\"", "\"qwen3\"")
            .replace("SDARForCausalLM", "Qwen3ForCausalLM"));
    Path weights = causal.resolve("model.safetensors");
    if (!Files.exists(weights)) {
      Files.createLink(weights, blocks.resolve("model.safetensors"));
    }
    int length = tiny ? 16 : 128;
    int[] batches = tiny ? new int[] {1, 3} : new int[] {1, 32, 128};
    for (int steps : new int[] {BLOCK, BLOCK / 2}) {
      run(
          blocks,
          batches,
          length,
          SamplingOptions.of(
              "block",
              Map.of(
                  "gen_length",
                  length,
                  "block_length",
                  BLOCK,
                  "steps",
                  steps,
                  "remasking",
                  "low_confidence_static")),
          tiny);
    }
    run(causal, batches, length, SamplingOptions.of("decode", Map.of("gen_length", length)), tiny);
  }

  private static void run(
      Path folder, int[] batches, int length, SamplingOptions options, boolean tiny) {
    ModelSpec spec = BenchModels.spec(folder);
    CudaBackend backend = CudaBackend.open(Precision.BF16, CudaOptions.DEFAULT, spec);
    try (Checkpoint checkpoint = Checkpoint.open(folder);
        Transformer transformer =
            Transformer.load(
                checkpoint, spec, backend, tiny ? 16 << 20 : KV_CACHE_BYTES, _ -> {})) {
      DeviceDecoding decoding = new DeviceDecoding(spec, transformer, length);
      for (int batch : batches) {
        decoding.generate(batch, options); // makes the graphs
        decoding.print(batch, options, decoding.generate(batch, options));
      }
    }
  }

  private record Result(List<Generation> generations, double seconds) {}

  /** Writes a batch of texts after prompts that no other has had. */
  private Result generate(int batch, SamplingOptions options) {
    Generator generator =
        new Generator(
            transformer, ModelTraits.limits(spec), ModelTraits.specials(spec, OptionalInt.empty()));
    List<Request> requests =
        IntStream.range(0, batch)
            .mapToObj(_ -> random.ints(length, 0, spec.vocabulary() - 300).toArray())
            .map(prompt -> generator.request(prompt, options, SnapshotListener.NONE))
            .toList();
    long started = System.nanoTime();
    List<Generation> generations = generator.generateAll(requests, Driver.UNLIMITED);
    return new Result(generations, (System.nanoTime() - started) / 1e9);
  }

  private void print(int batch, SamplingOptions options, Result result) {
    int committed = result.generations().stream().mapToInt(Generation::committed).sum();
    int forwards = result.generations().stream().mapToInt(Generation::forwards).max().orElse(0);
    Lines.print(
        "decoding",
        "sampler",
        options.samplerName(),
        "steps_per_block",
        options.toMap().getOrDefault("steps", 1),
        "batch",
        batch,
        "prompt",
        length,
        "committed",
        committed,
        "forwards",
        forwards,
        "seconds",
        result.seconds(),
        "ms_per_forward",
        1e3 * result.seconds() / forwards,
        "tokens_per_s",
        committed / result.seconds());
  }
}
