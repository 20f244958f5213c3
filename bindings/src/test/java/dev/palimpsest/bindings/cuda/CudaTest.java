package dev.palimpsest.bindings.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import dev.palimpsest.bindings.NativeLibrary;
import dev.palimpsest.bindings.cublas.Cublas;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class CudaTest {

  @Test
  void aLibraryOfTheSystemIsFoundByItsNameAndLoaded() throws IOException {
    Path file = NativeLibrary.load(List.of("libnothing-of-this-name.so.1", "libm.so.6"));

    assertThat(file).isAbsolute().matches(Files::isRegularFile);
    assertThat(file.getFileName()).hasToString("libm.so.6");
  }

  @Test
  void theLoadersMessagesNameEveryLibraryThatWasTried() {
    assertThatThrownBy(() -> NativeLibrary.load(List.of("libnothing-1.so", "libnothing-2.so")))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("libnothing-1.so: cannot open")
        .hasMessageContaining("libnothing-2.so: cannot open");
  }

  @Test
  void withoutADriverOneSentenceSaysWhyAndNothingElseFails() {
    assumeFalse(Cuda.isAvailable(), "this machine has a GPU");

    assertThat(Cuda.failure()).get().asString().isNotBlank().doesNotContain("\n");
    assertThat(Cublas.failure()).isEqualTo(Cuda.failure());
    assertThatThrownBy(Cuda::devices)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(Cuda.failure().orElseThrow());
    assertThatThrownBy(Cublas::new).isInstanceOf(IllegalStateException.class);
  }
}
