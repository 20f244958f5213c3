package dev.palimpsest.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.palimpsest.engine.Compute;
import dev.palimpsest.engine.model.Blocks;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.resource.ResourceInformation;
import org.junit.jupiter.api.Test;

final class PlaceTest {
  private static Place place(String... addresses) {
    return Place.of("model", Map.of(), Map.of("gpu", new ResourceInformation("gpu", addresses)));
  }

  @Test
  void aTaskWithAGpuComputesOnThatOne() {
    Compute compute = place("3").loading().compute();
    assertThat(compute.device()).isEqualTo(Compute.Device.CUDA);
    assertThat(compute.cuda().ordinal()).isEqualTo(3);
  }

  @Test
  void aTaskWithoutAGpuComputesOnTheHost() {
    Place place = Place.of("model", Map.of(), Map.of());
    assertThat(place.loading().compute().device()).isEqualTo(Compute.Device.HOST);
    assertThat(place).hasToString("model on the host");
  }

  @Test
  void tasksWithTheSameGpuShareItAndOthersDoNot() {
    assertThat(place("0")).isEqualTo(place("0"));
    assertThat(place("0").sharesDeviceWith(place("1"))).isFalse();
  }

  @Test
  void aModelInBlocksIsLoadedWithTheLengthThatItsRowsAskFor() {
    assertThat(Place.of("model", Map.of("block_length", 8), Map.of()).loading().blocks())
        .isEqualTo(Optional.of(new Blocks(8, Blocks.Seen.FROM_START)));
    assertThat(Place.of("model", Map.of(), Map.of()).loading().blocks()).isEmpty();
  }

  @Test
  void aTaskWithTwoGpusIsToldWhatToSet() {
    assertThatThrownBy(() -> place("0", "1"))
        .hasMessage(
            "the task has the GPUs 0, 1, and an engine computes on one: set"
                + " spark.task.resource.gpu.amount to 1 or to a fraction");
  }

  @Test
  void aGpuThatIsNoNumberIsRefused() {
    assertThatThrownBy(() -> place("GPU-8a2f"))
        .hasMessageStartingWith("the GPU address GPU-8a2f is no number: let the discovery script");
  }
}
