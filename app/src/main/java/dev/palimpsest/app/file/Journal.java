package dev.palimpsest.app.file;

import dev.palimpsest.engine.checkpoint.CheckpointException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Finished work in a file, one JSON value a line, each in the file before the next is begun: the
 * first says what the work is, and whoever does the same work again goes on behind the last. What a
 * killed process wrote of a line is dropped. One process at a time has it.
 */
public final class Journal implements AutoCloseable {
  /** Names the fact that says which command writes the file. */
  public static final String COMMAND = "command";

  private static final JsonMapper MAPPER = new JsonMapper();

  private final LineFile file;
  private final JsonNode head;
  private final List<JsonNode> entries;

  private Journal(LineFile file, JsonNode head, List<JsonNode> entries) {
    this.file = file;
    this.head = head;
    this.entries = entries;
  }

  /**
   * Opens a file, or begins one.
   *
   * @param facts what the results depend on, as JSON objects are made of them
   * @param incidental names of facts that may differ from those in the file
   * @throws CheckpointException if the file holds something else, the results of other facts, or
   *     another process has it
   */
  public static Journal open(Path file, Object facts, Collection<String> incidental)
      throws IOException {
    LineFile lines = LineFile.open(file);
    try {
      JsonNode wanted = json(facts);
      List<JsonNode> there = read(lines, MAPPER.writeValueAsString(wanted));
      if (there.isEmpty()) {
        Journal begun = new Journal(lines, wanted, List.of());
        begun.add(wanted);
        return begun;
      }
      if (!there.getFirst().path(COMMAND).equals(wanted.path(COMMAND))) {
        throw lines.notOurs(1);
      }
      requireSame(file, there.getFirst(), wanted, incidental);
      return new Journal(lines, there.getFirst(), List.copyOf(there.subList(1, there.size())));
    } catch (IOException | RuntimeException e) {
      lines.close();
      throw e;
    }
  }

  /** A value as it is read back: a number has no type in a file. */
  public static JsonNode json(Object value) {
    return MAPPER.readTree(MAPPER.writeValueAsString(value));
  }

  /** The whole lines; what is behind them is cut off. */
  private static List<JsonNode> read(LineFile file, String head) throws IOException {
    List<JsonNode> lines = new ArrayList<>();
    byte[] rest = file.read(line -> isRead(line, lines));
    if (lines.isEmpty() && !head.startsWith(new String(rest, StandardCharsets.UTF_8))) {
      throw file.notOurs(1);
    }
    file.cut();
    return lines;
  }

  private static boolean isRead(byte[] line, List<JsonNode> lines) {
    try {
      return lines.add(MAPPER.readTree(line));
    } catch (JacksonException e) {
      return false;
    }
  }

  /** Refuses a file of other facts by the first that differs. */
  public static void requireSame(
      Path file, JsonNode there, JsonNode wanted, Collection<String> incidental) {
    Set<String> names = new LinkedHashSet<>(wanted.propertyNames());
    names.addAll(there.propertyNames());
    names.removeAll(incidental);
    for (String name : names) {
      JsonNode some = there.path(name);
      JsonNode other = wanted.path(name);
      if (some.isObject() && other.isObject()) {
        requireSame(file, some, other, incidental);
      } else if (!some.equals(other)) {
        throw new CheckpointException(
            "%s: it holds results for %s %s, and now it is %s: use another name."
                .formatted(file, name, shown(some), shown(other)));
      }
    }
  }

  private static String shown(JsonNode value) {
    return value.isMissingNode()
        ? "(none)"
        : value.isString() ? value.asString() : value.toString();
  }

  /** What its first line says. */
  public JsonNode head() {
    return head;
  }

  /** What was finished when it was opened. */
  public List<JsonNode> entries() {
    return entries;
  }

  /** Appends a line. */
  public void add(Object entry) throws IOException {
    file.add((MAPPER.writeValueAsString(entry) + "\n").getBytes(StandardCharsets.UTF_8));
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
