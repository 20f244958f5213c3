package dev.palimpsest.engine.checkpoint;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.core.json.JsonReadFeature;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Reads the JSON files of a checkpoint: one object, nothing after it. Of a key that is there twice
 * the last value counts, and {@code NaN} and {@code Infinity} are numbers, as in Python, which
 * wrote them.
 */
public final class JsonFile {
  private static final long LIMIT_BYTES = 100_000_000;

  private static final JsonMapper MAPPER =
      JsonMapper.builder()
          .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
          .disable(DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private JsonFile() {}

  /**
   * Reads the object in {@code file}.
   *
   * @throws CheckpointException if there is no such file or it holds anything else
   */
  public static JsonNode readObject(Path file) {
    if (!Files.isRegularFile(file)) {
      throw new CheckpointException(file + ": there is no such file.");
    }
    JsonNode root;
    try {
      long size = Files.size(file);
      if (size > LIMIT_BYTES) {
        throw new CheckpointException(
            "%s: the file has %d bytes; at most %d are read.".formatted(file, size, LIMIT_BYTES));
      }
      root = MAPPER.readTree(Files.readAllBytes(file));
    } catch (JacksonException e) {
      throw foreign(file).orElseGet(() -> invalid(file, "the file", e));
    } catch (IOException e) {
      throw unreadable(file, e);
    }
    if (!root.isObject()) {
      throw new CheckpointException(file + ": the file does not hold a JSON object.");
    }
    return root;
  }

  /** The refusal of a file that does not even begin as JSON does, by what it is. */
  private static Optional<CheckpointException> foreign(Path file) {
    try {
      return FileKind.of(file)
          .filter(kind -> !kind.matches("(?s).* begins \"[{\\[\"].*"))
          .map(kind -> new CheckpointException("%s: %s; JSON is needed.".formatted(file, kind)));
    } catch (IOException e) {
      return Optional.of(unreadable(file, e));
    }
  }

  static CheckpointException invalid(Path file, String part, JacksonException e) {
    // Without Jackson's hints about itself.
    String reason =
        e.getOriginalMessage().replaceAll("(?s) *\\((start marker|for |byte|although).*", "");
    String where =
        e.getLocation() == null || e.getLocation().getLineNr() < 1
            ? ""
            : " (line %d, column %d)"
                .formatted(e.getLocation().getLineNr(), e.getLocation().getColumnNr());
    return new CheckpointException(
        "%s: %s is not valid JSON%s: %s."
            .formatted(
                file, part, where, reason.length() > 300 ? reason.substring(0, 300) : reason),
        e);
  }

  static CheckpointException unreadable(Path file, IOException e) {
    String reason = e.getMessage() == null ? "" : ", " + e.getMessage();
    return new CheckpointException(
        "%s: cannot be read (%s%s).".formatted(file, e.getClass().getSimpleName(), reason), e);
  }
}
