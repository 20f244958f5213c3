package dev.palimpsest.app.check;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import dev.palimpsest.api.ModelTraits;
import dev.palimpsest.api.SamplerDefaults;
import dev.palimpsest.app.file.Json;
import dev.palimpsest.app.file.Replacement;
import dev.palimpsest.app.options.ModelOptions;
import dev.palimpsest.engine.Compute;
import dev.palimpsest.engine.checkpoint.Checkpoint;
import dev.palimpsest.engine.checkpoint.CheckpointException;
import dev.palimpsest.engine.checkpoint.DType;
import dev.palimpsest.engine.checkpoint.JsonFile;
import dev.palimpsest.engine.checkpoint.Safetensors;
import dev.palimpsest.engine.checkpoint.Tensor;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.model.Blocks;
import dev.palimpsest.engine.model.Families;
import dev.palimpsest.engine.model.GenerationConfig;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.sampler.method.BlockSampler;
import dev.palimpsest.sampler.method.DecodeSampler;
import dev.palimpsest.sampler.method.DreamSampler;
import dev.palimpsest.sampler.method.LladaSampler;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.sampler.run.Driver;
import dev.palimpsest.sampler.run.Generation;
import dev.palimpsest.sampler.run.Generator;
import dev.palimpsest.sampler.run.Request;
import dev.palimpsest.step.AttentionPattern;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Query;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import tools.jackson.databind.JsonNode;

/**
 * A tiny checkpoint and what published reference code computed with it on a CPU in f32: logits
 * ({@code forward}), the canvases of whole trajectories ({@code generate}, {@code dream_generate},
 * {@code block_generate}) and greedy texts ({@code ar_greedy}).
 */
public final class OracleFolder implements AutoCloseable {
  private static final double F32_TOLERANCE = 1e-5;

  /** Nats, where the recorded entropies are of f32 logits that are off themselves. */
  private static final double ENTROPY_TOLERANCE = 1e-3;

  /** What rounding to bf16 may change in a number, relative to it. */
  private static final double BF16_ROUNDING = 0x1p-8;

  /** How often a value is rounded in a block on its way from the embedding to the logits. */
  private static final double ROUNDINGS_OF_A_BLOCK = 10;

  /** A tiny model has short sequences, and a device sets aside what is named, for every spec. */
  private static final long KV_CACHE_BYTES = 16L << 20;

  private final Path folder;
  private final Compute compute;
  private final Consumer<String> notice;
  private final ModelSpec spec;
  private final Map<ModelSpec, Transformer> transformers = new HashMap<>();
  private final Safetensors expected;
  private final JsonNode cases;

  private OracleFolder(
      Path folder,
      Compute compute,
      Consumer<String> notice,
      ModelSpec spec,
      Safetensors expected,
      JsonNode cases) {
    this.folder = folder;
    this.compute = compute;
    this.notice = notice;
    this.spec = spec;
    this.expected = expected;
    this.cases = cases;
  }

  /**
   * Whether a case came out as recorded, and the evidence.
   *
   * @param bits SHA-256 of its logits, or of its canvases and predictions
   */
  public record Verdict(String name, String kind, boolean passed, String detail, String bits) {}

  /**
   * The bits that an arithmetic gives, in {@code bits.json} beside the cases.
   *
   * @param arithmetic its name
   * @param cases SHA-256 by the case's name
   */
  private record RecordedBits(String arithmetic, Map<String, String> cases) {
    static final String FILE = "bits.json";

    static Optional<RecordedBits> read(Path folder) {
      if (!Files.exists(folder.resolve(FILE))) {
        return Optional.empty();
      }
      JsonNode json = JsonFile.readObject(folder.resolve(FILE));
      Map<String, String> cases = new LinkedHashMap<>();
      json.path("cases")
          .properties()
          .forEach(each -> cases.put(each.getKey(), each.getValue().asString()));
      return Optional.of(new RecordedBits(json.path("arithmetic").asString(), cases));
    }
  }

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
    ModelSpec spec =
        Families.spec(JsonFile.readObject(folder.resolve("config.json")), ModelOptions::tell);
    JsonNode cases = JsonFile.readObject(folder.resolve("cases.json")).path("cases");
    Safetensors expected = Safetensors.open(folder.resolve("expected.safetensors"));
    OracleFolder oracle = new OracleFolder(folder, compute, notice, spec, expected, cases);
    boolean loaded = false;
    try {
      oracle.transformer(spec);
      loaded = true;
      return oracle;
    } finally {
      if (!loaded) {
        oracle.close();
      }
    }
  }

  /** The folder's weights, run as one of its specs. */
  private Transformer transformer(ModelSpec wanted) {
    return transformers.computeIfAbsent(
        wanted,
        each -> {
          try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            return Transformer.load(
                checkpoint, each, compute.open(each, notice), KV_CACHE_BYTES, _ -> {});
          }
        });
  }

  /** The model in the blocks of a case, which may be others than those of the configuration. */
  private ModelSpec spec(JsonNode each) {
    Optional<Blocks> blocks = SamplerDefaults.blocks(values(each));
    if (blocks.isPresent()) {
      return spec.recommended(GenerationConfig.NONE, blocks);
    }
    return spec.attention().pattern() instanceof AttentionPattern.BlockCausal
            && each.has("block_length")
        ? spec.withBlockLength(each.path("block_length").intValue())
        : spec;
  }

  /**
   * Runs every case. Where the folder has a {@code bits.json} of the arithmetic that computes here,
   * a case passes only if it is equal to the last bit, too.
   */
  public List<Verdict> verify() {
    List<Verdict> verdicts = run();
    Optional<RecordedBits> recorded =
        RecordedBits.read(folder).filter(each -> each.arithmetic().equals(arithmetic()));
    return recorded.isEmpty()
        ? verdicts
        : verdicts.stream().map(each -> compared(each, recorded.get())).toList();
  }

  private static Verdict compared(Verdict verdict, RecordedBits recorded) {
    String bits = recorded.cases().getOrDefault(verdict.name(), "none");
    boolean isSame = bits.equals(verdict.bits());
    return new Verdict(
        verdict.name(),
        verdict.kind(),
        verdict.passed() && isSame,
        verdict.detail()
            + (isSame
                ? "; equal to the last bit to " + recorded.arithmetic()
                : "; its bits are %s and not those recorded for %s, %s"
                    .formatted(verdict.bits(), recorded.arithmetic(), bits)),
        verdict.bits());
  }

  private String arithmetic() {
    return transformer(spec).arithmetic();
  }

  /**
   * Runs every case and records its bits under the arithmetic that computes here, in {@code
   * bits.json}.
   *
   * @return the cases that passed, or all of them if one did not, and then nothing is written
   */
  List<Verdict> recordBits() throws IOException {
    List<Verdict> verdicts = run();
    if (verdicts.stream().allMatch(Verdict::passed)) {
      Map<String, String> bits = new LinkedHashMap<>();
      verdicts.forEach(each -> bits.put(each.name(), each.bits()));
      Map<String, Object> json = new LinkedHashMap<>();
      json.put("arithmetic", arithmetic());
      json.put("cases", bits);
      Replacement.write(folder.resolve(RecordedBits.FILE), Json.write(json) + "\n");
    }
    return verdicts;
  }

  private List<Verdict> run() {
    List<Verdict> verdicts = new ArrayList<>();
    for (JsonNode each : cases.values()) {
      String kind = text(each, "kind");
      verdicts.add(
          switch (kind) {
            case "forward" -> forward(each);
            case "generate", "dream_generate", "block_generate" ->
                trajectory(each, options(each, kind));
            case "run" -> trajectory(each, SamplingOptions.of(text(each, "sampler"), values(each)));
            case "ar_greedy" -> greedy(each);
            case "canvas_forward" -> canvases(each);
            default ->
                throw new CheckpointException(
                    "%s: a case is of kind %s; this version verifies %s."
                        .formatted(
                            folder.resolve("cases.json"),
                            kind,
                            "forward, generate, dream_generate, block_generate, run, ar_greedy and canvas_forward"));
          });
    }
    if (verdicts.isEmpty()) {
      throw new CheckpointException(folder.resolve("cases.json") + ": the file lists no cases.");
    }
    return verdicts;
  }

  /**
   * Runs the cases of logits alone, which another precision than f32 comes close to: in bf16 the
   * logits may be off by as many independent roundings as their row went through. A row whose
   * rounded router chose another expert is a row of another function, so of a model with experts
   * the median row counts.
   */
  public List<Verdict> verifyLogits() {
    List<Verdict> verdicts = new ArrayList<>();
    for (JsonNode each : cases.values()) {
      if (text(each, "kind").equals("forward")) {
        verdicts.add(forward(each));
      }
    }
    return verdicts;
  }

  private double tolerance(Transformer transformer) {
    return switch (transformer.precision()) {
      case F32 -> F32_TOLERANCE;
      case BF16 -> BF16_ROUNDING * Math.sqrt(ROUNDINGS_OF_A_BLOCK * spec.layers());
    };
  }

  private Verdict forward(JsonNode each) {
    int[][] ids = integers(text(each, "input_ids"));
    Optional<int[][]> mask =
        each.has("attention_mask")
            ? Optional.of(integers(text(each, "attention_mask")))
            : Optional.empty();
    Tensor logits = expected.tensor(text(each, "logits"));
    Transformer transformer = transformer(spec(each));
    int length = ids[0].length;
    double differences = 0;
    double magnitudes = 0;
    List<Double> rowErrors = new ArrayList<>();
    Bits bits = new Bits();
    for (int b = 0; b < ids.length; b++) {
      int padding = mask.isPresent() ? leadingZeros(mask.get()[b]) : 0;
      int[] rows = IntStream.range(0, length - padding).toArray();
      Query query =
          new Query(
              Arrays.copyOfRange(ids[b], padding, length),
              spec.reading().countsPadding() ? padding : 0,
              rows,
              0,
              Draw.GREEDY,
              Optional.empty());
      boolean isCausal = text(each, "attention").equals("causal");
      float[] computed =
          transformer.logits(isCausal ? query.attending(new AttentionPattern.Causal()) : query);
      bits.add(computed);
      long first = ((long) b * length + padding) * spec.vocabulary();
      for (int row = 0; row < rows.length; row++) {
        double difference = 0;
        double magnitude = 0;
        for (int id = 0; id < spec.vocabulary(); id++) {
          int i = row * spec.vocabulary() + id;
          double recorded = logits.data().get(JAVA_FLOAT_UNALIGNED, 4 * (first + i));
          difference += (computed[i] - recorded) * (computed[i] - recorded);
          magnitude += recorded * recorded;
        }
        differences += difference;
        magnitudes += magnitude;
        rowErrors.add(Math.sqrt(difference / magnitude));
      }
    }
    boolean choicesDiffer =
        transformer.precision() == Precision.BF16 && spec.feedForward().experts().isPresent();
    double error =
        choicesDiffer
            ? rowErrors.stream().sorted().toList().get(rowErrors.size() / 2)
            : Math.sqrt(differences / magnitudes);
    return new Verdict(
        caseName(each, "logits"),
        "forward",
        error < tolerance(transformer),
        String.format(
            Locale.ROOT,
            "%srelative error %.2g over %d sequences of %d tokens",
            choicesDiffer ? "median " : "",
            error,
            ids.length,
            length),
        bits.sha256());
  }

  /**
   * Every canvas of a generation. The recorded rows step together: one that is done with its block
   * before the others waits, and its canvas is recorded again.
   */
  private Verdict trajectory(JsonNode each, SamplingOptions options) {
    int[][] prompts = integers(text(each, "prompt"));
    Tensor states = expected.tensor(text(each, "states"));
    List<List<int[]>> written = new ArrayList<>();
    Generator generator = generator(each);
    List<Request> requests = new ArrayList<>();
    List<Bits> bits = new ArrayList<>();
    for (int[] prompt : prompts) {
      int[] first = Arrays.copyOf(prompt, prompt.length + options.positions(prompt.length));
      Arrays.fill(first, prompt.length, first.length, spec.maskId());
      List<int[]> canvases = new ArrayList<>(List.of(first));
      written.add(canvases);
      Bits steps = new Bits();
      bits.add(steps);
      requests.add(
          generator.request(
              prompt,
              options,
              snapshot -> {
                canvases.add(snapshot.canvas().ids());
                steps.add(snapshot);
              }));
    }
    generator.generateAll(requests, Driver.UNLIMITED);
    String sum = sum(bits);
    boolean waiting = text(each, "kind").equals("block_generate");
    int steps = states.shape().get(0).intValue();
    int length = states.shape().get(2).intValue();
    int compared = 0;
    for (int b = 0; b < prompts.length; b++) {
      int at = 0;
      for (int step = 0; step < steps; step++) {
        int[] recorded = row(states, (long) step * prompts.length + b, length);
        boolean waited = waiting && at > 0 && Arrays.equals(written.get(b).get(at - 1), recorded);
        if (waited) {
          continue;
        }
        if (at == written.get(b).size() || !Arrays.equals(written.get(b).get(at), recorded)) {
          return new Verdict(
              caseName(each, "states"),
              text(each, "kind"),
              false,
              "the canvas of row " + b + " differs after " + step + " steps",
              sum);
        }
        at++;
      }
      if (at < written.get(b).size()) {
        return new Verdict(
            caseName(each, "states"),
            text(each, "kind"),
            false,
            "row " + b + " took more steps than the " + (at - 1) + " recorded",
            sum);
      }
      compared += at;
    }
    return new Verdict(
        caseName(each, "states"),
        text(each, "kind"),
        true,
        "all " + compared + " states of " + prompts.length + " canvases equal",
        sum);
  }

  private static String sum(List<Bits> each) {
    Bits sum = new Bits();
    each.forEach(sum::add);
    return sum.sha256();
  }

  private Verdict greedy(JsonNode each) {
    int[][] prompts = integers(text(each, "prompt"));
    int[][] texts = integers(text(each, "tokens"));
    SamplingOptions options =
        SamplingOptions.of(
            DecodeSampler.NAME, Map.of("gen_length", each.path("max_new_tokens").intValue()));
    Generator generator = generator(each);
    List<Bits> bits = Arrays.stream(prompts).map(_ -> new Bits()).toList();
    List<Request> requests = new ArrayList<>();
    for (int i = 0; i < prompts.length; i++) {
      requests.add(generator.request(prompts[i], options, bits.get(i)::add));
    }
    List<Generation> generations = generator.generateAll(requests, Driver.UNLIMITED);
    int different = 0;
    while (different < texts.length
        && Arrays.equals(generations.get(different).ids(), texts[different])) {
      different++;
    }
    boolean passed = different == texts.length;
    return new Verdict(
        caseName(each, "tokens"),
        "ar_greedy",
        passed,
        passed
            ? "all tokens of " + texts.length + " texts equal"
            : "the text of row " + different + " differs",
        sum(bits));
  }

  /** Steps of canvases: logits to the case's tolerance, and what follows from their entropies. */
  private Verdict canvases(JsonNode each) {
    CanvasForward forward =
        new CanvasForward(
            transformer(spec),
            each.path("temperature").doubleValue(),
            each.path("entropy_bound").doubleValue());
    List<CanvasForward.Step> steps = new ArrayList<>();
    for (JsonNode step : each.path("steps").values()) {
      steps.add(
          new CanvasForward.Step(
              integers(text(step, "canvas")),
              text(step, "self_conditioning"),
              expected.tensor(text(step, "logits")),
              expected.tensor(text(step, "entropy")),
              integers(text(step, "accepted"))));
    }
    int[][] prompts = integers(text(each, "prompt"));
    Bits bits = new Bits();
    List<CanvasForward.Outcome> outcomes = new ArrayList<>();
    for (int number = 0; number < prompts.length; number++) {
      outcomes.addAll(forward.run(prompts[number], steps, number, bits));
    }
    double error =
        outcomes.stream()
            .mapToDouble(outcome -> Math.sqrt(outcome.difference() / outcome.magnitude()))
            .max()
            .orElse(Double.NaN);
    double entropy =
        outcomes.stream().mapToDouble(CanvasForward.Outcome::entropy).max().orElse(Double.NaN);
    boolean accepts = outcomes.stream().allMatch(CanvasForward.Outcome::accepts);
    return new Verdict(
        caseName(each, "prompt"),
        "canvas_forward",
        error < each.path("tolerance").doubleValue() && accepts && entropy < ENTROPY_TOLERANCE,
        String.format(
            Locale.ROOT,
            "relative error %.2g and entropies off by %.2g over %d steps of %d canvases, %s positions accepted",
            error,
            entropy,
            steps.size(),
            prompts.length,
            accepts ? "the same" : "other"),
        bits.sha256());
  }

  private Generator generator(JsonNode each) {
    ModelSpec wanted = spec(each);
    return new Generator(
        transformer(wanted),
        ModelTraits.limits(wanted),
        ModelTraits.specials(wanted, OptionalInt.empty()));
  }

  private static SamplingOptions options(JsonNode each, String kind) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put(
        "gen_length",
        each.path(kind.equals("dream_generate") ? "max_new_tokens" : "gen_length").intValue());
    values.put("temperature", each.path("temperature").doubleValue(0));
    return switch (kind) {
      case "dream_generate" -> {
        values.put("steps", each.path("steps").intValue());
        values.put("eps", each.path("eps").doubleValue());
        values.put("alg", text(each, "alg"));
        yield SamplingOptions.of(DreamSampler.NAME, values);
      }
      case "block_generate" -> {
        values.put("block_length", each.path("block_length").intValue());
        values.put("steps", each.path("steps_per_block").intValue());
        values.put("remasking", text(each, "remasking"));
        values.put("threshold", each.path("threshold").doubleValue());
        yield SamplingOptions.of(BlockSampler.NAME, values);
      }
      default -> {
        values.put("steps", each.path("steps").intValue());
        values.put("block_length", each.path("block_length").intValue());
        values.put("cfg_scale", each.path("cfg_scale").doubleValue(0));
        values.put("remasking", each.path("remasking").asString("low_confidence"));
        values.put("logits_eos_inf", each.path("logits_eos_inf").booleanValue(false));
        values.put(
            "confidence_eos_eot_inf", each.path("confidence_eos_eot_inf").booleanValue(false));
        yield SamplingOptions.of(LladaSampler.NAME, values);
      }
    };
  }

  /** The options of a case that names them as they are called. */
  private static Map<String, Object> values(JsonNode each) {
    Map<String, Object> values = new LinkedHashMap<>();
    each.path("options")
        .properties()
        .forEach(
            option ->
                values.put(option.getKey(), SamplingOptions.value(option.getValue().asString())));
    return values;
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
    transformers.values().forEach(Transformer::close);
    expected.close();
  }
}
