package dev.palimpsest.engine.checkpoint;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Writes a safetensors file: all names and shapes at first, then the data in that order, in as many
 * pieces as it comes in.
 */
public final class SafetensorsWriter implements AutoCloseable {
  private static final int ALIGNMENT = 8;
  private static final int PIECE = 1 << 14;

  private final OutputStream out;
  private final long bytes;
  private long written;

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
    bytes = at;
    String text = header.toString();
    int length = text.getBytes(StandardCharsets.UTF_8).length;
    byte[] padded =
        (text + " ".repeat(Math.floorMod(-length, ALIGNMENT))).getBytes(StandardCharsets.UTF_8);
    out = new BufferedOutputStream(Files.newOutputStream(file));
    out.write(
        ByteBuffer.allocate(Long.BYTES)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(padded.length)
            .array());
    out.write(padded);
  }

  /** The next f32 numbers. */
  public void write(float[] values) throws IOException {
    ByteBuffer buffer =
        ByteBuffer.allocate(Float.BYTES * Math.min(PIECE, values.length))
            .order(ByteOrder.LITTLE_ENDIAN);
    for (int first = 0; first < values.length; first += PIECE) {
      int count = Math.min(PIECE, values.length - first);
      buffer.asFloatBuffer().put(values, first, count);
      out.write(buffer.array(), 0, Float.BYTES * count);
    }
    written += (long) Float.BYTES * values.length;
  }

  /** The next whole numbers. */
  public void write(long[] values) throws IOException {
    ByteBuffer buffer =
        ByteBuffer.allocate(Long.BYTES * values.length).order(ByteOrder.LITTLE_ENDIAN);
    buffer.asLongBuffer().put(values);
    out.write(buffer.array());
    written += (long) Long.BYTES * values.length;
  }

  /**
   * Ends the file.
   *
   * @throws IllegalStateException if it lacks data, or has too much
   */
  @Override
  public void close() throws IOException {
    out.close();
    if (written != bytes) {
      throw new IllegalStateException(
          "%d bytes of data were written, and the header promises %d".formatted(written, bytes));
    }
  }
}
