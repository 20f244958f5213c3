package dev.palimpsest.engine.backend.host;

import dev.palimpsest.bindings.onednn.Matrix;

/**
 * Products of f32 matrices with the bits that {@code docs/arithmetic.md} defines: an element is the
 * sum, in order, of one chain of fused multiply-adds per {@value Arithmetic#CHAIN} of k, each chain
 * from 0. So it depends on its row, its column and k, and on nothing else.
 */
sealed interface Gemm permits OneDnnGemm, VectorGemm, RehearsedGemm {
  /**
   * {@code c = a · b}, or {@code c = c + a · b}.
   *
   * @param m rows of {@code a} and {@code c}; up to the next multiple of {@value Linear#ROW_TILE}
   *     they may be read and, in {@code c}, written too
   * @param n columns of {@code b} and {@code c}, a multiple of {@value Linear#STEP}
   * @param k columns of {@code a} and rows of {@code b}
   * @param add whether {@code c} is added to
   */
  void multiply(int m, int n, int k, Matrix a, Matrix b, boolean add, Matrix c);

  /**
   * Whether {@link #multiplyBf16} is faster for so many rows than widening {@code b} first.
   *
   * @param m rows of the product
   */
  boolean takesBf16(int m);

  /** {@link #multiply} with a {@code b} of bf16, whose stride counts bf16 elements. */
  void multiplyBf16(int m, int n, int k, Matrix a, Matrix b, boolean add, Matrix c);

  /** The library or the instructions that multiply, in words. */
  String describe();
}
