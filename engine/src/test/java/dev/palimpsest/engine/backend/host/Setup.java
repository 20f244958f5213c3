package dev.palimpsest.engine.backend.host;

import dev.palimpsest.engine.backend.Bf16;
import dev.palimpsest.engine.checkpoint.DType;
import dev.palimpsest.engine.device.Precision;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.Arguments;

/**
 * One of the ways in which a host backend can be put together on this machine.
 *
 * @param published how the weights of a checkpoint are stored
 */
record Setup(Precision precision, DType published, Product product) {

  /** What multiplies f32 matrices. */
  enum Product {
    LIBRARY,
    VECTOR_API
  }

  static Stream<Setup> all() {
    List<Setup> all = new ArrayList<>();
    for (DType published : List.of(DType.F32, DType.BF16)) {
      all.add(new Setup(Precision.F32, published, Product.VECTOR_API));
      if (OneDnnGemm.find().isPresent()) {
        all.add(new Setup(Precision.F32, published, Product.LIBRARY));
      }
    }
    if (HostBackend.multipliesBf16()) {
      all.add(new Setup(Precision.BF16, DType.F32, Product.LIBRARY));
    }
    return all.stream();
  }

  /** Those for checkpoints of f32. */
  static Stream<Setup> ofF32() {
    return all().filter(setup -> setup.published() == DType.F32);
  }

  /** Every setup with every seed from 0. */
  static Stream<Arguments> withSeeds(int seeds) {
    return withSeeds(all(), seeds);
  }

  /** Some setups with every seed from 0. */
  static Stream<Arguments> withSeeds(Stream<Setup> setups, int seeds) {
    return setups.flatMap(
        setup -> LongStream.range(0, seeds).mapToObj(seed -> Arguments.of(setup, seed)));
  }

  Gemm gemm() {
    return switch (product) {
      case LIBRARY -> OneDnnGemm.find().<Gemm>map(gemm -> gemm).orElseGet(VectorGemm::new);
      case VECTOR_API -> new VectorGemm();
    };
  }

  HostBackend backend(int threads) {
    return new HostBackend(precision, threads, gemm());
  }

  /** A matrix as the backend holds it. */
  float[][] stored(float[][] weight) {
    return precision == Precision.BF16 || published == DType.BF16 ? rounded(weight) : weight;
  }

  /** Rows as they enter a product. */
  float[][] multiplied(float[][] rows) {
    return precision == Precision.BF16 ? rounded(rows) : rows;
  }

  private static float[][] rounded(float[][] matrix) {
    float[][] result = new float[matrix.length][];
    for (int i = 0; i < matrix.length; i++) {
      result[i] = matrix[i].clone();
      for (int j = 0; j < result[i].length; j++) {
        result[i][j] = Bf16.toFloat(Bf16.fromFloat(result[i][j]));
      }
    }
    return result;
  }

  @Override
  public String toString() {
    return "%s, weights of %s, by %s".formatted(precision, published, product);
  }
}
