package dev.palimpsest.engine.checkpoint;

import java.util.Optional;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/**
 * A model's folder as its small files describe it, before any weight is opened.
 *
 * @param config its {@code config.json}: always an object
 * @param listed names of all tensors, if there is a {@code model.safetensors.index.json}
 * @param hasWeights whether {@code model.safetensors}, or every shard that is listed, is there
 */
public record ModelFolder(JsonNode config, Optional<Set<String>> listed, boolean hasWeights) {}
