package dev.palimpsest.engine.checkpoint;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;

/**
 * A tensor in a mapped file.
 *
 * @param name as the file has it
 * @param dtype of the elements
 * @param shape outermost dimension first; empty for a scalar
 * @param data exactly the elements, row-major, little-endian, read-only and valid until the file is
 *     closed; the format promises no alignment, so read it with unaligned layouts
 * @param place where the data is in a file; empty if it is in none
 */
public record Tensor(
    String name, DType dtype, List<Long> shape, MemorySegment data, Optional<Place> place) {
  private static final long PIECE_BYTES = 1 << 24;

  /** A place in a file, by the first byte's offset. */
  public record Place(Path file, long offset) {}

  /** A tensor that is in no file. */
  public Tensor(String name, DType dtype, List<Long> shape, MemorySegment data) {
    this(name, dtype, shape, data, Optional.empty());
  }

  /** Copies the shape. */
  public Tensor {
    shape = List.copyOf(shape);
  }

  /** The tensor at {@code index} of the outermost dimension. */
  public Tensor slice(int index) {
    long bytes = data.byteSize() / shape.getFirst();
    return new Tensor(
        name,
        dtype,
        shape.subList(1, shape.size()),
        data.asSlice(index * bytes, bytes),
        place.map(whole -> new Place(whole.file(), whole.offset() + index * bytes)));
  }

  /** Whether another one's data follows this one's in the same file. */
  public boolean isFollowedBy(Tensor other) {
    return place
        .map(first -> Optional.of(new Place(first.file(), first.offset() + data.byteSize())))
        .filter(other.place::equals)
        .isPresent();
  }

  /** Whether another one has the same elements in the same shape and type. */
  boolean isSame(Tensor other) {
    return dtype == other.dtype && shape.equals(other.shape) && data.mismatch(other.data) < 0;
  }

  /** Its shape, its type and the SHA-256 of its data. */
  String describe() {
    return "%s %s with SHA-256 %s".formatted(dtype, shape, sha256());
  }

  private String sha256() {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      for (long at = 0; at < data.byteSize(); at += PIECE_BYTES) {
        long piece = Math.min(PIECE_BYTES, data.byteSize() - at);
        digest.update(data.asSlice(at, piece).asByteBuffer());
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  /** Number of elements. */
  public long elements() {
    return data.byteSize() / dtype.bytes();
  }
}
