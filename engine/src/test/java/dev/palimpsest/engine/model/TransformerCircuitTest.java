package dev.palimpsest.engine.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.step.AttentionPattern;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
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
