package dev.palimpsest.engine.checkpoint;

import java.util.Optional;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/**
 * What a model's folder says of itself before any weight is opened.
 *
 * @param config its {@code config.json}: always an object
 * @param listed names of all tensors, if there is a {@code model.safetensors.index.json}
 * @param hasWeights whether {@code model.safetensors}, or every shard that is listed, is there
 */
public record Outline(JsonNode config, Optional<Set<String>> listed, boolean hasWeights) {}
