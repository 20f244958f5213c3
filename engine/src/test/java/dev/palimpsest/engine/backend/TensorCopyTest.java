package dev.palimpsest.engine.backend;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.palimpsest.engine.checkpoint.DType;
import dev.palimpsest.engine.checkpoint.Tensor;
import dev.palimpsest.engine.device.Precision;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TensorCopyTest {
  private static final DType[] STORED = {DType.F32, DType.F16, DType.BF16};

  /** Stored elements at an odd address, as in a file whose header has an odd length. */
  private static Tensor tensor(Arena arena, DType dtype, float[] values) {
    int size = dtype.bytes();
    MemorySegment data =
        arena.allocate((long) values.length * size + 1).asSlice(1, (long) values.length * size);
    for (int i = 0; i < values.length; i++) {
      switch (dtype) {
        case F32 -> data.set(ValueLayout.JAVA_FLOAT_UNALIGNED, 4L * i, values[i]);
        case F16 ->
            data.set(ValueLayout.JAVA_SHORT_UNALIGNED, 2L * i, Float.floatToFloat16(values[i]));
        case BF16 -> data.set(ValueLayout.JAVA_SHORT_UNALIGNED, 2L * i, Bf16.fromFloat(values[i]));
        case I64 -> throw new IllegalArgumentException("weights are floating-point numbers");
      }
    }
    return new Tensor("w", dtype, List.of((long) values.length), data);
  }

  private static float held(DType dtype, float value) {
    return switch (dtype) {
      case F16 -> Float.float16ToFloat(Float.floatToFloat16(value));
      case BF16 -> Bf16.toFloat(Bf16.fromFloat(value));
      case F32, I64 -> value;
    };
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 7, (1 << 14) - 1, 1 << 14, (1 << 14) + 1, 50_001})
  void everyElementOfEveryTypeArrives(int count) {
    SplittableRandom random = new SplittableRandom(count);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    try (Arena arena = Arena.ofConfined()) {
      for (DType dtype : STORED) {
        Tensor tensor = tensor(arena, dtype, values);
        MemorySegment floats = arena.allocate(4L * count + 8, 64);
        TensorCopy.into(floats, 4, Precision.F32, tensor);
        MemorySegment halves = arena.allocate(2L * count + 4, 64);
        TensorCopy.into(halves, 2, Precision.BF16, tensor);
        for (int i = 0; i < count; i++) {
          float expected = held(dtype, values[i]);
          assertThat(floats.getAtIndex(JAVA_FLOAT, i + 1)).isEqualTo(expected);
          assertThat(halves.getAtIndex(JAVA_SHORT, i + 1)).isEqualTo(Bf16.fromFloat(expected));
        }
        assertThat(floats.getAtIndex(JAVA_FLOAT, 0)).isZero();
        assertThat(floats.getAtIndex(JAVA_FLOAT, count + 1)).isZero();
        assertThat(halves.getAtIndex(JAVA_SHORT, 0)).isZero();
        assertThat(halves.getAtIndex(JAVA_SHORT, count + 1)).isZero();
      }
    }
  }

  @Test
  void integersAreRefused() {
    try (Arena arena = Arena.ofConfined()) {
      Tensor ids = new Tensor("ids", DType.I64, List.of(2L), arena.allocate(16));
      MemorySegment target = arena.allocate(16, 64);
      assertThatThrownBy(() -> TensorCopy.into(target, 0, Precision.F32, ids))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("ids holds I64 where weights are floating-point numbers");
    }
  }
}
