package dev.palimpsest.engine.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.step.AttentionPattern;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvFileSource;

/** Depths that the program of the rules' authors found, of transformers written in JAX. */
final class TransformerCircuitTest {
  /** {@code golden.py} beside it made the table. */
  @ParameterizedTest(name = "{0} layers, experts {11}: {12}")
  @CsvFileSource(
      resources = "/depth/golden.csv",
      useHeadersInDisplayName = false,
      numLinesToSkip = 1)
  void aForwardIsAsDeepAsThePublishedProgramFinds(
      int layers,
      int hidden,
      int heads,
      int keyHeads,
      int headSize,
      int rotated,
      boolean bias,
      boolean headNorm,
      int width,
      int vocabulary,
      int length,
      @Nullable String experts,
      long depth) {
    Rotary rotary = new Rotary(10_000, rotated, new RotaryScaling.None());
    Attention attention =
        new Attention(
            heads, keyHeads, headSize, bias, headNorm, rotary, new AttentionPattern.Full());
    FeedForward feedForward =
        new FeedForward(width, Optional.ofNullable(experts).map(TransformerCircuitTest::experts));
    TokenIds ids = new TokenIds(OptionalInt.of(1), List.of(2), OptionalInt.empty());
    ModelSpec spec =
        new ModelSpec(
            "golden",
            layers,
            hidden,
            1e-6,
            attention,
            feedForward,
            vocabulary,
            false,
            length,
            new Reading(ids));
    assertThat(new TransformerCircuit(spec, length).forward().depth()).isEqualTo(depth);
  }

  private static ModelSpec withWindows(List<Integer> windows) {
    Attention attention =
        new Attention(
            4,
            4,
            16,
            new Rotary(10_000, 16, new RotaryScaling.None()),
            new AttentionPattern.Causal());
    TokenIds ids = new TokenIds(OptionalInt.empty(), List.of(2), OptionalInt.empty());
    return new ModelSpec(
        "windows",
        3,
        64,
        1e-6,
        windows.isEmpty() ? List.of(attention) : windows.stream().map(attention::within).toList(),
        new FeedForward(128, Optional.empty()),
        100,
        false,
        4096,
        new Reading(ids),
        ResidualStream.PLAIN,
        Optional.empty());
  }

  private static long depth(List<Integer> windows, int length) {
    return new TransformerCircuit(withWindows(windows), length).forward().depth();
  }

  /**
   * A layer's softmax, 2 lg + 3, and its sum of values, 1 + lg, are over the keys that are seen: of
   * 1,000 keys, lg is 10, and of a window of 8, it is 3.
   */
  @Test
  void aWindowMakesItsLayerAsShallowAsItIsNarrow() {
    int all = Integer.MAX_VALUE;
    long full = depth(List.of(), 1000);
    assertThat(depth(List.of(all, all, all), 1000)).isEqualTo(full);
    assertThat(depth(List.of(all, 8, all), 1000)).isEqualTo(full - 3 * (10 - 3));
    assertThat(depth(List.of(8, 8, 8), 1000)).isEqualTo(depth(List.of(), 8));
    assertThat(depth(List.of(all, 8, 2000), 6)).isEqualTo(depth(List.of(), 6));
  }

  private static Experts experts(String written) {
    String[] parts = written.split(" ", -1);
    Router router =
        switch (parts[3]) {
          case "softmax" -> new Router.Softmax(false);
          case "normalized" -> new Router.Softmax(true);
          default ->
              new Router.GroupedSigmoid(
                  Integer.parseInt(parts[6]),
                  Integer.parseInt(parts[7]),
                  parts[3].equals("biased"),
                  2.5);
        };
    return new Experts(
        Integer.parseInt(parts[0]),
        Integer.parseInt(parts[1]),
        Integer.parseInt(parts[2]),
        router,
        Integer.parseInt(parts[4]),
        Integer.parseInt(parts[5]));
  }
}
