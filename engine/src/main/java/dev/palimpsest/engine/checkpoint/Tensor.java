package dev.palimpsest.engine.checkpoint;

import java.lang.foreign.MemorySegment;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

/**
 * A tensor in a mapped file.
 *
 * @param name as the file has it
 * @param dtype of the elements
 * @param shape outermost dimension first; empty for a scalar
 * @param data exactly the elements, row-major, little-endian, read-only and valid until the file is
 *     closed; the format promises no alignment, so read it with unaligned layouts
 */
public record Tensor(String name, DType dtype, List<Long> shape, MemorySegment data) {
  private static final long PIECE_BYTES = 1 << 24;

  /** Copies the shape. */
  public Tensor {
    shape = List.copyOf(shape);
  }

  /** The tensor at {@code index} of the outermost dimension. */
  public Tensor slice(int index) {
    long bytes = data.byteSize() / shape.getFirst();
    return new Tensor(
        name, dtype, shape.subList(1, shape.size()), data.asSlice(index * bytes, bytes));
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
