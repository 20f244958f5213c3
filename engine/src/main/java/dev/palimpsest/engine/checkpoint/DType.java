package dev.palimpsest.engine.checkpoint;

import java.util.Optional;

/** The type of a tensor's elements; the names are those of the safetensors format. */
public enum DType {
  /** IEEE 754 single precision. */
  F32(4),
  /** IEEE 754 half precision. */
  F16(2),
  /** The upper half of a single. */
  BF16(2),
  /** Signed 64-bit integer: token ids in recorded cases, never weights. */
  I64(8);

  private final int bytes;

  DType(int bytes) {
    this.bytes = bytes;
  }

  /** Size of an element. */
  public int bytes() {
    return bytes;
  }

  /** Whether weights may be of this type. */
  public boolean isFloat() {
    return this != I64;
  }

  static Optional<DType> named(String name) {
    for (DType dtype : values()) {
      if (dtype.name().equals(name)) {
        return Optional.of(dtype);
      }
    }
    return Optional.empty();
  }
}
