package dev.palimpsest.app.file;

import dev.palimpsest.engine.checkpoint.CheckpointException;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A finished {@link Journal}: a gzipped file with one JSON object a line, the first about the run,
 * the others one for each of its results.
 *
 * @param head of the run
 * @param lines its results
 */
public record PackedLines<H, L>(H head, List<L> lines) {
  private static final JsonMapper MAPPER = new JsonMapper();

  /** Takes its own copy. */
  public PackedLines {
    lines = List.copyOf(lines);
  }

  /**
   * Reads a file.
   *
   * @param command that writes such files, for messages
   * @throws CheckpointException if there is none, or it is another one
   */
  public static <H, L> PackedLines<H, L> read(
      Path file, String command, Class<H> head, Class<L> line) {
    if (!Files.isRegularFile(file)) {
      throw new CheckpointException(file + ": there is no such file of " + command + ".");
    }
    int number = 1;
    try (BufferedReader in =
        new BufferedReader(
            new InputStreamReader(
                new GZIPInputStream(Files.newInputStream(file)), StandardCharsets.UTF_8))) {
      H first = MAPPER.readValue(in.readLine(), head);
      List<L> lines = new ArrayList<>();
      for (String text = in.readLine(); text != null; text = in.readLine()) {
        number++;
        lines.add(MAPPER.readValue(text, line));
      }
      return new PackedLines<>(first, lines);
    } catch (JacksonException | IllegalArgumentException e) {
      throw wrong(file, number, command, e);
    } catch (IOException e) {
      throw new CheckpointException(
          file + ": it is not whole or not packed with gzip: " + e.getMessage() + ".", e);
    }
  }

  /**
   * An entry of a journal as the packed file will have it.
   *
   * @param number of its line, from 1
   * @throws CheckpointException if it is something else
   */
  public static <T> T value(Path file, int number, String command, JsonNode json, Class<T> type) {
    try {
      return MAPPER.treeToValue(json, type);
    } catch (JacksonException e) {
      throw wrong(file, number, command, e);
    }
  }

  private static CheckpointException wrong(
      Path file, int number, String command, RuntimeException cause) {
    return new CheckpointException(
        "%s: line %d is not what `%s` writes.".formatted(file, number, command), cause);
  }

  /** Writes it, whole or not at all. */
  public void write(Path file) throws IOException {
    Replacement.write(
        file,
        temporary -> {
          try (BufferedWriter out =
              new BufferedWriter(
                  new OutputStreamWriter(
                      new GZIPOutputStream(Files.newOutputStream(temporary)),
                      StandardCharsets.UTF_8))) {
            out.write(MAPPER.writeValueAsString(head) + "\n");
            for (L line : lines) {
              out.write(MAPPER.writeValueAsString(line) + "\n");
            }
          }
        });
  }
}
