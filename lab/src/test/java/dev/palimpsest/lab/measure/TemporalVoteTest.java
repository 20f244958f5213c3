package dev.palimpsest.lab.measure;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

final class TemporalVoteTest {
  @Test
  void laterStepsWeighMoreByTheWeights() {
    // Of five steps "8" has 0 to 2 and "7" the last two.
    List<Optional<String>> answers = answers("8", "8", "8", "7", "7");
    assertThat(TemporalVote.FIXED.winner(answers)).contains("8"); // 3 against 2
    assertThat(TemporalVote.LINEAR.winner(answers)).contains("7"); // 6/5 against 9/5
    // Of eight, "8" has 0 to 5: 21/8 against 15/8, and 47.8 against 122.0.
    List<Optional<String>> longer = answers("8", "8", "8", "8", "8", "8", "7", "7");
    assertThat(TemporalVote.LINEAR.winner(longer)).contains("8");
    assertThat(TemporalVote.EXPONENTIAL.winner(longer)).contains("7");
  }

  @Test
  void ofEqualVotesTheAnswerThatCameFirstWins() {
    assertThat(TemporalVote.FIXED.winner(answers("8", "7", "7", "8"))).contains("8");
    // Of ten steps 1/10 + 7/10 against 3/10 + 5/10, which is more in floating point.
    assertThat(
            TemporalVote.LINEAR.winner(answers("8", "-", "7", "-", "7", "-", "8", "-", "-", "-")))
        .contains("8");
  }

  @Test
  void stepsWithoutAnAnswerDoNotVote() {
    for (TemporalVote vote : TemporalVote.values()) {
      assertThat(vote.winner(answers("-", "7", "-", "-"))).contains("7");
      assertThat(vote.winner(answers("-", "-"))).isEmpty();
      assertThat(vote.winner(List.of())).isEmpty();
    }
  }

  private static List<Optional<String>> answers(String... answers) {
    return Stream.of(answers)
        .map(answer -> Optional.of(answer).filter(each -> !each.equals("-")))
        .toList();
  }
}
