package dev.palimpsest.engine.checkpoint;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class SafetensorsWriterTest {
  @TempDir private Path folder;

  @Test
  void whatIsWrittenInPiecesIsReadBack() throws IOException {
    Path file = folder.resolve("a.safetensors");
    float[] numbers = new float[40_000];
    Random random = new Random(3);
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = random.nextFloat();
    }
    try (SafetensorsWriter writer =
        new SafetensorsWriter(
            file,
            List.of(
                new SafetensorsWriter.Entry("index.step", DType.I64, List.of(3L)),
                new SafetensorsWriter.Entry("blocks.0.é", DType.F32, List.of(2L, 40_000L))),
            Map.of("what", "a \"test\""))) {
      writer.write("blocks.0.é", numbers);
      writer.write("index.step", new long[] {-1});
      writer.write("blocks.0.é", numbers);
      writer.write("index.step", new long[] {Long.MAX_VALUE, 7});
      writer.end();
    }
    try (Safetensors read = Safetensors.open(file)) {
      assertThat(read.names()).containsExactly("index.step", "blocks.0.é");
      Tensor steps = read.tensor("index.step");
      assertThat(steps.data().toArray(JAVA_LONG_UNALIGNED)).containsExactly(-1, Long.MAX_VALUE, 7);
      Tensor values = read.tensor("blocks.0.é");
      assertThat(values.shape()).containsExactly(2L, 40_000L);
      assertThat(values.slice(1).data().toArray(JAVA_FLOAT_UNALIGNED)).isEqualTo(numbers);
    }
  }

  @Test
  void dataThatIsMissingOrTooMuchIsNoticed() throws IOException {
    try (SafetensorsWriter writer =
        new SafetensorsWriter(
            folder.resolve("b.safetensors"),
            List.of(
                new SafetensorsWriter.Entry("x", DType.F32, List.of(2L)),
                new SafetensorsWriter.Entry("y", DType.F32, List.of(1L))),
            Map.of())) {
      writer.write("x", new float[1]);
      writer.write("y", new float[1]);
      assertThatThrownBy(writer::end)
          .isInstanceOf(IllegalStateException.class)
          .hasMessage("data of x is missing that the header promises");
      assertThatThrownBy(() -> writer.write("y", new float[1]))
          .hasMessage("4 bytes more are written of y than the header promises");
    }
  }
}
