package dev.palimpsest.engine.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class CheckpointTest {
  private static final String INDEX = "model.safetensors.index.json";

  @TempDir Path folder;

  @BeforeEach
  void writeConfig() {
    SafetensorsBytes.write(folder, "config.json", "{\"model_type\":\"llada\"}");
  }

  private void refused(String... parts) {
    assertThatThrownBy(() -> Checkpoint.open(folder).close())
        .isInstanceOf(CheckpointException.class)
        .hasMessageContainingAll(parts);
  }

  private void writeShards() {
    SafetensorsBytes.write(folder, "one.safetensors", SafetensorsBytes.single("x", 2));
    SafetensorsBytes.write(folder, "two.safetensors", SafetensorsBytes.single("y", 3));
  }

  private void writeIndex(String weightMap) {
    SafetensorsBytes.write(folder, INDEX, "{\"metadata\":{},\"weight_map\":" + weightMap + "}");
  }

  @Test
  void aSingleFileIsOpened() {
    SafetensorsBytes.write(folder, "model.safetensors", SafetensorsBytes.valid());
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      assertThat(checkpoint.names()).containsExactly("a", "b.weight", "c");
      assertThat(checkpoint.config().path("model_type").asString()).isEqualTo("llada");
      assertThat(checkpoint.bytes()).isEqualTo(SafetensorsBytes.DATA_BYTES);
    }
  }

  @Test
  void shardsAreOpenedThroughTheirIndexAndClosedTogether() {
    writeShards();
    writeIndex("{\"y\":\"two.safetensors\",\"x\":\"one.safetensors\"}");
    Tensor x;
    Tensor y;
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      assertThat(checkpoint.names()).containsExactly("x", "y");
      x = checkpoint.tensor("x");
      y = checkpoint.tensor("y");
      assertThat(y.elements()).isEqualTo(3);
      assertThatThrownBy(() -> checkpoint.tensor("z"))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("\"z\"");
    }
    assertThatThrownBy(() -> x.data().get(ValueLayout.JAVA_BYTE, 0))
        .isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> y.data().get(ValueLayout.JAVA_BYTE, 0))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void whatIsMissingFromTheFolderIsSaid() throws IOException {
    refused("neither model.safetensors nor " + INDEX);
    Files.delete(folder.resolve("config.json"));
    refused("has no config.json");
    assertThatThrownBy(() -> Checkpoint.open(folder.resolve("none")))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("no such folder");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "[]", "{", "{} {}", "null"})
  void aConfigThatIsNotOneObjectIsRefused(String config) {
    SafetensorsBytes.write(folder, "model.safetensors", SafetensorsBytes.valid());
    SafetensorsBytes.write(folder, "config.json", config);
    refused("config.json: ");
  }

  @Test
  void aDeeplyNestedConfigIsRefused() {
    SafetensorsBytes.write(folder, "config.json", "{\"a\":" + "[".repeat(1_000_000));
    refused("config.json: ", "not valid JSON");
  }

  @Test
  void anIndexThatIsNotAMapOfFileNamesIsRefused() {
    SafetensorsBytes.write(folder, INDEX, "{}");
    refused(INDEX, "weight_map");
    writeIndex("{\"x\":5}");
    refused(INDEX, "\"x\"", "not a file name");
    writeIndex("{\"x\":\"a\\u0000b\"}");
    refused(INDEX, "\"x\"", "not a file name");
  }

  @Test
  void aMissingShardIsRefused() {
    writeShards();
    writeIndex("{\"x\":\"one.safetensors\",\"y\":\"three.safetensors\"}");
    refused("the shard", "three.safetensors is missing");
  }

  @Test
  void aTensorThatItsShardLacksIsRefused() {
    writeShards();
    writeIndex("{\"x\":\"one.safetensors\",\"y\":\"one.safetensors\"}");
    refused("tensor \"y\" is listed in one.safetensors, which does not have it");
  }

  @Test
  void aTensorThatTheIndexDoesNotListIsRefused() {
    SafetensorsBytes.write(folder, "one.safetensors", SafetensorsBytes.valid());
    writeIndex("{\"a\":\"one.safetensors\",\"c\":\"one.safetensors\"}");
    refused("tensor \"b.weight\" of one.safetensors is not listed");
  }

  @ParameterizedTest
  @ValueSource(strings = {"../x.safetensors", "/etc/passwd", "a/../../x", "", ".."})
  void aShardOutsideTheFolderIsRefused(String shard) {
    writeIndex("{\"x\":\"" + shard + "\"}");
    refused("tensor \"x\" is mapped to \"" + shard + "\"", "not inside the model's folder");
  }

  @Test
  void aMalformedShardIsRefusedByName() {
    writeShards();
    SafetensorsBytes.write(folder, "two.safetensors", new byte[5]);
    writeIndex("{\"x\":\"one.safetensors\",\"y\":\"two.safetensors\"}");
    refused("two.safetensors: the file has 5 bytes");
  }

  @Test
  void weightsThatFitTheModelAreAccepted() {
    SafetensorsBytes.write(folder, "model.safetensors", SafetensorsBytes.valid());
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      checkpoint.requireExactly(
          Map.of("a", List.of(2L, 3L), "b.weight", List.of(4L), "c", List.of(3L, 1L)), Map.of());
    }
  }

  @Test
  void weightsThatDoNotFitTheModelAreDescribedInOneSentence() {
    SafetensorsBytes.write(folder, "model.safetensors", SafetensorsBytes.valid());
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      assertThatThrownBy(
              () ->
                  checkpoint.requireExactly(
                      Map.of("a", List.of(3L, 2L), "d", List.of(1L)), Map.of()))
          .isInstanceOf(CheckpointException.class)
          .hasMessage(
              folder
                  + ": the weights do not fit config.json: 1 tensor is missing (\"d\"); 2 tensors"
                  + " are surplus (\"b.weight\", \"c\"); 1 tensor is of the wrong shape or type"
                  + " (\"a\" is [2, 3], not [3, 2]).");
    }
  }

  @Test
  void ofAKeyThatIsThereTwiceTheLastValueCountsAsInPython() {
    SafetensorsBytes.write(folder, "model.safetensors", SafetensorsBytes.valid());
    SafetensorsBytes.write(
        folder, "config.json", "{\"a\":1,\"b\":{\"c\":1,\"c\":2},\"a\":[3],\"d\":NaN}");
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      assertThat(checkpoint.config().path("a").toString()).isEqualTo("[3]");
      assertThat(checkpoint.config().path("b").path("c").intValue()).isEqualTo(2);
      assertThat(checkpoint.config().path("d").doubleValue()).isNaN();
    }
  }

  private void writeTied(String dtype, String shape, int... words) {
    byte[] file =
        SafetensorsBytes.file(
            "{\"embed\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                + "\"head\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[8,16]}}"
                    .formatted(dtype, shape),
            16);
    ByteBuffer data = ByteBuffer.wrap(file, file.length - 16, 16).order(ByteOrder.LITTLE_ENDIAN);
    for (int word : words) {
      data.putInt(word);
    }
    SafetensorsBytes.write(folder, "model.safetensors", file);
  }

  private void requireTied() {
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      checkpoint.requireExactly(Map.of("embed", List.of(2L)), Map.of("head", "embed"));
    }
  }

  @Test
  void aTiedTensorThatIsStoredTooMustBeEqual() {
    writeTied("F32", "[2]", 1, 2, 1, 2);
    assertThatCode(this::requireTied).doesNotThrowAnyException();
    writeTied("F32", "[2]", 1, 2, 1, 3);
    // sha256sum of 01 00 00 00 02 00 00 00 and of 01 00 00 00 03 00 00 00.
    assertThatThrownBy(this::requireTied)
        .isInstanceOf(CheckpointException.class)
        .hasMessageContainingAll(
            "\"head\"",
            "\"embed\"",
            "30656bde983020b4a04d4fb8027463ad8cd15d89d4b953f961654b1d6579b9b9",
            "34fb5c825de7ca4aea6e712f19d439c1da0c92c37b423936c5f618545ca4fa1f");
    writeTied("F32", "[1,2]", 1, 2, 1, 2);
    assertThatThrownBy(this::requireTied).hasMessageContainingAll("F32 [1, 2]", "F32 [2]");
    writeTied("F16", "[4]", 1, 2, 1, 2);
    assertThatThrownBy(this::requireTied).hasMessageContainingAll("F16 [4]", "F32 [2]");
  }

  @ParameterizedTest
  @CsvSource({
    "model.layers.0.self_attn.rotary_emb.inv_freq, F32, 4",
    "rotary_emb.cos_cached, F64, 8",
    "model.embeddings.position_ids, I64, 8",
    "attn.masked_bias, BOOL, 1",
  })
  void aBufferIsToldAndNotUsed(String name, String dtype, int bytes) {
    SafetensorsBytes.write(
        folder,
        "model.safetensors",
        SafetensorsBytes.file(
            "{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                + "\"%s\":{\"dtype\":\"%s\",\"shape\":[1],\"data_offsets\":[4,%d]}}"
                    .formatted(name, dtype, 4 + bytes),
            4 + bytes));
    List<String> notices = new ArrayList<>();
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      checkpoint.requireExactly(Map.of("x", List.of(1L)), Map.of());
      checkpoint.tellOfBuffers(notices::add);
    }
    assertThat(notices).singleElement().asString().contains("1 buffer", name, "is not used");
  }

  @Test
  void aWeightOfATypeThatWeightsCannotHaveIsRefused() {
    SafetensorsBytes.write(
        folder,
        "model.safetensors",
        SafetensorsBytes.file(
            "{\"x\":{\"dtype\":\"F8_E4M3\",\"shape\":[4],\"data_offsets\":[0,4]},"
                + "\"y\":{\"dtype\":\"I32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
            8));
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      assertThatThrownBy(() -> checkpoint.requireExactly(Map.of("x", List.of(4L)), Map.of()))
          .hasMessageContainingAll("\"x\" is F8_E4M3", "1 tensor is surplus (\"y\")");
    }
  }

  @Test
  void weightsOfAnotherFormatInTheFolderAreNamed() {
    SafetensorsBytes.write(folder, "pytorch_model.bin", "x");
    SafetensorsBytes.write(folder, "Model-Q4_K_M.gguf", "x");
    refused("no weights", "there is Model-Q4_K_M.gguf, pytorch_model.bin");
  }
}
