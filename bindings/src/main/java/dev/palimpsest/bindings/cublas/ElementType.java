package dev.palimpsest.bindings.cublas;

/** What a matrix is made of. */
public enum ElementType {
  F32(CublasLt.CUDA_R_32F()),
  BF16(CublasLt.CUDA_R_16BF());

  private final int code;

  ElementType(int code) {
    this.code = code;
  }

  int code() {
    return code;
  }
}
