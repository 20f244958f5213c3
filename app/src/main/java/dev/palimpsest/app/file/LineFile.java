package dev.palimpsest.app.file;

import dev.palimpsest.engine.checkpoint.CheckpointException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A file that grows by whole lines, each in the file before the next is begun; what a killed
 * process wrote of a line is cut off. One process at a time has it.
 */
public final class LineFile implements AutoCloseable {
  private static final int CHUNK = 1 << 16;

  private final Path file;
  private final FileChannel channel;
  private long whole;

  private LineFile(Path file, FileChannel channel) {
    this.file = file;
    this.channel = channel;
  }

  /**
   * Opens a file, or makes it. Call {@link #read} before anything is added.
   *
   * @throws CheckpointException if another process has it
   */
  public static LineFile open(Path file) throws IOException {
    FileChannel channel =
        FileChannel.open(
            file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    boolean locked = false;
    try {
      locked = isLocked(channel);
    } finally {
      if (!locked) {
        channel.close();
      }
    }
    if (!locked) {
      throw new CheckpointException(file + ": another process is writing it: wait for its end.");
    }
    return new LineFile(file, channel);
  }

  private static boolean isLocked(FileChannel channel) throws IOException {
    try {
      return channel.tryLock() != null;
    } catch (OverlappingFileLockException e) {
      return false; // this process has it
    }
  }

  /**
   * Hands over the lines in their order. A damaged one is refused unless it is the last.
   *
   * @return what is behind the last line that is whole; the next {@link #add} writes over it
   * @throws CheckpointException if a line before the last is damaged
   */
  public byte[] read(LineReader reader) throws IOException {
    ByteBuffer chunk = ByteBuffer.allocate(CHUNK);
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    long size = channel.size();
    long at = 0;
    int number = 1;
    boolean damaged = false;
    whole = 0;
    while (at < size && channel.read(chunk.clear(), at) > 0) {
      at += chunk.position();
      int from = 0;
      for (int end = 0; end < chunk.position(); end++) {
        if (damaged) {
          throw notOurs(number);
        }
        if (chunk.get(end) == '\n') {
          line.write(chunk.array(), from, end + 1 - from);
          from = end + 1;
          damaged = !reader.read(line.toByteArray());
          if (!damaged) {
            whole += line.size();
            line.reset();
            number++;
          }
        }
      }
      line.write(chunk.array(), from, chunk.position() - from);
    }
    return line.toByteArray();
  }

  /** Says that a line is not what belongs here. */
  public CheckpointException notOurs(int number) {
    return new CheckpointException(
        "%s: line %d is not what this command writes: use another name.".formatted(file, number));
  }

  /** Cuts off what is behind the last whole line. */
  public void cut() throws IOException {
    channel.truncate(whole);
  }

  /** Cuts off every line behind the first so many bytes. */
  public void cut(long bytes) throws IOException {
    whole = bytes;
    cut();
  }

  /** Bytes of the whole lines. */
  public long size() {
    return whole;
  }

  /**
   * Appends a line, whole or not at all.
   *
   * @param line with its line end
   */
  public void add(byte[] line) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(line);
    try {
      while (bytes.hasRemaining()) {
        channel.write(bytes, whole + bytes.position());
      }
      whole += line.length;
    } catch (IOException e) {
      IOException failure =
          new IOException(file + ": it cannot be written: " + e.getMessage() + ".", e);
      try {
        cut();
      } catch (IOException uncut) {
        failure.addSuppressed(uncut);
      }
      throw failure;
    }
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }

  /** Takes the lines of a file. */
  @FunctionalInterface
  public interface LineReader {
    /**
     * Takes a line.
     *
     * @param line with its line end
     * @return false if it is damaged
     */
    boolean read(byte[] line) throws IOException;
  }
}
