package dev.palimpsest.engine.checkpoint;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Writes a safetensors file: all names and shapes at first, then the data of every tensor from its
 * beginning to its end, in as many pieces as it comes in and side by side with the others'.
 */
public final class SafetensorsWriter implements AutoCloseable {
  private static final int ALIGNMENT = 8;

  private final FileChannel channel;
  private final Map<String, Part> parts = new LinkedHashMap<>();

  /**
   * A tensor to be written.
   *
   * @param dtype {@link DType#F32} or {@link DType#I64}
   */
  public record Entry(String name, DType dtype, List<Long> shape) {
    /** Copies the shape. */
    public Entry {
      shape = List.copyOf(shape);
    }

    long bytes() {
      return dtype.bytes() * shape.stream().reduce(1L, Math::multiplyExact);
    }
  }

  /** Where the next data of a tensor goes, and where they end. */
  private static final class Part {
    private long next;
    private final long end;

    Part(long next, long end) {
      this.next = next;
      this.end = end;
    }
  }

  /**
   * Begins a file.
   *
   * @param entries with names that are all different; wide elements first, so that all are aligned
   * @param metadata texts by name
   */
  public SafetensorsWriter(Path file, List<Entry> entries, Map<String, String> metadata)
      throws IOException {
    ObjectNode header = JsonMapper.shared().createObjectNode();
    ObjectNode texts = header.putObject("__metadata__");
    metadata.forEach(texts::put);
    long at = 0;
    for (Entry entry : entries) {
      ObjectNode node = header.putObject(entry.name());
      node.put("dtype", entry.dtype().name());
      entry.shape().forEach(node.putArray("shape")::add);
      node.putArray("data_offsets").add(at).add(at + entry.bytes());
      at += entry.bytes();
    }
    byte[] text = header.toString().getBytes(StandardCharsets.UTF_8);
    int length = Math.ceilDiv(text.length, ALIGNMENT) * ALIGNMENT;
    ByteBuffer start = ByteBuffer.allocate(Long.BYTES + length).order(ByteOrder.LITTLE_ENDIAN);
    start.putLong(length).put(text);
    while (start.hasRemaining()) {
      start.put((byte) ' ');
    }
    long first = start.position();
    for (Entry entry : entries) {
      parts.put(entry.name(), new Part(first, first + entry.bytes()));
      first += entry.bytes();
    }
    channel =
        FileChannel.open(
            file,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE);
    write(start.flip(), 0);
  }

  /** The next f32 numbers of a tensor. */
  public void write(String name, float[] values) throws IOException {
    ByteBuffer buffer =
        ByteBuffer.allocate(Math.multiplyExact(Float.BYTES, values.length))
            .order(ByteOrder.LITTLE_ENDIAN);
    buffer.asFloatBuffer().put(values);
    append(name, buffer);
  }

  /** The next whole numbers of a tensor. */
  public void write(String name, long[] values) throws IOException {
    ByteBuffer buffer =
        ByteBuffer.allocate(Math.multiplyExact(Long.BYTES, values.length))
            .order(ByteOrder.LITTLE_ENDIAN);
    buffer.asLongBuffer().put(values);
    append(name, buffer);
  }

  private void append(String name, ByteBuffer buffer) throws IOException {
    Part part = parts.get(name);
    if (part == null || part.next + buffer.remaining() > part.end) {
      throw new IllegalArgumentException(
          "%d bytes more are written of %s than the header promises"
              .formatted(buffer.remaining(), name));
    }
    int bytes = buffer.remaining();
    write(buffer, part.next);
    part.next += bytes;
  }

  private void write(ByteBuffer buffer, long at) throws IOException {
    long next = at;
    while (buffer.hasRemaining()) {
      next += channel.write(buffer, next);
    }
  }

  /**
   * Ends the file.
   *
   * @throws IllegalStateException if a tensor lacks data
   */
  public void end() {
    List<String> lacking = new ArrayList<>();
    parts.forEach(
        (name, part) -> {
          if (part.next < part.end) {
            lacking.add(name);
          }
        });
    if (!lacking.isEmpty()) {
      throw new IllegalStateException(
          "data of %s is missing that the header promises".formatted(String.join(", ", lacking)));
    }
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
