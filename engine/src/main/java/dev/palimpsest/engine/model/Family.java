package dev.palimpsest.engine.model;

import java.util.Set;
import java.util.function.Consumer;
import tools.jackson.databind.JsonNode;

/**
 * Models whose configurations and checkpoints are written alike: a mapping from {@code config.json}
 * to a {@link ModelSpec}, and the names of the tensors.
 *
 * @param name of the family
 * @param modelTypes its values of {@code model_type}
 * @param architectures its values of {@code architectures}
 * @param mapping the model that a configuration describes; refuses what the engine lacks
 * @param tensors names in its checkpoints
 */
public record Family(
    String name,
    Set<String> modelTypes,
    Set<String> architectures,
    Mapping mapping,
    TensorNames tensors) {

  /** From a configuration to a model. */
  @FunctionalInterface
  public interface Mapping {
    /**
     * The model that a configuration describes.
     *
     * @param notices is told what is not used
     * @throws UnsupportedModelException naming the key that is missing, bad or asks for what the
     *     engine lacks
     */
    ModelSpec spec(JsonNode config, Consumer<String> notices);
  }
}
