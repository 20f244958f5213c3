package dev.palimpsest.app.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.palimpsest.api.HandedOn;
import dev.palimpsest.api.SerialDepth;
import dev.palimpsest.app.file.Problem;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Rounds over contestants whose speed is made up, and the numbers that come of them. */
final class RoundsTest {
  private static final List<Problem> PROBLEMS =
      List.of(problem("1"), problem("2"), problem("3"), problem("4"), problem("5"));

  private final List<String> log = new ArrayList<>();

  @Test
  void everyRoundRunsEverybodyInTheReverseOrderOfTheRoundBefore() throws IOException {
    Rounds rounds = new Rounds(List.of(entrant("a", 1), entrant("b", 1)), List.of(1, 4));
    List<Integer> over = new ArrayList<>();
    rounds.run(PROBLEMS, 3, () -> {}, over::add);
    List<String> first = List.of("a@1x5", "b@1x5", "a@4x5", "b@4x5");
    List<String> expected = new ArrayList<>(first);
    expected.addAll(first.reversed());
    expected.addAll(first);
    assertThat(log).isEqualTo(expected);
    assertThat(over).containsExactly(1, 2, 3);
    assertThat(rounds.isMissing(3)).isFalse();
    assertThat(rounds.measurements())
        .extracting(each -> each.contestant() + each.concurrency() + "x" + each.rounds().size())
        .containsExactly("a1x3", "a4x3", "b1x3", "b4x3");
  }

  @Test
  void warmUpEndsWhenTheSpeedIsStableOrAtItsBound() {
    // 10 tokens a request, 4 requests a batch: 40 tokens in these seconds.
    Rounds rounds =
        new Rounds(
            List.of(entrant("settles", 4, 2, 1, 0.98, 0.97), entrant("never", 1, 2, 1, 2, 1)),
            List.of(1));
    rounds.warmUp(PROBLEMS, 4, () -> {});
    assertThat(log.stream().filter("settles@1x4"::equals)).hasSize(5);
    assertThat(log.stream().filter("never@1x4"::equals)).hasSize(Rounds.MOST_BATCHES);
    assertThat(rounds.unstable()).containsExactly(new Rounds.Pair("never", 1));
    assertThat(Rounds.isStable(List.of(9.0, 100.0, 105.0, 102.0))).isTrue();
    assertThat(Rounds.isStable(List.of(9.0, 100.0, 105.1, 102.0))).isFalse();
    assertThat(Rounds.isStable(List.of(100.0, 100.0))).isFalse();
  }

  @Test
  void aBatchHasAsManyRequestsAsRunAtOnceAndNoneIsRunForZero() {
    Rounds rounds = new Rounds(List.of(entrant("a", 1)), List.of(1, 7));
    rounds.warmUp(PROBLEMS, 0, () -> {});
    assertThat(log).isEmpty();
    rounds.warmUp(PROBLEMS, 2, () -> {});
    assertThat(log).containsExactly("a@1x2", "a@7x7", "a@7x7", "a@1x2", "a@1x2", "a@7x7");
  }

  @Test
  void whoFailsLosesWhatIsLeftAndItsControlWithIt() throws IOException {
    Race failing =
        new Scripted("f", 1) {
          @Override
          public Race.Result run(List<Problem> problems, int concurrency) {
            if (log.stream().filter(each -> each.startsWith("f")).count() == 2) {
              throw new UncheckedIOException("the line is cut", new IOException());
            }
            return super.run(problems, concurrency);
          }
        };
    Rounds rounds =
        new Rounds(
            List.of(
                new Rounds.Entrant("f", failing),
                entrant("a", 1),
                new Rounds.Entrant("control: f", failing)),
            List.of(1));
    rounds.run(PROBLEMS, 2, () -> {}, _ -> {});
    assertThat(log).containsExactly("f@1x5", "a@1x5", "f@1x5", "a@1x5");
    assertThat(rounds.failures())
        .extracting(Rounds.Failure::sentence)
        .containsExactly("control: f, 1 at once, round 2: the line is cut");
    assertThat(rounds.measurements())
        .extracting(each -> each.contestant() + each.rounds().size())
        .containsExactly("f1", "a2", "control: f1");
    assertThat(rounds.isMissing(2)).isTrue();
  }

  @Test
  void onlyMissingRoundsAreRun() throws IOException {
    Race.Result earlier = result(2, answer("1", 10, 4, 1, 0.5));
    Rounds rounds = new Rounds(List.of(entrant("a", 1), entrant("b", 1)), List.of(1));
    rounds.resume(
        new Comparison.Earlier(
            "2026-01-01T00:00:00Z",
            Map.of(new Rounds.Pair("a", 1), List.of(earlier)),
            Map.of(new Rounds.Pair("a", 1), List.of(7.0))));
    rounds.run(PROBLEMS, 2, () -> {}, _ -> {});
    assertThat(log).containsExactly("b@1x5", "b@1x5", "a@1x5");
    assertThat(rounds.measurements().getFirst().rounds().getFirst()).isEqualTo(earlier);
    assertThat(rounds.measurements().getFirst().warmUp()).containsExactly(7.0);
    rounds.warmUp(PROBLEMS, 2, () -> {});
    assertThat(rounds.measurements().getFirst().warmUp()).doesNotContain(7.0);
  }

  @Test
  void countsAreOfTheFirstRoundRatesAreRatiosOfSumsAndPercentilesAreByNearestRank() {
    Measurement row =
        row(
            "a",
            result(10, answer("1", 10, 40, 2, 1), answer("2", 30, 40, 1, 0.5)),
            result(30, answer("1", 20, 10, 4, 2), answer("2", 0, 10, 8, Double.NaN)));
    assertThat(row.textTokens()).isEqualTo(40);
    assertThat(row.nfe()).hasValue(80);
    assertThat(row.idleSteps()).hasValue(2);
    assertThat(row.promptTokens()).hasValue(6);
    assertThat(row.tokensPerForward()).hasValue(0.5);
    assertThat(row.tokensPerSecond()).isEqualTo(60.0 / 40);
    assertThat(row.tokensPerSecondRange().low()).isCloseTo(20.0 / 30, within(1e-12));
    assertThat(row.tokensPerSecondRange().high()).isEqualTo(4);
    assertThat(row.requestTokensPerSecond(50)).isEqualTo(5);
    assertThat(row.toComplete(50)).hasValue(2);
    assertThat(row.toComplete(95)).hasValue(8);
    // A text without a token has no first one.
    assertThat(row.toFirstTextToken(50)).hasValue(1);
    assertThat(row.toFirstTextToken(99)).hasValue(2);
    assertThat(row.betweenSteps(50)).hasValue(1);
    assertThat(row.betweenSteps(99)).hasValue(4);
    assertThat(row.accuracy().value()).isEqualTo(0.5);
    // Wilson's interval of 1 of 2: centre 0.5, half-width z sqrt(1/8 + z²/16) / (1 + z²/2).
    double z = 1.959964;
    double half = z * Math.sqrt(1.0 / 8 + z * z / 16) / (1 + z * z / 2);
    assertThat(row.accuracy().interval().orElseThrow().low()).isCloseTo(0.5 - half, within(1e-6));
    assertThat(row.memory()).hasValue(new Race.Memory(100, 20, 3));
    assertThat(Measurement.nearestRank(new double[] {1, 2, 3, 4, 5}, 40)).isEqualTo(2);
    assertThat(Measurement.nearestRank(new double[] {7}, 95)).isEqualTo(7);
    assertThatThrownBy(() -> Measurement.nearestRank(new double[0], 50))
        .isInstanceOf(RuntimeException.class);
  }

  @Test
  void theControlIsSetBesideTheFirstContestantRoundByRound() {
    Answer ten = answer("1", 10, 4, 1, 0.5);
    Measurement first = row("a", result(1, ten), result(1, ten));
    Measurement again = row("control: a", result(0.8, ten), result(1.25, ten));
    Comparison comparison =
        new Comparison(
            "",
            Map.of(),
            2,
            List.of(),
            "a",
            "control: a",
            List.of(first, again),
            List.of(),
            List.of());
    Comparison.Control control = comparison.controls().getFirst();
    assertThat(control.ratio()).isCloseTo(2 / 2.05, within(1e-12));
    assertThat(control.range().low()).isCloseTo(0.8, within(1e-12));
    assertThat(control.range().high()).isCloseTo(1.25, within(1e-12));
    assertThat(comparison.verdict()).contains("within 5 %");
    Comparison far =
        new Comparison(
            "",
            Map.of(),
            1,
            List.of(),
            "a",
            "control: a",
            List.of(first, row("control: a", result(0.9, ten))),
            List.of(),
            List.of());
    assertThat(far.verdict()).contains("more than 5 %", "--rounds");
  }

  private static Measurement row(String label, Race.Result... rounds) {
    return new Measurement(
        label, "b", "s", Map.of(), Optional.empty(), 1, List.of(), List.of(rounds));
  }

  private static Race.Result result(double seconds, Answer... answers) {
    return new Race.Result(seconds, Optional.of(new Race.Memory(100, 20, 3)), List.of(answers));
  }

  private static Answer answer(String id, int tokens, int nfe, double seconds, double first) {
    return new Answer(
        id,
        id.equals("1"),
        OptionalInt.of(3),
        tokens,
        OptionalInt.of(nfe),
        OptionalInt.of(1),
        List.of(nfe),
        Optional.of(new SerialDepth(7, 7L * nfe)),
        OptionalDouble.of(seconds / 4),
        Double.isNaN(first) ? OptionalDouble.empty() : OptionalDouble.of(first),
        seconds,
        new int[] {(int) (seconds / 2 * 1e6)});
  }

  private static Problem problem(String id) {
    return new Problem(id, "", "", Optional.empty());
  }

  private Rounds.Entrant entrant(String label, double... seconds) {
    return new Rounds.Entrant(label, new Scripted(label, seconds));
  }

  /** Ten tokens a request, in so many seconds a run, over and over. */
  private class Scripted implements Race {
    private final String label;
    private final double[] seconds;
    private int runs;

    Scripted(String label, double... seconds) {
      this.label = label;
      this.seconds = seconds;
    }

    @Override
    public Race.Result run(List<Problem> problems, int concurrency) {
      log.add("%s@%dx%d".formatted(label, concurrency, problems.size()));
      Answer[] answers =
          IntStream.range(0, problems.size())
              .mapToObj(_ -> answer("1", 10, 1, 1, 1))
              .toArray(Answer[]::new);
      return result(seconds[runs++ % seconds.length], answers);
    }

    @Override
    public String backend() {
      return "made up";
    }

    @Override
    public String sampler() {
      return "none";
    }

    @Override
    public Map<String, Object> options() {
      return Map.of();
    }

    @Override
    public Optional<HandedOn> handedOn() {
      return Optional.empty();
    }

    @Override
    public Optional<String> refusal(Problem problem) {
      return Optional.empty();
    }

    @Override
    public void close() {}
  }
}
