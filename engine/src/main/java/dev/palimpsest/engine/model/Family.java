package dev.palimpsest.engine.model;

import java.util.Set;
import java.util.function.Function;
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
    Function<JsonNode, ModelSpec> mapping,
    TensorNames tensors) {}
