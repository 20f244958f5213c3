package dev.palimpsest.engine.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
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
  @ValueSource(strings = {"", "[]", "{", "{\"a\":1,\"a\":2}", "{} {}", "null"})
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
          Map.of("a", List.of(2L, 3L), "b.weight", List.of(4L), "c", List.of(3L, 1L)));
    }
  }

  @Test
  void weightsThatDoNotFitTheModelAreDescribedInOneSentence() {
    SafetensorsBytes.write(folder, "model.safetensors", SafetensorsBytes.valid());
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      assertThatThrownBy(
              () -> checkpoint.requireExactly(Map.of("a", List.of(3L, 2L), "d", List.of(1L))))
          .isInstanceOf(CheckpointException.class)
          .hasMessage(
              folder
                  + ": the weights do not fit config.json: 1 tensor is missing (\"d\"); 2 tensors"
                  + " are surplus (\"b.weight\", \"c\"); 1 tensor is of the wrong shape or type"
                  + " (\"a\" is [2, 3], not [3, 2]).");
    }
  }
}
