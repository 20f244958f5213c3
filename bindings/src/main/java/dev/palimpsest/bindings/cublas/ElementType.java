package dev.palimpsest.bindings.cublas;

/** What a matrix is made of. */
public enum ElementType {
  F32(CublasLt.CUDA_R_32F(), Float.BYTES),
  BF16(CublasLt.CUDA_R_16BF(), Short.BYTES);

  private final int code;
  private final long bytes;

  ElementType(int code, long bytes) {
    this.code = code;
    this.bytes = bytes;
  }

  /** Of one element. */
  public long bytes() {
    return bytes;
  }

  int code() {
    return code;
  }
}
