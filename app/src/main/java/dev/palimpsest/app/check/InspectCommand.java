package dev.palimpsest.app.check;

import dev.palimpsest.api.ModelTraits;
import dev.palimpsest.api.OpaqueDepth;
import dev.palimpsest.api.SamplerDefaults;
import dev.palimpsest.app.file.Json;
import dev.palimpsest.app.options.ModelOptions;
import dev.palimpsest.app.terminal.Cli;
import dev.palimpsest.engine.checkpoint.Checkpoint;
import dev.palimpsest.engine.checkpoint.ModelFolder;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.model.Attention;
import dev.palimpsest.engine.model.Experts;
import dev.palimpsest.engine.model.Families;
import dev.palimpsest.engine.model.GenerationConfig;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.engine.model.RotaryScaling;
import dev.palimpsest.engine.model.TensorNames;
import dev.palimpsest.engine.model.UnsupportedModelException;
import dev.palimpsest.engine.text.Tokenizer;
import dev.palimpsest.sampler.method.InvalidOptionException;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.step.AttentionPattern;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code inspect}: what a checkpoint is, without loading its weights. */
@Command(
    name = "inspect",
    description = {
      "Says what a model is, and whether it is supported.",
      "Also whether its files fit it, and how much memory it needs. A config.json is enough; an"
          + " index and weights are checked if they are there. Exits with 1 if the model is not"
          + " supported.",
      "The opaque depth is the most operations in a row that no token interrupts, behind a prompt"
          + " of 128 tokens, with the recommended options: of a forward; of a generation that passes"
          + " tokens alone from step to step (strict), exact keys and values too (cached), or"
          + " embeddings as well (soft), as the sampler that DiffusionGemma was published with."
          + " docs/measures.md defines it."
    },
    mixinStandardHelpOptions = true)
public final class InspectCommand implements Callable<Integer> {
  private static final int STEP_TOKENS = 4096;
  private static final int PROMPT_TOKENS = 128;
  private static final int MOST_SEQUENCES = 1024;
  private static final int MOST_TOKENS = 1_000_000;

  @Spec private CommandSpec spec;

  @Parameters(
      paramLabel = "MODEL",
      arity = "0..1",
      description = "Folder of the model, or its config.json; the bundled abacus-mdm if not given.")
  private Optional<Path> model;

  @Option(
      names = "--batch",
      paramLabel = "N",
      defaultValue = "8",
      description = "Sequences of a batch whose memory is told (default: 8).")
  private int batch;

  @Option(
      names = "--length",
      paramLabel = "N",
      defaultValue = "1024",
      description =
          "Tokens of each of them, prompt and text together (default: 1024, or what the model"
              + " takes).")
  private int length;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  @Override
  public Integer call() {
    requireBetween("--batch", batch, MOST_SEQUENCES);
    requireBetween("--length", length, MOST_TOKENS);
    Path given = model.orElseGet(ModelOptions::bundled);
    Path folder = Files.isRegularFile(given) ? given.resolveSibling("") : given;
    ModelFolder described = Checkpoint.describe(folder);
    Map<String, Object> facts = new LinkedHashMap<>();
    facts.put("model", folder.toString());
    boolean supported = true;
    try {
      ModelSpec published = Families.spec(described.config(), ModelOptions::tell);
      GenerationConfig recommended = GenerationConfig.read(folder, published, ModelOptions::tell);
      ModelSpec spec = published.recommended(recommended, Optional.empty());
      describe(facts, spec);
      addBatch(facts, spec);
      facts.put("recommended", recommended.shown());
      addDepth(facts, spec, recommended);
      facts.put("tokenizer", Tokenizer.source(folder));
      facts.put("supported", "yes");
      addFiles(facts, folder, described);
    } catch (UnsupportedModelException e) {
      supported = false;
      facts.put("model_type", described.config().path("model_type").asString("none"));
      facts.put("supported", "no: " + e.getMessage());
    }
    if (json) {
      System.out.println(Json.write(facts));
    } else {
      facts.forEach(
          (name, value) ->
              System.out.printf("%-26s %s%n", name.replace('_', ' '), shown(name, value)));
    }
    return supported ? 0 : Cli.FAILURE;
  }

  private static void describe(Map<String, Object> facts, ModelSpec spec) {
    facts.put("family", spec.family());
    facts.put("parameters", spec.parameters());
    spec.feedForward()
        .experts()
        .ifPresent(_ -> facts.put("active_parameters", spec.activeParameters()));
    facts.put("layers", spec.layers());
    facts.put("hidden", spec.hidden());
    facts.put("heads", spec.attention().heads());
    facts.put("key_value_heads", ofLayers(spec, Attention::keyValueHeads));
    facts.put("head_size", ofLayers(spec, Attention::headSize));
    spec.attentions().stream()
        .filter(each -> each.window() != Attention.ALL_KEYS)
        .findFirst()
        .ifPresent(each -> facts.put("window", each.window()));
    facts.put("projection_bias", spec.attention().projectionBias());
    facts.put("head_norm", spec.attention().headNorm());
    facts.put("feed_forward", spec.feedForward().width());
    spec.feedForward().experts().ifPresent(experts -> facts.put("experts", shown(experts)));
    facts.put("attention", shown(spec.attention().pattern()));
    spec.canvas().ifPresent(canvas -> facts.put("canvas", canvas.length()));
    facts.put("sampler", ModelTraits.limits(spec).sampler());
    facts.put("logits", spec.reading().shifted() ? "shifted by one" : "of the same position");
    spec.reading().logitCap().ifPresent(cap -> facts.put("logit_cap", cap));
    facts.put("vocabulary", spec.vocabulary());
    facts.put("tied_head", spec.tiedHead());
    facts.put("max_length", spec.maxLength());
    facts.put("rope_theta", ofLayers(spec, each -> each.rotary().theta()));
    facts.put("rotary_size", ofLayers(spec, each -> each.rotary().size()));
    spec.attentions().stream()
        .map(each -> each.rotary().scaling())
        .filter(each -> !(each instanceof RotaryScaling.None))
        .findFirst()
        .ifPresent(scaling -> facts.put("rotary_scaling", scaling.toString()));
    spec.attention()
        .rotary()
        .growth()
        .ifPresent(growth -> facts.put("query_growth", growth.toString()));
    facts.put("norm_epsilon", spec.normEpsilon());
    spec.reading().ids().mask().ifPresent(id -> facts.put("mask_id", id));
    facts.put("eos_ids", spec.reading().ids().eos());
    facts.put("weights_bf16_bytes", 2 * spec.parameters());
    facts.put("weights_f32_bytes", 4 * spec.parameters());
    facts.put("rotary_table_bytes", Transformer.rotaryBytes(spec));
    if (Transformer.kvBytes(spec, 1) > 0) {
      facts.put("kv_bytes_a_token", Transformer.kvBytes(spec, 1));
    }
    int tokens = Math.min(spec.maxLength(), STEP_TOKENS);
    facts.put("step_bytes_at_" + tokens + "_tokens", Transformer.stepBytes(spec, tokens));
    if (spec.canvas().isPresent()) {
      facts.put("soft_signal_bytes_a_canvas", Transformer.signalBytes(spec));
      facts.put("soft_signal_weights_f32_bytes", 4L * spec.vocabulary() * spec.hidden());
    }
  }

  private void requireBetween(String option, int value, int most) {
    if (value < 1 || value > most) {
      throw new ParameterException(
          spec.commandLine(), "%s %d is no size: use 1 to %,d".formatted(option, value, most));
    }
  }

  /** Memory beside the weights: keys and values of all its tokens, and of a step over all. */
  private void addBatch(Map<String, Object> facts, ModelSpec model) {
    int tokens = Math.min(length, model.maxLength());
    facts.put("batch", "%d sequences of %d tokens".formatted(batch, tokens));
    facts.put("kv_bytes_of_the_batch", batch * Transformer.kvBytes(model, tokens));
    facts.put(
        "step_bytes_of_the_batch", Transformer.stepBytes(model, Math.multiplyExact(batch, tokens)));
  }

  /** What all layers have, or what they have layer by layer, each once. */
  private static Object ofLayers(ModelSpec spec, Function<Attention, Object> what) {
    List<Object> values = spec.attentions().stream().map(what).distinct().toList();
    return values.size() == 1 ? values.getFirst() : values;
  }

  /** Behind a prompt of {@value #PROMPT_TOKENS} tokens, or of half of what the model takes. */
  private static void addDepth(
      Map<String, Object> facts, ModelSpec spec, GenerationConfig recommended) {
    int prompt = Math.min(PROMPT_TOKENS, spec.maxLength() / 2);
    try {
      SamplingOptions options = SamplerDefaults.complete(Map.of(), spec, recommended, prompt);
      ModelTraits.limits(spec).require(new int[prompt], options);
      OpaqueDepth depth = OpaqueDepth.of(spec, options, prompt);
      facts.put("opaque_depth_prompt", depth.promptLength());
      facts.put("opaque_depth_length", depth.length());
      facts.put("opaque_depth_steps", depth.steps());
      facts.put("opaque_depth_forward", depth.forward());
      facts.put("opaque_depth_strict", depth.strict());
      facts.put("opaque_depth_cached", depth.cached());
      facts.put("opaque_depth_soft", depth.soft());
    } catch (InvalidOptionException e) {
      facts.put("opaque_depth", "none: " + e.getMessage());
    }
  }

  private static String shown(Experts experts) {
    return "%d of %d, %d wide%s%s"
        .formatted(
            experts.perToken(),
            experts.count(),
            experts.width(),
            experts.sharedWidth() > 0 ? ", a shared one " + experts.sharedWidth() + " wide" : "",
            experts.denseLayers() > 0 ? "; dense below layer " + experts.denseLayers() : "");
  }

  private static String shown(AttentionPattern pattern) {
    return switch (pattern) {
      case AttentionPattern.Full _ -> "full";
      case AttentionPattern.Causal _ -> "causal";
      case AttentionPattern.BlockCausal(int length) -> "block-causal, blocks of " + length;
      case AttentionPattern.BlocksFromEnd(int length) ->
          "block-causal, blocks of " + length + " from the end of the prompt";
      case AttentionPattern.CausalContext(int length) -> "causal, then a block of " + length;
      case AttentionPattern.KnownFirst _ -> "causal, masks behind all that is known";
      case AttentionPattern.Canvas(int length) -> "causal, then canvases of " + length;
    };
  }

  /** What the files hold, after checking that it is what the configuration asks for. */
  private static void addFiles(Map<String, Object> facts, Path folder, ModelFolder described) {
    TensorNames names = Families.of(described.config()).tensors();
    ModelSpec spec = Families.spec(described.config());
    if (described.hasWeights()) {
      try (Checkpoint checkpoint = Checkpoint.open(folder)) {
        checkpoint.requireExactly(
            names.shapes(spec, checkpoint.names()), names.ties(spec), names::skips);
        checkpoint.tellOfBuffers(ModelOptions::tell);
        facts.put("tensors", checkpoint.names().size());
        facts.put("file_bytes", checkpoint.bytes());
      }
    } else if (described.listed().isPresent()) {
      Set<String> listed = described.listed().get();
      Checkpoint.requireNames(
          folder, listed, names.shapes(spec, listed).keySet(), names.ties(spec), names::skips);
      facts.put("tensors", listed.size());
      facts.put("weights", "listed, but not all files are there");
    } else {
      facts.put("weights", "none here");
    }
  }

  private static String shown(String name, Object value) {
    if (value instanceof Long number) {
      String grouped = String.format(Locale.ROOT, "%,d", number);
      return name.contains("bytes")
          ? grouped + String.format(Locale.ROOT, " (%.1f MB)", number / 1e6)
          : grouped;
    }
    if (value instanceof Map<?, ?> options) {
      return options.isEmpty()
          ? "nothing"
          : options.entrySet().stream()
              .map(each -> each.getKey() + " " + each.getValue())
              .collect(Collectors.joining(", "));
    }
    return value.toString();
  }
}
