package dev.palimpsest.app;

import dev.palimpsest.engine.checkpoint.Checkpoint;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.model.LladaFamily;
import dev.palimpsest.engine.model.ModelSpec;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code inspect}: what a checkpoint is, without loading its weights. */
@Command(
    name = "inspect",
    description = "Says what a model is, whether its files fit it, and how much memory it needs.",
    mixinStandardHelpOptions = true)
final class InspectCommand implements Callable<Integer> {
  @Parameters(
      paramLabel = "MODEL",
      arity = "0..1",
      description = "Folder of the model; the bundled abacus-mdm if not given.")
  private Optional<Path> model;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  @Override
  public Integer call() {
    Path folder = model.orElseGet(ModelOptions::bundled);
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      ModelSpec spec = LladaFamily.spec(checkpoint.config());
      checkpoint.requireExactly(LladaFamily.tensors(spec));
      Map<String, Object> facts = facts(folder, checkpoint, spec);
      if (json) {
        System.out.println(Json.write(facts));
      } else {
        facts.forEach(
            (name, value) ->
                System.out.printf("%-26s %s%n", name.replace('_', ' '), shown(name, value)));
      }
    }
    return 0;
  }

  private static Map<String, Object> facts(Path folder, Checkpoint checkpoint, ModelSpec spec) {
    Map<String, Object> facts = new LinkedHashMap<>();
    facts.put("model", folder.toString());
    facts.put("family", spec.family());
    facts.put("parameters", spec.parameters());
    facts.put("layers", spec.layers());
    facts.put("hidden", spec.hidden());
    facts.put("heads", spec.heads());
    facts.put("key_value_heads", spec.keyValueHeads());
    facts.put("head_size", spec.headSize());
    facts.put("feed_forward", spec.feedForward());
    facts.put("vocabulary", spec.vocabulary());
    facts.put("tied_head", spec.tiedHead());
    facts.put("max_length", spec.maxLength());
    facts.put("rope_theta", spec.ropeTheta());
    facts.put("norm_epsilon", spec.normEpsilon());
    facts.put("mask_id", spec.maskId());
    facts.put("eos_id", spec.eosId());
    facts.put("tensors", checkpoint.names().size());
    facts.put("file_bytes", checkpoint.bytes());
    facts.put("weights_bf16_bytes", 2 * spec.parameters());
    facts.put("weights_f32_bytes", 4 * spec.parameters());
    facts.put("step_bytes_at_max_length", Transformer.stepBytes(spec, spec.maxLength()));
    return facts;
  }

  private static String shown(String name, Object value) {
    if (value instanceof Long number) {
      String grouped = String.format(Locale.ROOT, "%,d", number);
      return name.contains("bytes")
          ? grouped + String.format(Locale.ROOT, " (%.1f MB)", number / 1e6)
          : grouped;
    }
    return value.toString();
  }
}
