package dev.palimpsest.engine.backend.host;

import dev.palimpsest.bindings.onednn.OneDnn;
import dev.palimpsest.engine.backend.Bf16;
import dev.palimpsest.engine.backend.Precision;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.Arguments;

/** One of the ways in which a host backend can be put together on this machine. */
record Setup(Precision precision, boolean usesLibrary) {

  static Stream<Setup> all() {
    return Stream.of(Precision.values())
        .flatMap(
            precision ->
                OneDnn.isAvailable()
                    ? Stream.of(new Setup(precision, false), new Setup(precision, true))
                    : Stream.of(new Setup(precision, false)));
  }

  /** Every setup with every seed from 0. */
  static Stream<Arguments> withSeeds(int seeds) {
    return all()
        .flatMap(setup -> LongStream.range(0, seeds).mapToObj(seed -> Arguments.of(setup, seed)));
  }

  HostBackend backend(int threads) {
    return new HostBackend(precision, threads, usesLibrary ? new OneDnnGemm() : new VectorGemm());
  }

  /** A matrix as the backend holds it. */
  float[][] stored(float[][] weight) {
    return precision == Precision.BF16 ? rounded(weight) : weight;
  }

  /** Rows as they enter a product. */
  float[][] multiplied(float[][] rows) {
    return precision == Precision.BF16 && Linear.multipliesBf16() ? rounded(rows) : rows;
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
    return precision + (usesLibrary ? " by oneDNN" : " by the Vector API");
  }
}
