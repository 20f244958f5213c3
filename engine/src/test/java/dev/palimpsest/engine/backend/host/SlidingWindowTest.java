package dev.palimpsest.engine.backend.host;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.engine.checkpoint.Checkpoint;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.model.Families;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.json.JsonMapper;

/** How far back a model sees whose layers all have a window. */
final class SlidingWindowTest {
  private static final int LENGTH = 600;
  private static final int LAYERS = 2;
  private static final int WINDOW = 130;

  /** A token sees {@code WINDOW - 1} before it, of which each saw as many one layer earlier. */
  private static final int REACH = LAYERS * (WINDOW - 1);

  private static final String CONFIG =
      """
      {"model_type": "qwen2", "hidden_size": 32, "num_attention_heads": 4, "num_key_value_heads": 2,
       "intermediate_size": 40, "vocab_size": 90, "num_hidden_layers": %d, "hidden_act": "silu",
       "rms_norm_eps": 1e-6, "max_position_embeddings": 700, "use_sliding_window": true,
       "sliding_window": %d, "max_window_layers": 0}
      """
          .formatted(LAYERS, WINDOW);

  @TempDir private Path folder;

  @ParameterizedTest
  @MethodSource("dev.palimpsest.engine.backend.host.Setup#all")
  void aPredictionDependsOnTheTokensInReachAndOnNoOther(Setup setup) {
    TinyCheckpoint.write(folder, CONFIG, 3);
    ModelSpec spec = Families.spec(JsonMapper.shared().readTree(CONFIG));
    int[] tokens = new SplittableRandom(4).ints(LENGTH, 0, spec.vocabulary()).toArray();
    int row = LENGTH - 7;
    try (Checkpoint checkpoint = Checkpoint.open(folder);
        Transformer transformer =
            Transformer.load(checkpoint, spec, setup.backend(2), 0, _ -> {})) {
      List<List<Prediction>> expected = transformer.predict(List.of(query(tokens, row)));
      int[] beyond = tokens.clone();
      for (int i = 0; i < row - REACH; i++) {
        beyond[i] = (tokens[i] + 1) % spec.vocabulary();
      }
      assertThat(transformer.predict(List.of(query(beyond, row)))).isEqualTo(expected);
      for (int changed : new int[] {row - REACH + WINDOW / 2, row - WINDOW + 1, row}) {
        int[] within = tokens.clone();
        within[changed] = (tokens[changed] + 1) % spec.vocabulary();
        assertThat(transformer.predict(List.of(query(within, row))))
            .as("token %d", changed)
            .isNotEqualTo(expected);
      }
    }
  }

  private static Query query(int[] tokens, int row) {
    return new Query(tokens, 0, new int[] {row}, 0, Draw.GREEDY, Optional.empty());
  }
}
