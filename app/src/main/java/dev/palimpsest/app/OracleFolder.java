package dev.palimpsest.app;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import dev.palimpsest.engine.Compute;
import dev.palimpsest.engine.Draw;
import dev.palimpsest.engine.Query;
import dev.palimpsest.engine.backend.Precision;
import dev.palimpsest.engine.checkpoint.Checkpoint;
import dev.palimpsest.engine.checkpoint.CheckpointException;
import dev.palimpsest.engine.checkpoint.DType;
import dev.palimpsest.engine.checkpoint.JsonFile;
import dev.palimpsest.engine.checkpoint.Safetensors;
import dev.palimpsest.engine.checkpoint.Tensor;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.model.LladaFamily;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.sampler.Driver;
import dev.palimpsest.sampler.GenerateOptions;
import dev.palimpsest.sampler.Generator;
import dev.palimpsest.sampler.ModelLimits;
import dev.palimpsest.sampler.Remasking;
import dev.palimpsest.sampler.Request;
import dev.palimpsest.sampler.SpecialTokens;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import tools.jackson.databind.JsonNode;

/**
 * A tiny checkpoint and what published reference code computed with it on a CPU in f32: logits
 * ({@code forward}) and the canvases of whole trajectories ({@code generate}).
 */
public final class OracleFolder implements AutoCloseable {
  private static final double TOLERANCE = 1e-5;

  private final Path folder;
  private final ModelSpec spec;
  private final Transformer transformer;
  private final Safetensors expected;
  private final JsonNode cases;

  private OracleFolder(
      Path folder, ModelSpec spec, Transformer transformer, Safetensors expected, JsonNode cases) {
    this.folder = folder;
    this.spec = spec;
    this.transformer = transformer;
    this.expected = expected;
    this.cases = cases;
  }

  /** Whether a case came out as recorded, and the evidence. */
  public record Verdict(String name, String kind, boolean passed, String detail) {}

  /** Loads the folder's model onto the host, in f32, and opens its recorded results. */
  public static OracleFolder open(Path folder, int threads) {
    return open(folder, Compute.onHost(Precision.F32, threads), _ -> {});
  }

  /**
   * Loads the folder's model and opens its recorded results.
   *
   * @param notice is told why a device that was to be found is not used
   */
  public static OracleFolder open(Path folder, Compute compute, Consumer<String> notice) {
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      ModelSpec spec = LladaFamily.spec(checkpoint.config());
      JsonNode cases = JsonFile.readObject(folder.resolve("cases.json")).path("cases");
      Safetensors expected = Safetensors.open(folder.resolve("expected.safetensors"));
      boolean loaded = false;
      try {
        Transformer transformer =
            Transformer.load(checkpoint, spec, compute.open(spec, notice), _ -> {});
        loaded = true;
        return new OracleFolder(folder, spec, transformer, expected, cases);
      } finally {
        if (!loaded) {
          expected.close();
        }
      }
    }
  }

  /** Runs every case. */
  public List<Verdict> verify() {
    List<Verdict> verdicts = new ArrayList<>();
    for (JsonNode each : cases.values()) {
      String kind = text(each, "kind");
      verdicts.add(
          switch (kind) {
            case "forward" -> forward(each);
            case "generate" -> generate(each);
            default ->
                throw new CheckpointException(
                    "%s: a case is of kind %s; this version verifies forward and generate."
                        .formatted(folder.resolve("cases.json"), kind));
          });
    }
    if (verdicts.isEmpty()) {
      throw new CheckpointException(folder.resolve("cases.json") + ": the file lists no cases.");
    }
    return verdicts;
  }

  private Verdict forward(JsonNode each) {
    int[][] ids = integers(text(each, "input_ids"));
    Optional<int[][]> mask =
        each.has("attention_mask")
            ? Optional.of(integers(text(each, "attention_mask")))
            : Optional.empty();
    Tensor logits = expected.tensor(text(each, "logits"));
    int length = ids[0].length;
    double differences = 0;
    double magnitudes = 0;
    for (int b = 0; b < ids.length; b++) {
      int padding = mask.isPresent() ? leadingZeros(mask.get()[b]) : 0;
      int[] rows = IntStream.range(0, length - padding).toArray();
      float[] computed =
          transformer.logits(
              new Query(
                  Arrays.copyOfRange(ids[b], padding, length),
                  padding,
                  rows,
                  0,
                  Draw.GREEDY,
                  Optional.empty()));
      long first = ((long) b * length + padding) * spec.vocabulary();
      for (int i = 0; i < computed.length; i++) {
        double recorded = logits.data().get(JAVA_FLOAT_UNALIGNED, 4 * (first + i));
        differences += (computed[i] - recorded) * (computed[i] - recorded);
        magnitudes += recorded * recorded;
      }
    }
    double error = Math.sqrt(differences / magnitudes);
    return new Verdict(
        caseName(each, "logits"),
        "forward",
        error < TOLERANCE,
        String.format(
            Locale.ROOT,
            "relative error %.2g over %d sequences of %d tokens",
            error,
            ids.length,
            length));
  }

  private Verdict generate(JsonNode each) {
    int[][] prompts = integers(text(each, "prompt"));
    Tensor states = expected.tensor(text(each, "states"));
    GenerateOptions options = options(each);
    SpecialTokens specials = SpecialTokens.of(spec, OptionalInt.empty());
    List<List<int[]>> canvases = new ArrayList<>();
    List<Request> requests = new ArrayList<>();
    for (int[] prompt : prompts) {
      List<int[]> canvas = new ArrayList<>();
      int[] first = Arrays.copyOf(prompt, prompt.length + options.genLength());
      Arrays.fill(first, prompt.length, first.length, spec.maskId());
      canvas.add(first);
      canvases.add(canvas);
      requests.add(new Request(prompt, options, snapshot -> canvas.add(snapshot.canvas().ids())));
    }
    new Generator(transformer, ModelLimits.of(spec), specials)
        .generateAll(requests, Driver.UNLIMITED);
    int steps = states.shape().get(0).intValue();
    int length = states.shape().get(2).intValue();
    for (int step = 0; step < steps; step++) {
      for (int b = 0; b < prompts.length; b++) {
        int[] recorded = row(states, (long) step * prompts.length + b, length);
        boolean same =
            step < canvases.get(b).size() && Arrays.equals(canvases.get(b).get(step), recorded);
        if (!same) {
          return new Verdict(
              caseName(each, "states"),
              "generate",
              false,
              "the canvas of row " + b + " differs after " + step + " steps");
        }
      }
    }
    boolean ended = canvases.stream().allMatch(canvas -> canvas.size() == steps);
    return new Verdict(
        caseName(each, "states"),
        "generate",
        ended,
        steps
            + " states of "
            + prompts.length
            + " canvases equal"
            + (ended ? "" : ", but more steps were run"));
  }

  private static GenerateOptions options(JsonNode each) {
    return GenerateOptions.builder()
        .steps(each.path("steps").intValue())
        .genLength(each.path("gen_length").intValue())
        .blockLength(each.path("block_length").intValue())
        .temperature(each.path("temperature").doubleValue(0))
        .cfgScale(each.path("cfg_scale").doubleValue(0))
        .remasking(Remasking.parse(each.path("remasking").asString("low_confidence")))
        .logitsEosInf(each.path("logits_eos_inf").booleanValue(false))
        .confidenceEosEotInf(each.path("confidence_eos_eot_inf").booleanValue(false))
        .build();
  }

  private static int leadingZeros(int[] mask) {
    int zeros = 0;
    while (zeros < mask.length && mask[zeros] == 0) {
      zeros++;
    }
    return zeros;
  }

  /** "generate0" of "generate0.states". */
  private static String caseName(JsonNode each, String key) {
    return text(each, key).replaceFirst("\\..*", "");
  }

  private static String text(JsonNode each, String key) {
    return each.path(key).asString("");
  }

  private int[][] integers(String name) {
    Tensor tensor = expected.tensor(name);
    if (tensor.dtype() != DType.I64 || tensor.shape().size() != 2) {
      throw new CheckpointException(
          "%s: tensor %s is %s %s where an I64 matrix is expected."
              .formatted(folder, name, tensor.dtype(), tensor.shape()));
    }
    int[][] rows = new int[tensor.shape().get(0).intValue()][];
    Arrays.setAll(rows, b -> row(tensor, b, tensor.shape().get(1).intValue()));
    return rows;
  }

  private static int[] row(Tensor tensor, long row, int length) {
    int[] ids = new int[length];
    Arrays.setAll(
        ids, i -> Math.toIntExact(tensor.data().get(JAVA_LONG_UNALIGNED, 8 * (row * length + i))));
    return ids;
  }

  @Override
  public void close() {
    transformer.close();
    expected.close();
  }
}
