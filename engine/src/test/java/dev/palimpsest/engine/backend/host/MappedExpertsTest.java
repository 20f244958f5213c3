package dev.palimpsest.engine.backend.host;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.palimpsest.engine.backend.Weight;
import dev.palimpsest.engine.checkpoint.Safetensors;
import dev.palimpsest.engine.checkpoint.Tensor;
import dev.palimpsest.engine.device.Precision;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Experts that stay in their file hold what copied ones hold, as long as the backend is open. */
final class MappedExpertsTest {
  private static final int EXPERTS = 5;
  private static final int ROWS = 6;
  private static final int COLUMNS = 32;

  @TempDir Path folder;

  /** A file with a stack of experts, two single ones behind it, and a stack in f32. */
  private Safetensors file(int padding) throws IOException {
    int stack = 2 * EXPERTS * ROWS * COLUMNS;
    int single = 2 * ROWS * COLUMNS;
    String header =
        """
        {"stack":{"dtype":"BF16","shape":[%d,%d,%d],"data_offsets":[0,%d]},
        "first":{"dtype":"BF16","shape":[%d,%d],"data_offsets":[%d,%d]},
        "second":{"dtype":"BF16","shape":[%d,%d],"data_offsets":[%d,%d]},
        "exact":{"dtype":"F32","shape":[1,%d,%d],"data_offsets":[%d,%d]}}%s"""
            .formatted(
                EXPERTS,
                ROWS,
                COLUMNS,
                stack,
                ROWS,
                COLUMNS,
                stack,
                stack + single,
                ROWS,
                COLUMNS,
                stack + single,
                stack + 2 * single,
                ROWS,
                COLUMNS,
                stack + 2 * single,
                stack + 4 * single,
                " ".repeat(padding));
    byte[] text = header.getBytes(StandardCharsets.UTF_8);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(
        ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(text.length).array());
    out.writeBytes(text);
    Random random = new Random(7);
    ByteBuffer data = ByteBuffer.allocate(stack + 4 * single).order(ByteOrder.LITTLE_ENDIAN);
    while (data.position() < stack + 2 * single) {
      data.putShort((short) (Float.floatToIntBits((float) random.nextGaussian()) >>> 16));
    }
    while (data.hasRemaining()) {
      data.putFloat((float) random.nextGaussian());
    }
    out.writeBytes(data.array());
    return Safetensors.open(
        Files.write(folder.resolve("experts" + padding + ".safetensors"), out.toByteArray()));
  }

  private static List<Tensor> slices(Tensor stack) {
    return IntStream.range(0, EXPERTS).mapToObj(stack::slice).toList();
  }

  private Safetensors aligned() throws IOException {
    Safetensors file = file(0);
    if (file.tensor("stack").place().orElseThrow().offset() % 2 == 0) {
      return file;
    }
    file.close();
    return file(1);
  }

  @Test
  void aStackIsMappedWhereItStands() throws IOException {
    try (Arena arena = Arena.ofConfined();
        Safetensors file = aligned()) {
      Tensor stack = file.tensor("stack");
      HostWeight mapped = MappedExperts.map(slices(stack), arena).orElseThrow();
      assertThat(mapped.rows()).isEqualTo(EXPERTS * ROWS);
      assertThat(mapped.columns()).isEqualTo(COLUMNS);
      assertThat(mapped.isRowMajor()).isTrue();
      assertThat(mapped.data().isReadOnly()).isTrue();
      assertThat(mapped.data().toArray(JAVA_BYTE)).isEqualTo(stack.data().toArray(JAVA_BYTE));
      HostWeight two =
          MappedExperts.map(List.of(file.tensor("first"), file.tensor("second")), arena)
              .orElseThrow();
      assertThat(two.rows()).isEqualTo(2 * ROWS);
    }
  }

  @Test
  void whatIsNotOneBehindTheOtherOrNotInBf16IsCopied() throws IOException {
    try (Arena arena = Arena.ofConfined();
        Safetensors file = aligned()) {
      Tensor first = file.tensor("first");
      Tensor second = file.tensor("second");
      assertThat(MappedExperts.map(List.of(second, first), arena)).isEmpty();
      assertThat(MappedExperts.map(List.of(file.tensor("exact")), arena)).isEmpty();
      Tensor nowhere = new Tensor("w", first.dtype(), first.shape(), first.data());
      assertThat(MappedExperts.map(List.of(nowhere), arena)).isEmpty();
    }
    try (Arena arena = Arena.ofConfined();
        Safetensors even = file(0);
        Safetensors odd = file(1)) {
      assertThat(
              MappedExperts.map(slices(even.tensor("stack")), arena).isPresent()
                  ^ MappedExperts.map(slices(odd.tensor("stack")), arena).isPresent())
          .as("of two files whose headers differ by a byte, one is not aligned")
          .isTrue();
    }
  }

  @Test
  void theMappingIsTheBackendsAndEndsWithIt() throws IOException {
    assumeThat(HostBackend.multipliesBf16()).isTrue();
    Weight copied;
    Weight mapped;
    try (HostBackend backend = new HostBackend(Precision.BF16, 1, all -> all > 100)) {
      try (Safetensors file = aligned()) {
        copied = backend.expertWeight(slices(file.tensor("stack")), 100);
        mapped = backend.expertWeight(slices(file.tensor("stack")), 101);
      }
      assertThat(((HostWeight) mapped).data().isReadOnly()).isTrue();
      assertThat(((HostWeight) copied).data().isReadOnly()).isFalse();
      assertThat(((HostWeight) mapped).data().toArray(JAVA_BYTE))
          .isEqualTo(((HostWeight) copied).data().toArray(JAVA_BYTE));
      assertThat(backend.describe()).endsWith("GB of experts left in the checkpoint's file");
    }
    HostWeight closed = (HostWeight) mapped;
    assertThatThrownBy(() -> closed.data().get(JAVA_BYTE, 0))
        .isInstanceOf(IllegalStateException.class);
  }
}
