package dev.palimpsest.lab.legibility;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

final class LegibilityTest {
  private static final String TEXT = "24 + 7 = 31. 31 - 9 = 22. Answer: 22";

  /** Sums anew, from the formula, over strings. */
  private static double probability(List<String> texts, String context, String character) {
    Set<String> kinds = new HashSet<>();
    int all = 0;
    int count = 0;
    for (String text : texts) {
      String padded = "\2\2\2\2" + text;
      for (int at = 4; at < padded.length(); at++) {
        String next = padded.substring(at, at + 1);
        if (padded.substring(0, at).endsWith(context)) {
          all++;
          kinds.add(next);
          count += next.equals(character) ? 1 : 0;
        }
      }
    }
    double shorter =
        context.isEmpty()
            ? 1.0 / (kinds.size() + 1)
            : probability(texts, context.substring(1), character);
    return all == 0 ? shorter : (count + kinds.size() * shorter) / (all + kinds.size());
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3})
  void aTextsSurpriseIsTheMeanOfItsCharacters(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    List<String> texts = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      StringBuilder text = new StringBuilder();
      random.ints(30, 'a', 'd').forEach(text::appendCodePoint);
      texts.add(text.toString());
    }
    CharacterModel model = new CharacterModel(texts);
    String scored = "abcabdx";
    double sum = 0;
    for (int at = 0; at < scored.length(); at++) {
      String context = ("\2\2\2\2" + scored).substring(at, at + 4);
      sum -= Math.log(probability(texts, context, scored.substring(at, at + 1)));
    }
    assertThat(model.nats(scored).orElseThrow()).isCloseTo(sum / 7, within(1e-12));
    assertThat(model.nats("ab░░ca░bdx")).isEqualTo(model.nats(scored));
  }

  @Test
  void probabilitiesOfWhatIsKnownAndOfTheUnknownSumToOne() {
    CharacterModel model = new CharacterModel(List.of("abracadabra", "abrac"));
    List<Integer> context = List.of((int) 'a', (int) 'b', (int) 'r', (int) 'a');
    double sum = model.probability('?', context);
    for (int character : new int[] {'a', 'b', 'r', 'c', 'd'}) {
      sum += model.probability(character, context);
    }
    assertThat(sum).isCloseTo(1, within(1e-12));
  }

  @Test
  void nothingButMasksHasNoScore() {
    assertThat(new CharacterModel(List.of("a")).nats("░░")).isEqualTo(OptionalDouble.empty());
  }

  @ParameterizedTest
  @EnumSource
  void whatIsMadeWorseIsMoreSurprising(Degradation how) {
    CharacterModel model =
        new CharacterModel(
            List.of(
                "12 + 5 = 17. 17 - 4 = 13. Answer: 13",
                "30 + 8 = 38. 38 - 9 = 29. Answer: 29",
                "24 - 3 = 21. 21 + 9 = 30. Answer: 30"));
    for (long seed = 0; seed < 20; seed++) {
      Legibility found = Legibility.of(List.of("░░", TEXT), model::nats, seed);
      assertThat(found.degraded().getOrDefault(how, OptionalDouble.empty()).orElseThrow())
          .as("seed %d", seed)
          .isGreaterThan(found.last().orElseThrow());
      assertThat(how.of(TEXT, seed)).isEqualTo(how.of(TEXT, seed)).isNotEqualTo(TEXT);
    }
  }

  @Test
  void aMaskHidesThreeOfTenCharactersAndAShuffleMovesWordsAlone() {
    String masked = Degradation.MASKED.of(TEXT, 1);
    long seen = TEXT.chars().filter(each -> each != ' ').count();
    assertThat(masked.chars().filter(each -> each == '░').count())
        .isEqualTo(Math.round(0.3 * seen));
    assertThat(masked).hasSameSizeAs(TEXT);
    assertThat(Degradation.SHUFFLED.of(TEXT, 1).split(" "))
        .containsExactlyInAnyOrder(TEXT.split(" "));
    assertThat(Degradation.SHUFFLED.of("a a a", 1)).isEqualTo("a a a");
  }

  @Test
  void tenthsOfStepsAreRoundedUp() {
    assertThat(Legibility.step(1, 48)).isEqualTo(4);
    assertThat(Legibility.step(10, 48)).isEqualTo(47);
    assertThat(Legibility.step(1, 3)).isEqualTo(0);
    assertThat(Legibility.step(10, 1)).isEqualTo(0);
  }
}
