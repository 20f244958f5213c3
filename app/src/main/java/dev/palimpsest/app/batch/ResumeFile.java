package dev.palimpsest.app.batch;

import dev.palimpsest.app.file.Journal;
import dev.palimpsest.app.file.LineFile;
import dev.palimpsest.engine.checkpoint.CheckpointException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What it takes to go on with results, in a file beside theirs: its first line says what they
 * depend on, and the others are results that wait for that of an earlier row.
 */
final class ResumeFile implements AutoCloseable {
  private static final JsonMapper JSON = new JsonMapper();

  private final LineFile lines;
  private final long headBytes;
  private final List<byte[]> waiting;

  private ResumeFile(LineFile lines, long headBytes, List<byte[]> waiting) {
    this.lines = lines;
    this.headBytes = headBytes;
    this.waiting = waiting;
  }

  /** Where it is. */
  static Path of(Path out) {
    return out.resolveSibling(out.getFileName() + ".resume");
  }

  /**
   * Opens it, or begins it.
   *
   * @param facts what the results depend on
   * @param hasResults whether there are some already
   * @throws CheckpointException if the results that are there depend on something else, or nothing
   *     says on what
   */
  static ResumeFile open(Path out, Map<String, Object> facts, boolean hasResults)
      throws IOException {
    LineFile lines = LineFile.open(of(out));
    try {
      List<JsonNode> head = new ArrayList<>();
      List<byte[]> all = new ArrayList<>();
      byte[] _ = lines.read(line -> isJson(line, head) && all.add(line));
      JsonNode wanted = Journal.json(facts);
      if (head.isEmpty()) {
        if (hasResults) {
          throw new CheckpointException(
              "%s: it exists, and no %s says what it holds: use another name."
                  .formatted(out, of(out).getFileName()));
        }
        all.add((JSON.writeValueAsString(wanted) + "\n").getBytes(StandardCharsets.UTF_8));
        lines.cut();
        lines.add(all.getFirst());
      } else {
        Journal.requireSame(out, head.getFirst(), wanted, List.of());
      }
      lines.cut();
      return new ResumeFile(lines, all.getFirst().length, all.subList(1, all.size()));
    } catch (IOException | RuntimeException e) {
      lines.close();
      throw e;
    }
  }

  private static boolean isJson(byte[] line, List<JsonNode> head) {
    try {
      JsonNode json = JSON.readTree(line);
      return !head.isEmpty() || head.add(json);
    } catch (JacksonException e) {
      return false;
    }
  }

  /**
   * The results that wait.
   *
   * @param written results that are in their places, those of the first rows
   */
  Ahead ahead(long written) {
    Ahead ahead = new Ahead(Optional.of(lines), headBytes);
    for (int index = 0; index < waiting.size(); index++) {
      if (!ahead.found(waiting.get(index), written)) {
        throw lines.notOurs(index + 2);
      }
    }
    return ahead;
  }

  @Override
  public void close() throws IOException {
    lines.close();
  }
}
