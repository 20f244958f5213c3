package dev.palimpsest.engine.backend.cuda;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.palimpsest.engine.device.DeviceException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Sizes of heads: those that the sources of the kernels name are accepted, others are not. */
final class KernelsTest {
  private static final Path SOURCE =
      Path.of(System.getProperty("palimpsest.home", ".."), "kernels-cu", "attention.cuh");

  static IntStream sizes() throws IOException {
    return Files.readAllLines(SOURCE).stream()
        .map(String::strip)
        .filter(line -> line.matches("definition\\(\\d+\\).*"))
        .mapToInt(line -> Integer.parseInt(line.replaceAll("\\D", "")));
  }

  @ParameterizedTest
  @MethodSource("sizes")
  void headsThatThereIsAnAttentionForAreAccepted(int size) {
    assertThatCode(() -> Kernels.requireHeads(size, 8)).doesNotThrowAnyException();
  }

  @ParameterizedTest
  @ValueSource(ints = {8, 24, 144, 176, 240, 272, 384, 1024})
  void otherHeadsAreRefusedWithTheSizesThatThereAre(int size) {
    assertThatThrownBy(() -> Kernels.requireHeads(size, 1))
        .isInstanceOf(DeviceException.class)
        .hasMessage(
            "heads of %d are not supported on a GPU, where they are 16 to 128 in steps of 16, 160 to"
                + " 256 in steps of 32, or 512",
            size);
  }
}
