package dev.palimpsest.engine.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class SafetensorsTest {
  @TempDir Path folder;

  private CheckpointException refusal(byte[] bytes) {
    Path file = SafetensorsBytes.write(folder, "bad.safetensors", bytes);
    try (Safetensors opened = Safetensors.open(file)) {
      throw new AssertionError("opened, with the tensors " + opened.names());
    } catch (CheckpointException e) {
      assertThat(e).hasMessageStartingWith(file + ": ").hasMessageEndingWith(".");
      assertThat(e).hasMessageNotContaining("\n");
      return e;
    }
  }

  private CheckpointException refusal(String header, int dataBytes) {
    return refusal(SafetensorsBytes.file(header, dataBytes));
  }

  /** A header of one tensor {@code w}. */
  private static String tensor(String body) {
    return "{\"w\":" + body + "}";
  }

  private static String tensor(String dtype, String shape, String offsets) {
    return tensor(
        "{\"dtype\":%s,\"shape\":%s,\"data_offsets\":%s}".formatted(dtype, shape, offsets));
  }

  @Test
  void everyTensorOfAValidFileHasItsTypeShapeAndBytes() {
    Path file = SafetensorsBytes.write(folder, "good.safetensors", SafetensorsBytes.valid());
    try (Safetensors opened = Safetensors.open(file)) {
      assertThat(opened.names()).containsExactly("a", "b.weight", "c");
      Tensor tensor = opened.tensor("b.weight");
      assertThat(tensor.dtype()).isEqualTo(DType.BF16);
      assertThat(tensor.shape()).containsExactly(4L);
      assertThat(tensor.elements()).isEqualTo(4);
      assertThat(tensor.data().toArray(ValueLayout.JAVA_BYTE))
          .containsExactly(24, 25, 26, 27, 28, 29, 30, 31);
      assertThat(tensor.data().isReadOnly()).isTrue();
    }
  }

  @Test
  void aFileWithoutTensorsAndOneWithEmptyTensorsAndScalarsAreValid() {
    Path none = SafetensorsBytes.write(folder, "none", SafetensorsBytes.file("{}", 0));
    try (Safetensors opened = Safetensors.open(none)) {
      assertThat(opened.names()).isEmpty();
    }
    String header =
        "{\"e\":{\"dtype\":\"F32\",\"shape\":[0,9223372036854775807],\"data_offsets\":[0,0]},"
            + "\"s\":{\"dtype\":\"F16\",\"shape\":[],\"data_offsets\":[0,2]}}  ";
    Path file = SafetensorsBytes.write(folder, "empty", SafetensorsBytes.file(header, 2));
    try (Safetensors opened = Safetensors.open(file)) {
      assertThat(opened.tensor("e").elements()).isZero();
      assertThat(opened.tensor("s").elements()).isEqualTo(1);
    }
  }

  @Test
  void dataIsGoneAfterClosingAndClosingTwiceIsHarmless() {
    Path file = SafetensorsBytes.write(folder, "good.safetensors", SafetensorsBytes.valid());
    Safetensors opened = Safetensors.open(file);
    Tensor tensor = opened.tensor("a");
    opened.close();
    opened.close();
    assertThatThrownBy(() -> tensor.data().get(ValueLayout.JAVA_BYTE, 0))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void aTensorBeyondTwoGigabytesIsReadInPlace() throws IOException {
    long size = (3L << 30) + 4;
    byte[] header =
        tensor("\"F32\"", "[%d]".formatted(size / 4), "[0,%d]".formatted(size))
            .getBytes(StandardCharsets.UTF_8);
    Path file = folder.resolve("sparse.safetensors");
    try (RandomAccessFile out = new RandomAccessFile(file.toFile(), "rw")) {
      out.write(
          ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(header.length).array());
      out.write(header);
      out.setLength(8 + header.length + size);
      out.seek(8 + header.length + size - 1);
      out.write(77);
    }
    try (Safetensors opened = Safetensors.open(file)) {
      assertThat(opened.tensor("w").data().get(ValueLayout.JAVA_BYTE, size - 1))
          .isEqualTo((byte) 77);
    }
  }

  @Test
  void aMissingFileAndAFolderAreRefused() {
    assertThatThrownBy(() -> Safetensors.open(folder.resolve("none")))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("no such file");
    assertThatThrownBy(() -> Safetensors.open(folder)).isInstanceOf(CheckpointException.class);
  }

  @Test
  void anUnknownNameIsRefused() {
    Path file = SafetensorsBytes.write(folder, "good.safetensors", SafetensorsBytes.valid());
    try (Safetensors opened = Safetensors.open(file)) {
      assertThatThrownBy(() -> opened.tensor("z"))
          .isInstanceOf(CheckpointException.class)
          .hasMessage(file + ": there is no tensor \"z\".");
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 7})
  void aFileTooShortForItsLengthFieldIsRefused(int bytes) {
    assertThat(refusal(new byte[bytes])).hasMessageContaining("has " + bytes + " bytes");
  }

  @Test
  void aHeaderLongerThanTheFileIsRefused() {
    byte[] bytes = SafetensorsBytes.valid();
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(0, bytes.length - 7);
    assertThat(refusal(bytes)).hasMessageContaining("but the file has only");
  }

  @ParameterizedTest
  @ValueSource(longs = {100_000_001, Long.MAX_VALUE, -1, Long.MIN_VALUE})
  void aHeaderOverOneHundredMegabytesIsRefused(long length) {
    byte[] bytes = SafetensorsBytes.valid();
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(0, length);
    assertThat(refusal(bytes))
        .hasMessageContaining(Long.toUnsignedString(length))
        .hasMessageContaining("at most 100000000");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "{", "[]", "null", " {}", "{}x", "{}{}", "{\"w\":}", "{'w':1}", "{\u0000}"})
  void aHeaderThatIsNotOneJsonObjectIsRefused(String header) {
    assertThat(refusal(header, 0)).hasMessageContaining("header");
  }

  @Test
  void aHeaderInAnotherEncodingIsRefused() {
    byte[] header = SafetensorsBytes.HEADER.getBytes(StandardCharsets.UTF_16LE);
    assertThat(refusal(SafetensorsBytes.file(header, SafetensorsBytes.DATA_BYTES)))
        .hasMessageContaining("UTF-8");
  }

  @ParameterizedTest
  @ValueSource(strings = {"[", "{\"a\":"})
  void aDeeplyNestedHeaderIsRefused(String opening) {
    assertThat(refusal("{\"w\":" + opening.repeat(1_000_000), 0)).hasMessageContaining("\"w\"");
    assertThat(refusal(opening.equals("[") ? "[".repeat(1_000_000) : opening.repeat(100_000), 0))
        .isNotNull();
  }

  @Test
  void aNumberOfAMillionDigitsIsRefused() {
    assertThat(refusal(tensor("\"F32\"", "[" + "9".repeat(1_000_000) + "]", "[0,4]"), 4))
        .hasMessageContaining(".");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "5 | is not described by a JSON object",
        "[] | is not described by a JSON object",
        "{} | has no dtype",
        "{\"dtype\":\"F32\"} | has no shape",
        "{\"dtype\":\"F32\",\"shape\":[1]} | has no data_offsets",
        "{\"dtype\":32} | has a dtype that is not a string",
        "{\"dtype\":\"F4\"} | has dtype \"F4\"; F32, F16, BF16 and I64 are supported",
        "{\"dtype\":\"f32\"} | has dtype \"f32\"",
        "{\"shape\":4} | has a shape that is not an array",
        "{\"shape\":[\"4\"]} | has a shape with an element that is not an integer",
        "{\"shape\":[4.0]} | has a shape with an element that is not an integer",
        "{\"shape\":[-1]} | has a shape with the negative element -1",
        "{\"shape\":[99999999999999999999]} | has a shape with an element beyond 64 bits",
        "{\"shape\":[1,1,1,1,1,1,1,1,1]} | has a shape with more than 8 elements",
        "{\"data_offsets\":{}} | has a data_offsets that is not an array",
        "{\"data_offsets\":[-4,0]} | negative element -4",
        "{\"other\":1} | has the unknown key \"other\"",
        "{\"dtype\":\"F32\",\"dtype\":\"F32\"} | has the key \"dtype\" twice",
      })
  void aTensorThatIsNotDescribedRightIsRefusedByName(String body, String reason) {
    assertThat(refusal(tensor(body), 4))
        .hasMessageContaining("tensor \"w\" ")
        .hasMessageContaining(reason);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "[1] | [0,5] | do not lie in the file's 4 bytes",
        "[1] | [4,0] | do not lie in the file's 4 bytes",
        "[1] | [9223372036854775804,9223372036854775807] | do not lie in",
        "[1] | [0] | a begin and an end are needed",
        "[1] | [0,4,8] | a begin and an end are needed",
        "[2] | [0,4] | 4 bytes, but shape [2] of F32 needs 8",
        "[0] | [0,4] | 4 bytes, but shape [0] of F32 needs 0",
        "[4611686018427387904] | [0,4] | beyond 64 bits",
        "[4294967296,4294967296] | [0,4] | beyond 64 bits",
      })
  void offsetsThatDoNotFitTheShapeOrTheFileAreRefused(String shape, String offsets, String reason) {
    assertThat(refusal(tensor("\"F32\"", shape, offsets), 4))
        .hasMessageContaining("tensor \"w\" has ")
        .hasMessageContaining(reason);
  }

  private static String two(String first, String second) {
    return ("{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":%s},"
            + "\"y\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":%s}}")
        .formatted(first, second);
  }

  @Test
  void overlappingTensorsAreRefused() {
    assertThat(refusal(two("[4,12]", "[0,8]"), 12))
        .hasMessageContaining("tensor \"x\" begins at data offset 4, overlapping");
    assertThat(refusal(two("[0,8]", "[0,8]"), 8)).hasMessageContaining("overlapping");
  }

  @Test
  void holesAndTrailingBytesAreRefused() {
    assertThat(refusal(two("[0,8]", "[12,20]"), 20))
        .hasMessageContaining("tensor \"y\" begins at data offset 12, leaving a hole");
    assertThat(refusal(two("[4,12]", "[12,20]"), 20)).hasMessageContaining("leaving a hole");
    assertThat(refusal(two("[0,8]", "[8,16]"), 17))
        .hasMessageContaining("end at data offset 16, but the file has 17 bytes of data");
  }

  @Test
  void aNameThatOccursTwiceIsRefused() {
    String header = two("[0,8]", "[8,16]").replace("\"y\"", "\"x\"");
    assertThat(refusal(header, 16)).hasMessageContaining("the name \"x\" twice");
    assertThat(refusal(header.replaceFirst("\"x\"", "\"\\\\u0078\""), 16))
        .hasMessageContaining("the name \"x\" twice");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "[]",
        "\"pt\"",
        "{\"a\":1}",
        "{\"a\":{}}",
        "{\"a\":null}",
        "{\"a\":\"\",\"a\":\"\"}"
      })
  void metadataOtherThanStringsByUniqueNameIsRefused(String metadata) {
    assertThat(refusal("{\"__metadata__\":" + metadata + "}", 0))
        .hasMessageContaining("__metadata__");
  }

  @Test
  void aLongNameWithLineBreaksIsShownShortAndOnOneLine() {
    String name = "n\\n".repeat(10_000);
    assertThat(refusal("{\"" + name + "\":5}", 0)).message().hasSizeLessThan(600);
  }
}
