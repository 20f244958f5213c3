package dev.palimpsest.engine.model;

import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import tools.jackson.databind.JsonNode;

/** All families that the engine runs. */
public final class Families {
  private static final List<Family> ALL =
      List.of(
          LladaFamily.FAMILY,
          IlladaFamily.FAMILY,
          DreamFamily.FAMILY,
          SdarFamily.FAMILY,
          LladaMoeFamily.FAMILY,
          Llada2Family.FAMILY,
          DiffusionGemmaFamily.FAMILY,
          A2dFamilies.LLAMA,
          A2dFamilies.QWEN2,
          A2dFamilies.QWEN3,
          NemotronFamily.FAMILY,
          WedlmFamily.FAMILY,
          FastDllmFamily.FAMILY,
          CausalFamilies.LLAMA,
          CausalFamilies.QWEN2,
          CausalFamilies.QWEN3);

  /** What models of other types have that no family here has. */
  private static final Map<String, String> LACKING =
      Config.ordered(
          "nemotron_h", "Mamba layers",
          "mamba2", "Mamba layers",
          "jamba", "Mamba layers",
          "bamba", "Mamba layers",
          "zamba2", "Mamba layers",
          "falcon_h1", "Mamba layers",
          "granitemoehybrid", "Mamba layers",
          "lfm2", "short convolutions",
          "qwen3_next", "linear attention",
          "modernbert", "layer norms with a mean",
          "bert", "layer norms with a mean",
          "gpt2", "layer norms with a mean and learned positions",
          "deepseek_v3", "latent attention");

  private Families() {}

  /**
   * The family of a configuration, by its {@code model_type} and, where {@code architectures} names
   * any, by that too.
   *
   * @throws UnsupportedModelException if it is none that the engine has
   */
  public static Family of(JsonNode config) {
    JsonNode type = config.path("model_type");
    List<String> architectures =
        config.path("architectures").values().stream().map(each -> each.asString("")).toList();
    List<Family> typed =
        ALL.stream()
            .filter(family -> type.isString() && family.modelTypes().contains(type.stringValue()))
            .toList();
    if (typed.isEmpty()) {
      throw new UnsupportedModelException(
          "config.json has %s%s; supported are %s."
              .formatted(
                  type.isMissingNode() ? "no model_type" : "model_type " + Config.shown(type),
                  LACKING.containsKey(type.asString(""))
                      ? ", whose models have %s, which this engine lacks"
                          .formatted(LACKING.get(type.asString("")))
                      : "",
                  ALL.stream()
                      .flatMap(family -> family.modelTypes().stream().sorted())
                      .distinct()
                      .collect(Collectors.joining(", "))));
    }
    if (architectures.isEmpty()) {
      return typed.getFirst();
    }
    return typed.stream()
        .filter(family -> architectures.stream().anyMatch(family.architectures()::contains))
        .findFirst()
        .orElseThrow(
            () ->
                new UnsupportedModelException(
                    "config.json has model_type %s with architectures %s; supported with it are %s."
                        .formatted(
                            Config.shown(type),
                            Config.shown(config.path("architectures")),
                            typed.stream()
                                .flatMap(family -> family.architectures().stream().sorted())
                                .collect(Collectors.joining(", ")))));
  }

  /**
   * The model that a configuration describes.
   *
   * @throws UnsupportedModelException naming the key that is missing, bad or asks for what the
   *     engine lacks
   */
  public static ModelSpec spec(JsonNode config) {
    return spec(config, _ -> {});
  }

  /**
   * The model that a configuration describes.
   *
   * @param notices is told what the configuration has that is not used
   * @throws UnsupportedModelException naming the key that is missing, bad or asks for what the
   *     engine lacks
   */
  public static ModelSpec spec(JsonNode config, Consumer<String> notices) {
    return of(config).mapping().spec(config, notices);
  }
}
