package dev.palimpsest.app.file;

import dev.palimpsest.engine.checkpoint.CheckpointException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
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

  private final Path file;
  private final FileChannel channel;
  private final JsonNode head;
  private final List<JsonNode> entries;

  private Journal(Path file, FileChannel channel, JsonNode head, List<JsonNode> entries) {
    this.file = file;
    this.channel = channel;
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
    FileChannel channel =
        FileChannel.open(
            file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    try {
      if (lock(channel) == null) {
        throw new CheckpointException(file + ": another process is writing it: wait for its end.");
      }
      JsonNode wanted = json(facts);
      List<JsonNode> lines = read(file, channel, MAPPER.writeValueAsString(wanted));
      if (lines.isEmpty()) {
        Journal begun = new Journal(file, channel, wanted, List.of());
        begun.add(wanted);
        return begun;
      }
      if (!lines.getFirst().path(COMMAND).equals(wanted.path(COMMAND))) {
        throw notOurs(file, 1, null);
      }
      requireSame(file, lines.getFirst(), wanted, incidental);
      return new Journal(
          file, channel, lines.getFirst(), List.copyOf(lines.subList(1, lines.size())));
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  /** A value as it is read back: a number has no type in a file. */
  public static JsonNode json(Object value) {
    return MAPPER.readTree(MAPPER.writeValueAsString(value));
  }

  private static @Nullable FileLock lock(FileChannel channel) throws IOException {
    try {
      return channel.tryLock();
    } catch (OverlappingFileLockException e) {
      return null; // this process has it
    }
  }

  /** The whole lines; what is behind them is cut off. */
  private static List<JsonNode> read(Path file, FileChannel channel, String head)
      throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(Math.toIntExact(channel.size()));
    while (bytes.hasRemaining() && channel.read(bytes) >= 0) {
      // Each turn reads a part of the file.
    }
    bytes.flip();
    List<JsonNode> lines = new ArrayList<>();
    int whole = 0;
    for (int end = 0; end < bytes.limit(); end++) {
      if (bytes.get(end) == '\n') {
        try {
          lines.add(MAPPER.readTree(bytes.array(), whole, end - whole));
        } catch (JacksonException e) {
          if (lines.isEmpty() || end < bytes.limit() - 1) {
            throw notOurs(file, lines.size() + 1, e);
          }
          break; // the last line is damaged
        }
        whole = end + 1;
      }
    }
    if (lines.isEmpty()) {
      String begun = new String(bytes.array(), 0, bytes.limit(), StandardCharsets.UTF_8);
      if (!head.startsWith(begun)) {
        throw notOurs(file, 1, null);
      }
    }
    channel.truncate(whole).position(whole);
    return lines;
  }

  private static CheckpointException notOurs(Path file, int number, @Nullable Exception cause) {
    String message =
        "%s: line %d is not what this command writes: use another name.".formatted(file, number);
    return cause == null
        ? new CheckpointException(message)
        : new CheckpointException(message, cause);
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
    ByteBuffer line =
        ByteBuffer.wrap((MAPPER.writeValueAsString(entry) + "\n").getBytes(StandardCharsets.UTF_8));
    try {
      while (line.hasRemaining()) {
        channel.write(line);
      }
    } catch (IOException e) {
      throw new IOException(file + ": it cannot be written: " + e.getMessage() + ".", e);
    }
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
