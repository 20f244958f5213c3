package dev.palimpsest.app.compare;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.api.SerialDepth;
import dev.palimpsest.lab.measure.Estimate;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

final class PriceTest {
  /** Five problems; "1" is a right answer. Every step is 10 deep, and 7 pass on. */
  private static Measurement row(String label, String right, int... steps) {
    List<Answer> answers =
        IntStream.range(0, 5).mapToObj(item -> answer(item, right, steps)).toList();
    Race.Result first = new Race.Result(1, Optional.empty(), answers);
    Race.Result other = new Race.Result(1, Optional.empty(), List.of());
    return new Measurement(
        label, "b", "s", Map.of(), Optional.empty(), 1, List.of(), List.of(first, other));
  }

  private static Answer answer(int item, String right, int... steps) {
    boolean known = steps.length > 0;
    return new Answer(
        String.valueOf(item),
        right.charAt(item) == '1',
        OptionalInt.empty(),
        4,
        known ? OptionalInt.of(steps[item]) : OptionalInt.empty(),
        OptionalInt.of(0),
        known ? List.of(steps[item]) : List.of(),
        known
            ? Optional.of(new SerialDepth(7L * (steps[item] - 1) + 10, 10L * steps[item]))
            : Optional.empty(),
        OptionalDouble.empty(),
        OptionalDouble.empty(),
        1,
        new int[0]);
  }

  private static void assertValue(@Nullable Estimate estimate, double expected) {
    Estimate found = requireNonNull(estimate);
    assertThat(found.value()).isEqualTo(expected);
    assertThat(found.n()).isEqualTo(5);
  }

  @Test
  void everyContestantIsComparedWithTheFirstProblemByProblem() {
    List<Price> prices =
        Price.of(
            List.of(
                row("a", "11110", 4, 4, 4, 4, 4),
                row("b", "00010", 2, 2, 3, 3, 5),
                row("server", "11110"),
                row("control: a", "11110", 4, 4, 4, 4, 4)),
            "a",
            "control: a");
    assertThat(prices).extracting(Price::contestant).containsExactly("a", "b", "server");
    Price first = prices.getFirst();
    assertValue(first.accuracy(), 0.8);
    assertValue(first.costs().get("opaque_depth"), 31);
    assertThat(requireNonNull(first.costs().get("nfe")).interval()).as("all are alike").isEmpty();
    assertThat(first.lessFirst()).isEmpty();
    Price second = prices.get(1);
    assertValue(second.costs().get("nfe"), 3);
    assertValue(second.costs().get("serial_depth"), 30);
    Price.LessFirst less = second.lessFirst().orElseThrow();
    assertValue(less.accuracy(), -0.6);
    assertValue(less.costs().get("nfe"), -1);
    assertValue(less.costs().get("opaque_depth"), -7);
    // Three problems, all the same way: 2 / 2³; two tests of a family.
    assertThat(less.p()).isEqualTo(0.25);
    assertThat(less.adjusted()).isEqualTo(0.5);
    Price server = prices.get(2);
    assertThat(server.costs()).isEmpty();
    assertValue(server.lessFirst().orElseThrow().accuracy(), 0);
    assertThat(server.lessFirst().orElseThrow().p()).isEqualTo(1);
  }

  @Test
  void withoutTheFirstThereIsNothingToCompareWith() {
    List<Price> prices = Price.of(List.of(row("b", "00010", 2, 2, 3, 3, 5)), "a", "control: a");
    assertThat(prices.getFirst().lessFirst()).isEmpty();
    assertThat(prices.getFirst().json()).doesNotContainKey("less_first");
  }
}
