package dev.palimpsest.app.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.palimpsest.engine.text.Tokenizer;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Query;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** How a server scores prompts. */
final class ScoresTest {
  @TempDir private Path traces;

  @Test
  void anEchoWithLogarithmsScoresThePromptAndAddsTheMostProbableToken() throws Exception {
    try (RunningServer server =
        new RunningServer("abacus-ar", Limits.DEFAULTS, ApiKeys.NONE, traces)) {
      int[] ids = server.language().model().prompt(RunningServer.PROBLEM);
      JsonNode logprobs =
          server
              .ask(
                  "/v1/completions",
                  Map.of(
                      "prompt",
                      List.of(ids),
                      "max_tokens",
                      1,
                      "temperature",
                      0,
                      "logprobs",
                      1,
                      "seed",
                      1234,
                      "echo",
                      true))
              .path("choices")
              .path(0)
              .path("logprobs");
      assertThat(logprobs.path("tokens").size()).isEqualTo(ids.length + 1);
      assertThat(logprobs.path("token_logprobs").path(0).isNull()).isTrue();
      float[] logits =
          server
              .language()
              .model()
              .transformer()
              .logits(
                  new Query(ids, 0, new int[] {ids.length - 2}, 0, Draw.GREEDY, Optional.empty()));
      int last = ids[ids.length - 1];
      double sum = 0;
      for (float logit : logits) {
        sum += Math.exp(logit);
      }
      assertThat(logprobs.path("token_logprobs").path(ids.length - 1).doubleValue())
          .isCloseTo(logits[last] - Math.log(sum), within(1e-5));
      Tokenizer tokenizer = server.language().model().tokenizer();
      for (int position = 1; position <= ids.length; position++) {
        JsonNode top = logprobs.path("top_logprobs").path(position);
        double own = logprobs.path("token_logprobs").path(position).doubleValue();
        assertThat(top.values().stream().mapToDouble(JsonNode::doubleValue).max().orElseThrow())
            .isGreaterThanOrEqualTo(own);
        if (position < ids.length) {
          assertThat(top.path(tokenizer.piece(ids[position])).doubleValue()).isEqualTo(own);
        }
      }
      JsonNode none =
          server.ask(
              "/v1/completions",
              Map.of("prompt", List.of(ids), "max_tokens", 0, "logprobs", 1, "echo", true));
      assertThat(none.path("choices").path(0).path("logprobs").path("tokens").size())
          .isEqualTo(ids.length);
      assertThat(server.post("/v1/fim/completions", "{\"prompt\":\"a\",\"length\":3}").statusCode())
          .isEqualTo(400);
    }
  }

  @Test
  void aMaskedModelScoresThePromptFromLeftToRightWithMasksBehind() throws Exception {
    try (RunningServer server =
        new RunningServer("abacus-mdm", Limits.DEFAULTS, ApiKeys.NONE, traces)) {
      int[] ids = server.language().model().prompt(RunningServer.PROBLEM);
      JsonNode choice =
          server
              .ask(
                  "/v1/completions",
                  Map.of("prompt", List.of(ids), "max_tokens", 1, "logprobs", 2, "echo", true))
              .path("choices")
              .path(0);
      JsonNode logprobs = choice.path("logprobs");
      assertThat(logprobs.path("tokens").size()).isEqualTo(ids.length + 1);
      assertThat(logprobs.path("token_logprobs").path(0).isNull()).isTrue();
      int mask = server.language().specials().maskId();
      int position = ids.length - 3;
      int[] canvas = Arrays.copyOf(ids, ids.length);
      Arrays.fill(canvas, position, ids.length, mask);
      float[] logits =
          server
              .language()
              .model()
              .transformer()
              .logits(new Query(canvas, 0, new int[] {position}, 0, Draw.GREEDY, Optional.empty()));
      double sum = 0;
      for (float logit : logits) {
        sum += Math.exp(logit);
      }
      assertThat(logprobs.path("token_logprobs").path(position).doubleValue())
          .isCloseTo(logits[ids[position]] - Math.log(sum), within(1e-5));
      double added = logprobs.path("token_logprobs").path(ids.length).doubleValue();
      assertThat(logprobs.path("top_logprobs").path(ids.length).values())
          .hasSize(2)
          .allMatch(each -> each.doubleValue() <= added);
    }
  }
}
