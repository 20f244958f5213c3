package dev.palimpsest.engine.checkpoint;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Reads the JSON files of a checkpoint strictly: one object, no key twice, nothing after it. */
public final class JsonFile {
  private static final long LIMIT_BYTES = 100_000_000;

  private static final JsonMapper MAPPER =
      JsonMapper.builder(
              JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build())
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
      throw invalid(file, "the file", e);
    } catch (IOException e) {
      throw unreadable(file, e);
    }
    if (!root.isObject()) {
      throw new CheckpointException(file + ": the file does not hold a JSON object.");
    }
    return root;
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
