package dev.palimpsest.engine.model;

import dev.palimpsest.engine.checkpoint.JsonFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalInt;
import tools.jackson.databind.JsonNode;

/**
 * The sampler options that a model's {@code generation_config.json} recommends.
 *
 * @param steps {@code steps}
 * @param genLength {@code gen_length}
 * @param blockLength {@code block_length}
 */
public record GenerationConfig(OptionalInt steps, OptionalInt genLength, OptionalInt blockLength) {
  private static final String FILE = "generation_config.json";

  /**
   * Reads the file of a model's folder; without one, nothing is recommended.
   *
   * @throws dev.palimpsest.engine.checkpoint.CheckpointException if the file is malformed
   */
  public static GenerationConfig read(Path folder) {
    Path file = folder.resolve(FILE);
    if (!Files.isRegularFile(file)) {
      return new GenerationConfig(OptionalInt.empty(), OptionalInt.empty(), OptionalInt.empty());
    }
    JsonNode config = JsonFile.readObject(file);
    return new GenerationConfig(
        integer(config, "steps"), integer(config, "gen_length"), integer(config, "block_length"));
  }

  private static OptionalInt integer(JsonNode config, String key) {
    JsonNode value = config.path(key);
    return value.isInt() ? OptionalInt.of(value.intValue()) : OptionalInt.empty();
  }
}
