package dev.palimpsest.engine.checkpoint;

import static dev.palimpsest.engine.checkpoint.CheckpointException.quoted;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import tools.jackson.databind.util.ByteBufferBackedInputStream;

/**
 * One safetensors file, mapped into memory: eight bytes of header length, a JSON header, the data.
 *
 * <p>Files may be larger than 2 GB. The mapping is shared by all threads and lives until {@link
 * #close()}; afterwards a tensor's data throws {@link IllegalStateException}.
 */
public final class Safetensors implements AutoCloseable {
  private static final int LENGTH_BYTES = 8;
  private static final long MAX_HEADER_BYTES = 100_000_000;

  private final Path file;
  private final Arena arena;
  private final Map<String, Tensor> tensors;
  private final Map<String, String> others;

  private Safetensors(
      Path file, Arena arena, Map<String, Tensor> tensors, Map<String, String> others) {
    this.file = file;
    this.arena = arena;
    this.tensors = tensors;
    this.others = others;
  }

  /**
   * Maps {@code file} after checking its header against its length.
   *
   * @throws CheckpointException if the file is missing or malformed in any way
   */
  public static Safetensors open(Path file) {
    if (!Files.isRegularFile(file)) {
      throw new CheckpointException(file + ": there is no such file.");
    }
    try {
      return opened(file);
    } catch (IOException e) {
      throw JsonFile.unreadable(file, e);
    }
  }

  private static Safetensors opened(Path file) throws IOException {
    if (!beginsAsSafetensors(file)) {
      Optional<String> kind = FileKind.of(file);
      if (kind.isPresent()) {
        throw new CheckpointException("%s: %s.".formatted(file, kind.get()));
      }
    }
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      long fileBytes = channel.size();
      long headerBytes = headerBytes(file, channel, fileBytes);
      long dataStart = LENGTH_BYTES + headerBytes;
      List<SafetensorsHeader.Entry> entries;
      try (Arena scratch = Arena.ofConfined()) {
        ByteBuffer header =
            channel.map(MapMode.READ_ONLY, LENGTH_BYTES, headerBytes, scratch).asByteBuffer();
        // Two bytes tell UTF-8 apart from the encodings that the JSON parser would also detect.
        if (headerBytes < 2 || header.get(0) != '{' || header.get(1) == 0) {
          throw new CheckpointException(file + ": the header does not begin with '{' in UTF-8.");
        }
        entries =
            SafetensorsHeader.parse(
                file, new ByteBufferBackedInputStream(header), fileBytes - dataStart);
      }
      return map(file, channel, dataStart, fileBytes - dataStart, entries);
    }
  }

  /** Whether a brace follows a length that is no text. */
  private static boolean beginsAsSafetensors(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      byte[] start = in.readNBytes(LENGTH_BYTES + 1);
      return start.length > LENGTH_BYTES
          && start[LENGTH_BYTES] == '{'
          && start[LENGTH_BYTES - 1] == 0;
    }
  }

  private static long headerBytes(Path file, FileChannel channel, long fileBytes)
      throws IOException {
    if (fileBytes < LENGTH_BYTES) {
      throw new CheckpointException(
          "%s: the file has %d bytes; the length of its header alone takes %d."
              .formatted(file, fileBytes, LENGTH_BYTES));
    }
    ByteBuffer length = ByteBuffer.allocate(LENGTH_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    while (length.hasRemaining()) {
      if (channel.read(length, length.position()) < 0) {
        throw new CheckpointException(file + ": the file shrank while it was read.");
      }
    }
    long headerBytes = length.getLong(0);
    if (Long.compareUnsigned(headerBytes, MAX_HEADER_BYTES) > 0) {
      throw new CheckpointException(
          "%s: the header claims %s bytes; at most %d are allowed."
              .formatted(file, Long.toUnsignedString(headerBytes), MAX_HEADER_BYTES));
    }
    if (headerBytes > fileBytes - LENGTH_BYTES) {
      throw new CheckpointException(
          "%s: the header claims %d bytes, but the file has only %d after the length."
              .formatted(file, headerBytes, fileBytes - LENGTH_BYTES));
    }
    return headerBytes;
  }

  private static Safetensors map(
      Path file,
      FileChannel channel,
      long dataStart,
      long dataBytes,
      List<SafetensorsHeader.Entry> entries)
      throws IOException {
    Arena arena = Arena.ofShared();
    boolean opened = false;
    try {
      MemorySegment data = channel.map(MapMode.READ_ONLY, dataStart, dataBytes, arena);
      Map<String, Tensor> tensors = LinkedHashMap.newLinkedHashMap(entries.size());
      Map<String, String> others = new TreeMap<>();
      for (SafetensorsHeader.Entry entry : entries) {
        MemorySegment slice = data.asSlice(entry.begin(), entry.end() - entry.begin());
        DType.named(entry.dtype())
            .ifPresentOrElse(
                dtype ->
                    tensors.put(
                        entry.name(),
                        new Tensor(
                            entry.name(),
                            dtype,
                            entry.shape(),
                            slice,
                            Optional.of(new Tensor.Place(file, dataStart + entry.begin())))),
                () -> others.put(entry.name(), entry.dtype()));
      }
      opened = true;
      return new Safetensors(file, arena, tensors, others);
    } finally {
      if (!opened) {
        arena.close();
      }
    }
  }

  /** The names of all tensors of a type that can be read, in the order of their data. */
  public Set<String> names() {
    return Collections.unmodifiableSet(tensors.keySet());
  }

  /** The names of the tensors of all other types, and those types. */
  Map<String, String> others() {
    return Collections.unmodifiableMap(others);
  }

  /**
   * The tensor of that name.
   *
   * @throws CheckpointException if the file has none
   */
  public Tensor tensor(String name) {
    Tensor tensor = tensors.get(name);
    if (tensor == null) {
      throw new CheckpointException("%s: there is no tensor %s.".formatted(file, quoted(name)));
    }
    return tensor;
  }

  /** Releases the mapping; closing twice does nothing. */
  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}
