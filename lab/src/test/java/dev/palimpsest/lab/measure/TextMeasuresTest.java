package dev.palimpsest.lab.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.palimpsest.lab.answer.Spans;
import dev.palimpsest.sampler.trace.TextTrace;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class TextMeasuresTest {
  private static Measures measures(Optional<String> expected, String... answers) {
    List<String> frames =
        Arrays.stream(answers)
            .map(answer -> answer.isEmpty() ? "3 + 4" : "3 + 4\nAnswer: " + answer)
            .toList();
    TextTrace trace =
        new TextTrace(
            "frames",
            new TextTrace.Source("0", "text", "", Optional.empty(), Optional.empty()),
            frames,
            Optional.empty());
    return Measures.of(trace, Spans.ANSWER, expected);
  }

  /** The example of docs/measures.md. */
  @Test
  void theAnswersOfFramesAreFollowed() {
    Measures found = measures(Optional.of("7"), "8", "", "7", "8", "7", "7");
    assertThat(found.values())
        .containsEntry("right", 1.0)
        .containsEntry("first_hit", 2.0)
        .containsEntry("first_right", 2.0)
        .containsEntry("answer_last_changed", 4.0)
        .containsEntry("answer_flips", 3.0);
    assertThat(found.values().get("temporal_entropy"))
        .isCloseTo(-(0.4 * Math.log(0.4) + 0.6 * Math.log(0.6)), within(1e-12));
    assertThat(found.answer().orElseThrow().everRight(1)).isFalse();
    assertThat(found.answer().orElseThrow().everRight(2)).isTrue();
  }

  @Test
  void anAnswerWithAMaskInItIsNone() {
    Measures found = measures(Optional.of("17"), "1░", "17");
    assertThat(found.values()).containsEntry("first_hit", 1.0).containsEntry("answer_flips", 0.0);
  }

  @Test
  void framesWithoutAnAnswerInTheEndAreOnlyNotRight() {
    assertThat(measures(Optional.of("7"), "7", "").values()).containsOnly(entry("right", 0.0));
    assertThat(measures(Optional.empty(), "7", "").values()).isEmpty();
  }

  private static Map.Entry<String, Double> entry(String name, double value) {
    return Map.entry(name, value);
  }

  /** Counted again, frame by frame, from the definitions. */
  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void everyNumberIsWhatItsDefinitionSays(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    String[] answers =
        IntStream.range(0, 40)
            .mapToObj(_ -> random.nextInt(4) == 0 ? "" : String.valueOf(random.nextInt(3)))
            .toArray(String[]::new);
    answers[39] = "1";
    Measures found = measures(Optional.of("2"), answers);
    int changed = 0;
    int flips = 0;
    String before = "";
    for (int i = 0; i < answers.length; i++) {
      if (!answers[i].equals(i == 0 ? "" : answers[i - 1])) {
        changed = i;
      }
      if (!answers[i].isEmpty()) {
        if (!before.isEmpty() && !before.equals(answers[i])) {
          flips++;
        }
        before = answers[i];
      }
    }
    double entropy = 0;
    long all = Arrays.stream(answers).filter(each -> !each.isEmpty()).count();
    for (String answer : List.of("0", "1", "2")) {
      double share = (double) Arrays.stream(answers).filter(answer::equals).count() / all;
      entropy -= share == 0 ? 0 : share * Math.log(share);
    }
    List<String> list = Arrays.asList(answers);
    assertThat(found.values())
        .containsEntry("right", 0.0)
        .containsEntry("first_hit", (double) list.indexOf("1"))
        .containsEntry("first_right", (double) list.indexOf("2"))
        .containsEntry("answer_last_changed", (double) changed)
        .containsEntry("answer_flips", (double) flips);
    assertThat(found.values().get("temporal_entropy")).isCloseTo(entropy, within(1e-12));
  }

  @Test
  void whatTextsHaveAndWhatTokensAloneHaveIsEveryMeasure() {
    assertThat(Measures.ofTokens())
        .contains("ntp_set", "pair_concord", "nfe", "vanished_tokens", "answer_committed")
        .doesNotContainAnyElementsOf(measures(Optional.of("7"), "7").values().keySet());
  }
}
